package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/mmpush/mmpush/core/vfs"
)

// The cache of the index files: where their pieces stand, and the marks of all stanzas,
// so that questions are answered without reading the files. It is valid for two files,
// named by inode, size and times, and rebuilt where it is not there or not valid: it is
// never synced, and nothing depends on it. All numbers are little-endian.
//
//	magic
//	for each file: device, inode, size, modification time, change time
//	for each file: number of pieces, and for each piece
//	    from, size, length of the text, number of stanzas
//	    names, groups, files: a column of hashes each; danger: a byte each
//	CRC-32 (Castagnoli) of all that
const cacheMagic = "mmpush index cache 1\n"

// maxCache bounds what is read, in bytes: the marks of as many stanzas as an index may
// have.
const maxCache = 2 * maxStanzas * 40

// maxEmpty is the largest file of an index with no stanza, in bytes.
const maxEmpty = 64

// identity tells that a file is still the one that was written.
type identity [5]uint64

func identityOf(i vfs.Info) identity {
	return identity{i.Dev, i.Ino, uint64(i.Size), uint64(i.ModTime.UnixNano()), uint64(i.ChangeTime.UnixNano())}
}

// SaveCache writes the cache of two index files that have just been put in place, under
// the repository's lock. temp is a free name in the same folder. An error costs the next
// reader time, nothing else.
func SaveCache(fsys vfs.FS, name, temp string, mode fs.FileMode, files ...Written) error {
	size := len(cacheMagic) + crc32.Size
	for _, w := range files {
		size += 48
		for _, p := range w.pieces {
			size += 32 + 25*p.len()
		}
	}
	data := append(make([]byte, 0, size), cacheMagic...)
	for _, w := range files {
		info, err := fsys.Lstat(w.file)
		if err != nil {
			return err
		}
		if info.Size != w.size {
			return errors.New("the index is not the one that was written")
		}
		for _, n := range identityOf(info) {
			data = binary.LittleEndian.AppendUint64(data, n)
		}
	}
	for _, w := range files {
		data = appendPieces(data, w.pieces)
	}
	data = binary.LittleEndian.AppendUint32(data, crc32.Checksum(data, castagnoli()))
	return replace(fsys, name, temp, mode, data)
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// replace puts a file in place, for whole or not at all as far as a living system goes.
func replace(fsys vfs.FS, name, temp string, mode fs.FileMode, data []byte) error {
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(temp, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		return errors.Join(err, fsys.Remove(temp))
	}
	return nil
}

func appendPieces(data []byte, pieces []*piece) []byte {
	le := binary.LittleEndian
	data = le.AppendUint64(data, uint64(len(pieces)))
	for _, p := range pieces {
		for _, n := range []int64{p.from, p.size, p.length, int64(p.len())} {
			data = le.AppendUint64(data, uint64(n))
		}
		for _, column := range [][]uint64{p.names, p.groups, p.files} {
			for _, h := range column {
				data = le.AppendUint64(data, h)
			}
		}
		for _, d := range p.danger {
			if d {
				data = append(data, 1)
			} else {
				data = append(data, 0)
			}
		}
	}
	return data
}

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
	data := make([]byte, info.Size)
	if n, err := f.ReadAt(data, 0); n != len(data) || err != nil && err != io.EOF {
		return nil, false
	}
	return parseCache(data, files)
}

func parseCache(data []byte, files []*indexFile) ([][]*piece, bool) {
	body := len(data) - crc32.Size
	if body < len(cacheMagic) || string(data[:len(cacheMagic)]) != cacheMagic ||
		crc32.Checksum(data[:body], castagnoli()) != binary.LittleEndian.Uint32(data[body:]) {
		return nil, false
	}
	c := &cacheReader{data: data[len(cacheMagic):body]}
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

// cacheReader takes numbers from the front; bad if there are too few, or senseless ones.
type cacheReader struct {
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

func (c *cacheReader) column(n int) []uint64 {
	column := make([]uint64, n)
	for i := range column {
		column[i] = binary.LittleEndian.Uint64(c.data[8*i:])
	}
	c.data = c.data[8*n:]
	return column
}

// pieces reads the pieces of a file of that size: they stand one after the other, and
// fill it.
func (c *cacheReader) pieces(f *indexFile, size int64) []*piece {
	var all []*piece
	at := int64(0)
	for range c.number() {
		p := &piece{src: f, from: int64(c.number()), size: int64(c.number()), length: int64(c.number())}
		n := c.number()
		if c.bad || p.from != at || p.size <= 0 || p.size > size-at || p.length <= 0 || n == 0 || n > uint64(len(c.data)/25) {
			c.bad = true
			return nil
		}
		at += p.size
		p.names, p.groups, p.files = c.column(int(n)), c.column(int(n)), c.column(int(n))
		p.danger = make([]bool, n)
		for i := range p.danger {
			if p.danger[i] = c.data[i] == 1; p.danger[i] {
				p.dangers++
			}
		}
		c.data = c.data[n:]
		all = append(all, p)
	}
	// What is in no piece is the member that stands for an empty index.
	if at != size && (len(all) > 0 || size > maxEmpty) {
		c.bad = true
	}
	return all
}

// CheckCache compares a cache with the indexes that it is of. nil is also said where there
// is none, or where it is of others: then nobody believes it. An error whose chain has
// [ErrCache] says that it lies; any other, that an index cannot be read.
func CheckCache(fsys vfs.FS, name string) error {
	said, err := OpenCached(fsys, name)
	if err != nil {
		return err
	}
	defer said.Close()
	lists, ok := readCache(fsys, name, said.files)
	if !ok {
		return nil
	}
	is, err := Open(fsys)
	if err != nil {
		return err
	}
	defer is.Close()
	for i, l := range []list{is.binaries, is.sources} {
		if !slices.Equal(slices.Collect(l.marks()), slices.Collect(list{pieces: lists[i]}.marks())) {
			return fmt.Errorf("%w: it knows other stanzas of %s than stand there", ErrCache, said.files[i].name)
		}
	}
	return nil
}

// marks yields the marks of all stanzas, in order.
func (l list) marks() iter.Seq[mark] {
	return func(yield func(mark) bool) {
		for _, p := range l.pieces {
			for i := range p.names {
				if !yield(p.mark(i)) {
					return
				}
			}
		}
	}
}
