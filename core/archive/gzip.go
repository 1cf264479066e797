package archive

import (
	"io"
	"time"

	"github.com/klauspost/compress/gzip"
)

// gzipLevel is the best that is still fast: 120 MB/s.
const gzipLevel = 6

// GzipWriter writes one gzip member. The header holds no name and no time, so
// that equal input gives equal bytes.
type GzipWriter struct {
	z *gzip.Writer
}

// NewGzipWriter returns a writer of one member to w. It holds about 1 MB, so a
// caller who writes many members uses Reset.
func NewGzipWriter(w io.Writer) *GzipWriter {
	z, _ := gzip.NewWriterLevel(w, gzipLevel) // fails only for a level that is not there
	g := &GzipWriter{z}
	g.Reset(w)
	return g
}

// Write compresses p. The error is that of the underlying writer.
func (g *GzipWriter) Write(p []byte) (int, error) { return g.z.Write(p) }

// Close ends the member; it does not close the underlying writer. A member that
// nothing was written to is valid and empty.
func (g *GzipWriter) Close() error { return g.z.Close() }

// Reset starts a new member on w.
func (g *GzipWriter) Reset(w io.Writer) {
	g.z.Reset(w)
	g.z.ModTime = time.Unix(0, 0) // "no time"; the library writes the zero time as it is
}
