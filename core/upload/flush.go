package upload

import (
	"io"

	"github.com/mmpush/mmpush/core/vfs"
)

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
	n, err := f.to.Write(p)
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
