package upload

import (
	"errors"
	"io"
	"syscall"

	"github.com/mmpush/mmpush/core/vfs"
)

// blockSize is how much is written directly at once.
const blockSize = 1 << 20

// direct writes a large file past the system's cache, a block in the background while the
// next one is filled. What is no whole block at its place in the file, and all of it where
// that cannot be done, takes the usual way.
type direct struct {
	to    vfs.File
	mode  vfs.DirectWriter
	usual *flusher
	// lead are the bytes up to where the first block begins.
	lead int64
	// blocks are the one that is filled, with filled bytes, and the one that is written.
	blocks [2][]byte
	filled int
	// written gives the answer about the last block.
	written chan error
	// on: writes are direct. refused: they cannot be. Both are for who has the answer, or
	// for who owes it.
	on, refused bool
}

// WriteDirect is [FlushEarly] for a large file of which at bytes are there. The bytes do
// not stay in memory, where nobody is going to look for them soon, and the copy there, dear
// as it is in virtual machines, is saved. Up to two MiB are not written before wait is
// called.
func WriteDirect(to vfs.File, at int64) (w io.Writer, wait func() error) {
	mode, ok := to.(vfs.DirectWriter)
	if !ok {
		return FlushEarly(to)
	}
	d := &direct{to: to, mode: mode, usual: &flusher{to: to, every: flushEvery}, written: make(chan error, 1)}
	d.lead = (blockSize - at%blockSize) % blockSize
	for i := range d.blocks {
		// Memory of this size begins at a page; if not, the write is refused.
		d.blocks[i] = make([]byte, blockSize)
	}
	d.written <- nil
	return d, d.wait
}

// Write implements [io.Writer]. An error may be that of an earlier part, and is final.
func (d *direct) Write(p []byte) (n int, err error) {
	if lead := min(d.lead, int64(len(p))); lead > 0 {
		n, err = d.usual.Write(p[:lead])
		d.lead -= int64(n)
	}
	for n < len(p) && err == nil {
		took := copy(d.blocks[0][d.filled:], p[n:])
		n += took
		if d.filled += took; d.filled == blockSize {
			err = d.next()
		}
	}
	return n, err
}

// next begins to write the block that is full when the last one is written.
func (d *direct) next() error {
	if err := <-d.written; err != nil {
		d.written <- err
		return err
	}
	d.blocks[0], d.blocks[1], d.filled = d.blocks[1], d.blocks[0], 0
	go func(block []byte) { d.written <- d.write(block) }(d.blocks[1])
	return nil
}

// write writes one block, directly if that can be.
func (d *direct) write(block []byte) error {
	if !d.on && !d.refused {
		d.on = d.mode.WriteDirect(true) == nil
		d.refused = !d.on
	}
	if d.refused {
		_, err := d.usual.Write(block)
		return err
	}
	n, err := d.to.Write(block)
	if n > 0 || !errors.Is(err, syscall.EINVAL) {
		return err
	}
	d.on, d.refused = false, true
	if err := d.mode.WriteDirect(false); err != nil {
		return err
	}
	_, err = d.usual.Write(block)
	return err
}

// wait writes what is left, and returns when nothing is under way any more. After an
// error nothing is written behind what is missing.
func (d *direct) wait() error {
	err := <-d.written
	if d.on {
		d.on = false
		err = errors.Join(err, d.mode.WriteDirect(false))
	}
	if err == nil {
		_, err = d.usual.Write(d.blocks[0][:d.filled])
		d.filled = 0
	}
	return errors.Join(err, d.usual.wait())
}
