package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// inputBuffer is how much is read from the source at once, if there is so much: the codecs
// ask for a few bytes at a time.
const inputBuffer = 64 << 10

// Zstd decodes one zstd file: one or more frames, skippable ones included.
// compressedSize is the real size of the whole file in bytes; it sets the decoded
// limit, nothing else. The error is about l. Reads return [ErrFormat], [ErrLimit] or
// [SourceError], and io.EOF only after the last frame's checksum. Close releases
// the decoder; it neither reads on nor closes r.
func Zstd(r io.Reader, compressedSize int64, l Limits) (io.ReadCloser, error) {
	return newDecoder("zstd", r, compressedSize, l, func(in *bufio.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(in,
			zstd.WithDecoderConcurrency(1), // decodes in Read: no goroutine
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(l.Window),
			zstd.WithDecoderMaxMemory(l.Window), // a frame's own size may stand for its window
		)
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	})
}

// Gzip decodes one gzip file: one or more members. Arguments, errors and Close
// are as in [Zstd]; a file of no bytes is not a gzip file.
func Gzip(r io.Reader, compressedSize int64, l Limits) (io.ReadCloser, error) {
	return newDecoder("gzip", r, compressedSize, l, func(in *bufio.Reader) (io.ReadCloser, error) {
		return gzip.NewReader(in)
	})
}

// XZ decodes one xz file: one or more streams, padding between them included.
// Only the LZMA2 filter is known. Arguments, errors and Close are as in [Zstd].
func XZ(r io.Reader, compressedSize int64, l Limits) (io.ReadCloser, error) {
	return newDecoder("xz", r, compressedSize, l, func(in *bufio.Reader) (io.ReadCloser, error) {
		return newXZReader(newXZGuard(in, l.Decoded(compressedSize), l.Window))
	})
}

// opener starts a codec. It runs at the first Read, so that a decoder never
// fails, or blocks, before somebody reads.
type opener func(in *bufio.Reader) (io.ReadCloser, error)

// decoder is a codec with a limit on its output and errors that say whose
// fault it is.
type decoder struct {
	kind string
	src  *source
	open opener
	// buffer is how much is read from the source at once.
	buffer int
	// in is nil before the first Read and after Close.
	in io.ReadCloser
	// left is how much may still be decoded.
	left, max int64
	window    uint64
	// err is what every further Read returns.
	err error
}

func newDecoder(kind string, r io.Reader, size int64, l Limits, open opener) (io.ReadCloser, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	n := l.Decoded(size)
	buffer := int(min(max(size, 0), inputBuffer-1)) + 1
	return &decoder{kind: kind, src: &source{r: r}, open: open, buffer: buffer, left: n, max: n, window: l.Window}, nil
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.err == nil && d.in == nil {
		d.start()
	}
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	if int64(len(p)) > d.left+1 {
		p = p[:d.left+1] // one more than allowed tells the end from the excess
	}
	n, err := d.in.Read(p)
	if int64(n) > d.left {
		n, err = int(d.left), &LimitError{LimitDecoded, d.max}
	}
	d.left -= int64(n)
	if err != nil {
		d.err = d.explain(err)
	}
	return n, d.err
}

func (d *decoder) start() {
	in, err := d.open(bufio.NewReaderSize(d.src, d.buffer))
	if err != nil {
		d.err = d.explain(err)
		return
	}
	d.in = in
}

// explain classifies the end of a codec. The source goes first: a codec may
// take its failure for the end of the data.
func (d *decoder) explain(err error) error {
	switch {
	case d.src.err != nil:
		return d.src.err
	case d.src.n == 0:
		return formatError("the %s file is empty", d.kind)
	case err == io.EOF:
		return io.EOF
	case errors.Is(err, ErrFormat) || errors.Is(err, ErrLimit):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return &LimitError{LimitWindow, int64(d.window)}
	case errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, gzip.ErrHeader):
		return formatError("it is not %s data, or other data follows that", d.kind)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return formatError("the %s data is cut short", d.kind)
	}
	return formatError("bad %s data: %w", d.kind, err)
}

// errClosed is returned by a Read after Close.
var errClosed = errors.New("the decoder is closed")

// Close releases the codec.
func (d *decoder) Close() error {
	if d.err == nil || d.err == io.EOF {
		d.err = errClosed
	}
	if d.in == nil {
		return nil
	}
	in := d.in
	d.in = nil
	if err := in.Close(); err != nil {
		return fmt.Errorf("close the %s decoder: %w", d.kind, err)
	}
	return nil
}
