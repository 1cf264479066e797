package vfs

import (
	"io"
)

// RangeCopier is what a File can be if the system copies between files by itself.
type RangeCopier interface {
	// CopyRange appends n bytes of src, from its offset from on. It returns how many it
	// has copied, and an error if those are all that the system can do; the rest is to be
	// read and written.
	CopyRange(src File, from, n int64) (int64, error)
}

// copyBuffer is how much is read at once where the system does not copy.
const copyBuffer = 256 << 10

// CopyRange appends n bytes of src, from its offset from on, to dst. A source that is
// shorter is an error, io.ErrUnexpectedEOF.
func CopyRange(dst io.Writer, src File, from, n int64) error {
	if c, ok := dst.(RangeCopier); ok {
		done, _ := c.CopyRange(src, from, n) // what it cannot do is done below
		from, n = from+done, n-done
	}
	if n == 0 {
		return nil
	}
	copied, err := io.CopyBuffer(struct{ io.Writer }{dst}, io.NewSectionReader(src, from, n), make([]byte, min(n, copyBuffer)))
	if err == nil && copied < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}
