package index

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/mmpush/mmpush/core/vfs"
)

// readCache returns the pieces of both files, if the cache is there and theirs.
func readCache(fsys vfs.FS, name string, files []*indexFile) (lists [][]*piece, ok bool) {
	if name == "" || slices.ContainsFunc(files, func(f *indexFile) bool { return f.File == nil }) {
		return nil, false
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.IsRegular() || info.Size > maxCache {
		return nil, false
	}
	data, err := vfs.BytesOf(f, info.Size)
	if err != nil {
		return nil, false
	}
	return parseCache(data.Bytes, cacheFile{data, info.Dev, info.Ino, info.Size}, files)
}

// parseCache takes the cache apart. What it returns shares the data.
func parseCache(data []byte, in cacheFile, files []*indexFile) ([][]*piece, bool) {
	table, ok := lastTable(data)
	if !ok {
		return nil, false
	}
	c := &cacheReader{all: data, in: in, data: table}
	infos := make([]vfs.Info, len(files))
	for i, f := range files {
		info, err := f.Stat()
		if err != nil {
			return nil, false
		}
		infos[i] = info
		for _, n := range identityOf(info) {
			if c.number() != n {
				return nil, false
			}
		}
	}
	var lists [][]*piece
	for i, f := range files {
		lists = append(lists, c.pieces(f, infos[i].Size))
	}
	return lists, !c.bad && len(c.data) == 0
}

// lastTable is the table that the footer tells of.
func lastTable(data []byte) ([]byte, bool) {
	le := binary.LittleEndian
	end := len(data) - footerSize
	if end < len(cacheMagic) || string(data[:len(cacheMagic)]) != cacheMagic {
		return nil, false
	}
	from := le.Uint64(data[end:])
	if from < uint64(len(cacheMagic)) || from > uint64(end) {
		return nil, false
	}
	if crc32.Checksum(data[from:end+8], castagnoli()) != le.Uint32(data[end+8:]) {
		return nil, false
	}
	return data[from:end], true
}

// cacheReader takes a table apart, from the front; bad if there is too little, or what
// makes no sense.
type cacheReader struct {
	// all is the whole cache, and in the file that it is.
	all  []byte
	in   cacheFile
	data []byte
	bad  bool
}

func (c *cacheReader) number() uint64 {
	if len(c.data) < 8 {
		c.bad = true
		return 0
	}
	n := binary.LittleEndian.Uint64(c.data)
	c.data = c.data[8:]
	return n
}

// state is the state of a sum; nil if there is none.
func (c *cacheReader) state() []byte {
	if len(c.data) < stateSize {
		c.bad = true
		return nil
	}
	state := c.data[:stateSize:stateSize]
	c.data = c.data[stateSize:]
	if state[0] == 0 {
		return nil
	}
	return state
}

// pieces reads the pieces of a file of that size: they stand one after the other, and
// fill it.
func (c *cacheReader) pieces(f *indexFile, size int64) []*piece {
	n := c.number()
	if n > uint64(len(c.data)/entrySize) {
		c.bad = true
		return nil
	}
	all := make([]*piece, 0, n)
	at := int64(0)
	for range n {
		p := &piece{src: f, from: int64(c.number()), size: int64(c.number()), length: int64(c.number())}
		p.marks = c.marks(p)
		p.sum = c.state()
		if c.bad || p.from != at || p.size <= 0 || p.size > size-at || p.length <= 0 {
			c.bad = true
			return nil
		}
		at += p.size
		all = append(all, p)
	}
	// What is in no piece is the member that stands for an empty index.
	if at != size && (len(all) > 0 || size > maxEmpty) {
		c.bad = true
	}
	return all
}

// marks are the columns of a piece.
func (c *cacheReader) marks(p *piece) marks {
	n, at, crc := c.number(), c.number(), c.number()
	most := uint64(len(c.all))
	if c.bad || n == 0 || n > most/markSize || at < uint64(len(cacheMagic)) || at > most-n*markSize {
		c.bad = true
		return marks{}
	}
	columns := c.all[at : at+n*markSize]
	if uint64(crc32.Checksum(columns, castagnoli())) != crc {
		c.bad = true
		return marks{}
	}
	p.saved = saved{c.in, int64(at), uint32(crc)}
	return marksOf(columns, int(n))
}
