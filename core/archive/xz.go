package archive

import (
	"bufio"
	"io"
	"slices"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// xzReader is the library's reader behind a guard. The guard's verdict goes
// first: the library takes some truncated files for whole ones.
type xzReader struct {
	guard *xzGuard
	z     *xz.Reader
}

func newXZReader(g *xzGuard) (io.ReadCloser, error) {
	// The smallest dictionary: the library takes the larger of this and the
	// block's own.
	z, err := xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(g)
	if err != nil {
		return nil, g.verdict(err)
	}
	return &xzReader{g, z}, nil
}

func (x *xzReader) Read(p []byte) (int, error) {
	n, err := x.z.Read(p)
	if err != nil {
		err = x.guard.verdict(err)
	}
	return n, err
}

func (x *xzReader) Close() error { return nil }

// xzGuard walks the structure of an xz file ahead of the library and hands on
// only what it has walked over. The library would allocate any dictionary that a
// header asks for, and a new one for each block. The walk needs no decoding:
// every LZMA2 chunk says how long it is and how much it decodes to, so that most
// bombs are refused before anything is decoded.
//
// Format: https://tukaani.org/xz/xz-file-format.txt, version 1.2.1.
type xzGuard struct {
	r *bufio.Reader
	// ready is walked over; from sent on it is not handed on yet.
	ready []byte
	sent  int
	// step walks over the next unit of the file.
	step func() error
	// err ends the walk; io.EOF after a whole file.
	err error

	window uint64
	// decoded and allocated are counted together for all streams; each may
	// reach max.
	decoded, allocated, max int64

	// Of the stream at hand:

	checkSize int
	// data is the length of the block's compressed data so far.
	data int64
	// records are left to come in the index; index is its length so far.
	records uint64
	index   int64
}

const (
	// lookAhead is how much is walked over before the library decodes any.
	lookAhead = 256 << 10
	// chunkCost is what the library may allocate for one chunk.
	chunkCost = 32 << 10
)

func newXZGuard(r *bufio.Reader, limit int64, window uint64) *xzGuard {
	g := &xzGuard{r: r, max: limit, window: window}
	g.step = g.firstHeader
	return g
}

// verdict is the guard's error if it has one, else the library's.
func (g *xzGuard) verdict(err error) error {
	if g.err != nil && g.err != io.EOF {
		return g.err
	}
	return err
}

func (g *xzGuard) Read(p []byte) (int, error) {
	if g.sent == len(g.ready) {
		g.ready, g.sent = g.ready[:0], 0
		g.walk()
	}
	if g.err != nil && g.err != io.EOF {
		return 0, g.err
	}
	if g.sent == len(g.ready) {
		return 0, io.EOF
	}
	n := copy(p, g.ready[g.sent:])
	g.sent += n
	return n, nil
}

func (g *xzGuard) walk() {
	for g.err == nil && len(g.ready) < lookAhead {
		g.err = g.step()
		if g.err == nil && max(g.decoded, g.allocated) > g.max {
			g.err = &LimitError{LimitDecoded, g.max}
		}
	}
}

// take walks over the next n bytes and returns them; they are valid until the
// next take.
func (g *xzGuard) take(n int) ([]byte, error) {
	start := len(g.ready)
	g.ready = slices.Grow(g.ready, n)[:start+n]
	_, err := io.ReadFull(g.r, g.ready[start:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, formatError("the xz data is cut short")
	}
	return g.ready[start:], err
}

// takeInt walks over one integer of 1 to 9 bytes of 7 bits, and returns its
// length, too.
func (g *xzGuard) takeInt() (v uint64, n int, err error) {
	for n < 9 {
		b, err := g.take(1)
		if err != nil {
			return 0, n, err
		}
		v |= uint64(b[0]&0x7f) << (7 * n)
		n++
		if b[0]&0x80 == 0 {
			return v, n, nil
		}
	}
	return 0, n, formatError("bad xz data: a number is too long")
}
