package index

import (
	"bufio"
	"compress/gzip"
	"io"

	"github.com/mmpush/mmpush/core/archive"
)

// membersEnd returns where the last gzip member of a file ends, and whether all
// members are whole. What follows a member and does not start like another one is
// not looked at: zlib, which the real client uses, ignores it.
//
// Package archive refuses such a file, and cannot say where its members end; this
// runs only then, on the standard library.
func membersEnd(f io.ReaderAt, size int64) (int64, bool) {
	src := &counter{r: io.NewSectionReader(f, 0, size)}
	in := bufio.NewReader(src)
	left := archive.DefaultLimits().Decoded(size)
	z, err := gzip.NewReader(in)
	for err == nil {
		z.Multistream(false)
		n, err := io.Copy(io.Discard, io.LimitReader(z, left+1))
		left -= n
		if err != nil || left < 0 {
			return 0, false
		}
		if magic, _ := in.Peek(2); string(magic) != "\x1f\x8b" {
			return src.n - int64(in.Buffered()), true
		}
		if z.Reset(in) != nil {
			return 0, false
		}
	}
	return 0, false
}

// counter counts the bytes that were read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
