package archive

import (
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"
)

// The steps of an xzGuard, in the order of the file: each walks over one unit
// and sets the step after it.

const (
	xzMagic        = "\xfd7zXZ\x00"
	xzHeaderSize   = 12
	lzma2FilterID  = 0x21
	lzma2PropsSize = 1
)

func (g *xzGuard) firstHeader() error {
	h, err := g.take(xzHeaderSize)
	if err != nil {
		return err
	}
	return g.header(h)
}

// header reads the header of a stream.
func (g *xzGuard) header(h []byte) error {
	if string(h[:len(xzMagic)]) != xzMagic {
		return formatError("bad xz data: no stream header where one should be")
	}
	g.checkSize = 0
	if check := h[7] & 0x0f; check != 0 {
		g.checkSize = 4 << ((check - 1) / 3)
	}
	g.records = 0
	g.step = g.block
	return nil
}

// between is after a stream: padding, another stream, or the end.
func (g *xzGuard) between() error {
	if _, err := g.r.Peek(1); err == io.EOF {
		return io.EOF
	}
	pad, err := g.take(4)
	if err != nil {
		return err
	}
	if string(pad) == "\x00\x00\x00\x00" {
		return nil
	}
	if _, err := g.take(xzHeaderSize - len(pad)); err != nil {
		return err
	}
	return g.header(g.ready[len(g.ready)-xzHeaderSize:])
}

// block reads a block header, or the byte that stands for the index.
func (g *xzGuard) block() error {
	b, err := g.take(1)
	if err != nil {
		return err
	}
	if b[0] == 0 {
		return g.startIndex()
	}
	size := (int(b[0]) + 1) * 4
	h, err := g.take(size - 1)
	if err != nil {
		return err
	}
	dict, err := dictionary(h[:len(h)-4]) // its last four bytes are a checksum
	if err != nil {
		return err
	}
	if uint64(dict) > g.window {
		return &LimitError{LimitWindow, int64(g.window)}
	}
	g.allocated += dict
	g.data = 0
	g.step = g.chunk
	return nil
}

// dictionary returns the size of the dictionary that a block header asks for; h
// starts at the block flags.
func dictionary(h []byte) (int64, error) {
	flags, h := h[0], h[1:]
	if flags&0x03 != 0 {
		return 0, formatError("the xz file uses a filter other than LZMA2")
	}
	for _, present := range []byte{0x40, 0x80} { // compressed and uncompressed size
		if flags&present == 0 {
			continue
		}
		i := slices.IndexFunc(h, func(b byte) bool { return b < 0x80 })
		if i < 0 {
			return 0, formatError("bad xz data: a block header is cut short")
		}
		h = h[i+1:]
	}
	if len(h) < 3 || h[0] != lzma2FilterID || h[1] != lzma2PropsSize {
		return 0, formatError("the xz file uses a filter other than LZMA2")
	}
	n, err := lzma.DecodeDictCap(h[2])
	if err != nil {
		return 0, formatError("bad xz data: %w", err)
	}
	return n, nil
}

// chunk reads one LZMA2 chunk, or the end of the block with its checksum.
func (g *xzGuard) chunk() error {
	control, err := g.takeData(1)
	if err != nil {
		return err
	}
	switch c := control[0]; {
	case c == 0:
		g.step = g.block
		_, err := g.take(int(-g.data&3) + g.checkSize)
		return err
	case c <= 2:
		return g.storedChunk()
	case c >= 0xc0:
		return g.lzmaChunk(c, 5)
	case c >= 0x80:
		return g.lzmaChunk(c, 4)
	}
	return formatError("bad xz data: an unknown kind of chunk")
}

func (g *xzGuard) storedChunk() error {
	h, err := g.takeData(2)
	if err != nil {
		return err
	}
	size := (int(h[0])<<8 | int(h[1])) + 1
	g.decoded += int64(size)
	_, err = g.takeData(size)
	return err
}

// lzmaChunk reads a compressed chunk, whose header has n bytes after c.
func (g *xzGuard) lzmaChunk(c byte, n int) error {
	h, err := g.takeData(n)
	if err != nil {
		return err
	}
	g.decoded += (int64(c&0x1f)<<16 | int64(h[0])<<8 | int64(h[1])) + 1
	g.allocated += chunkCost
	_, err = g.takeData((int(h[2])<<8 | int(h[3])) + 1)
	return err
}

// takeData is take for the compressed data of a block.
func (g *xzGuard) takeData(n int) ([]byte, error) {
	g.data += int64(n)
	return g.take(n)
}

func (g *xzGuard) startIndex() error {
	n, size, err := g.takeInt()
	if err != nil {
		return err
	}
	g.records, g.index = n, int64(1+size)
	g.step = g.record
	return nil
}

// record reads one record of the index, or its end with the stream's footer.
func (g *xzGuard) record() error {
	if g.records == 0 {
		g.step = g.between
		_, err := g.take(int(-g.index&3) + 4 + xzHeaderSize)
		return err
	}
	g.records--
	for range 2 {
		_, n, err := g.takeInt()
		if err != nil {
			return err
		}
		g.index += int64(n)
	}
	return nil
}
