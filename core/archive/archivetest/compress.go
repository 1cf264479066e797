package archivetest

import (
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Zstd returns a writer of one zstd frame with a window of 1 MiB.
func Zstd(w io.Writer) io.WriteCloser { return ZstdWindow(w, 1<<20) }

// ZstdWindow is [Zstd] with another window, a power of two.
func ZstdWindow(w io.Writer, window int) io.WriteCloser {
	z, err := zstd.NewWriter(w,
		zstd.WithEncoderConcurrency(1),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(window))
	must(err)
	return z
}

// Gzip returns a writer of one gzip member.
func Gzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

// XZ returns a writer of one xz stream with a dictionary of 64 KiB.
func XZ(w io.Writer) io.WriteCloser { return XZDict(w, 1<<16) }

// XZDict is [XZ] with another dictionary size.
func XZDict(w io.Writer, dict int) io.WriteCloser {
	x, err := xz.WriterConfig{DictCap: dict}.NewWriter(w)
	must(err)
	return x
}

// Pack compresses data with one of the writers of this package.
func Pack(open func(io.Writer) io.WriteCloser, data []byte) []byte {
	var buf bytes.Buffer
	w := open(&buf)
	_, err := w.Write(data)
	must(err)
	must(w.Close())
	return buf.Bytes()
}

// Zeros compresses n zero bytes with one of the writers of this package: a bomb.
func Zeros(open func(io.Writer) io.WriteCloser, n int64) []byte {
	var buf bytes.Buffer
	w := open(&buf)
	_, err := io.CopyN(w, zeroReader{}, n)
	must(err)
	must(w.Close())
	return buf.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// must panics: writing to memory fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
