package vfs

// WriteStarter is what a File can be if the system can be told to begin to write to the
// disk what was written to the file so far.
type WriteStarter interface {
	// StartWriting does not wait for the disk, and makes nothing durable: Sync does, and
	// reports what fails. It has less left to do then.
	StartWriting()
}

// StartWriting has the disk begin, if f is a [WriteStarter].
func StartWriting(f any) {
	if s, ok := f.(WriteStarter); ok {
		s.StartWriting()
	}
}
