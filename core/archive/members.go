package archive

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
)

// GzipMembers reads a gzip file member by member, and says where each stands.
type GzipMembers struct {
	src  *source
	in   *bufio.Reader
	z    *gzip.Reader
	left int64
	max  int64
	// end is where the last whole member ends.
	end int64
	err error
}

// NewGzipMembers returns a reader of the members of r, a gzip file of compressedSize
// bytes. The error is about l. The decoded limit is one for all members together.
func NewGzipMembers(r io.Reader, compressedSize int64, l Limits) (*GzipMembers, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	src := &source{r: r}
	n := l.Decoded(compressedSize)
	return &GzipMembers{src: src, in: bufio.NewReaderSize(src, inputBuffer), left: n, max: n}, nil
}

// Next goes on to the next member, whether or not the one at hand has been read to its
// end. It returns io.EOF after the last one, and [ErrTrailing] if bytes follow it that
// are not another one.
func (g *GzipMembers) Next() error {
	if g.err != nil {
		return g.err
	}
	if g.z != nil {
		if _, err := io.Copy(io.Discard, g); err != nil {
			return err
		}
	}
	g.end = g.src.n - int64(g.in.Buffered())
	g.err = g.next()
	return g.err
}

// ErrTrailing is in the chain of the error that [GzipMembers.Next] returns for bytes
// after the last member.
var ErrTrailing = errors.New("bytes stand after the end of the gzip data")

func (g *GzipMembers) next() error {
	magic, err := g.in.Peek(2)
	switch {
	case g.src.err != nil:
		return g.src.err
	case len(magic) == 0 && err == io.EOF:
		return io.EOF
	case string(magic) != "\x1f\x8b" && g.z == nil:
		return formatError("it is not gzip data")
	case string(magic) != "\x1f\x8b":
		return ErrTrailing
	case g.z == nil:
		g.z, err = gzip.NewReader(g.in)
	default:
		err = g.z.Reset(g.in)
	}
	if err != nil {
		return g.explain(err)
	}
	g.z.Multistream(false)
	return nil
}

// Read reads the content of the member at hand, and returns io.EOF at its end.
func (g *GzipMembers) Read(p []byte) (int, error) {
	if g.err != nil || g.z == nil {
		return 0, g.err
	}
	if int64(len(p)) > g.left+1 {
		p = p[:g.left+1] // one more than allowed tells the end from the excess
	}
	n, err := g.z.Read(p)
	if int64(n) > g.left {
		n, err = int(g.left), &LimitError{LimitDecoded, g.max}
		g.err = err
	}
	g.left -= int64(n)
	if err != nil && err != io.EOF {
		g.err = g.explain(err)
		err = g.err
	}
	return n, err
}

// Start returns where the member at hand starts, or after the last one where it ends,
// in bytes of the file.
func (g *GzipMembers) Start() int64 { return g.end }

func (g *GzipMembers) explain(err error) error {
	switch {
	case g.src.err != nil:
		return g.src.err
	case errors.Is(err, ErrLimit):
		return err
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return formatError("the gzip data is cut short")
	}
	return formatError("bad gzip data: %w", err)
}
