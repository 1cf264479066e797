package upload

import (
	"io"

	"github.com/mmpush/mmpush/core/vfs"
)

// pieceSize is how much is written at once: as much as the page cache takes in small pages
// that are at hand. For larger writes Linux makes large ones, and a virtual machine may
// have to get each of those from its host, which costs five times what the copy does.
const pieceSize = 32 << 10

// flushEvery is after how many bytes a file that is being written is synced, while
// more of it is written. It is there for speed alone: the disk starts early, and
// the Sync at the end, the one that counts, has little left to do.
const flushEvery = 64 << 20

// flusher writes a file and syncs what it wrote in the background. Whoever has
// written with it must wait for it.
type flusher struct {
	to      vfs.File
	every   int64
	pending int64
	// running gives the answer of the Sync that is under way; nil if there is none.
	running chan error
}

// Write implements [io.Writer]. A failed Sync is final: its error may be that of
// an earlier part.
func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.pieces(p)
	f.pending += int64(n)
	if err != nil || f.pending < f.every {
		return n, err
	}
	select {
	case err = <-f.running:
		f.running = nil
	default:
	}
	if err == nil && f.running == nil {
		f.start()
	}
	return n, err
}

// pieces writes p a piece at a time.
func (f *flusher) pieces(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var wrote int
		wrote, err = f.to.Write(p[n:min(n+pieceSize, len(p))])
		n += wrote
	}
	return n, err
}

func (f *flusher) start() {
	answer := make(chan error, 1)
	go func() { answer <- f.to.Sync() }()
	f.running, f.pending = answer, 0
}

// wait returns when no Sync is under way any more.
func (f *flusher) wait() error {
	if f.running == nil {
		return nil
	}
	return <-f.running
}

// FlushEarly returns a writer to a file that the disk begins to take while more is
// written, so that the Sync at the end, which the caller owes, has little left to do.
// The caller calls wait before that, and before closing the file.
func FlushEarly(to vfs.File) (w io.Writer, wait func() error) {
	f := &flusher{to: to, every: flushEvery}
	return f, f.wait
}
