package vfs

// DirectAlign is what offsets, lengths and memory addresses of direct writes are multiples
// of; it is enough for every disk that there is.
const DirectAlign = 4096

// DirectWriter is what a File can be if the system can write it past its cache: the bytes
// are not copied once more, take no memory, and drive nothing else out of it.
type DirectWriter interface {
	// WriteDirect says how the writes that follow go. Direct ones are of
	// [DirectAlign]; others, and those that the file system or the disk does not take
	// like that, fail with EINVAL and have written nothing. An error means that all
	// writes go as before. What was written is as durable as ever: not before Sync.
	WriteDirect(direct bool) error
}
