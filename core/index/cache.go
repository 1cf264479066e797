package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"

	"github.com/mmpush/mmpush/core/vfs"
)

// The cache of the index files: where their pieces stand, and the marks of all stanzas,
// so that questions are answered without reading the files. It is valid for two files,
// named by inode, size and times, and rebuilt where it is not there or not valid: it is
// never synced, and nothing depends on it. All numbers are little-endian.
//
//	magic
//	columns of pieces
//	table:  for each file: device, inode, size, modification time, change time
//	        for each file: number of pieces, and for each piece
//	            from, size, length of the text, number of stanzas
//	            offset of its columns in this file, their CRC-32 (Castagnoli)
//	            state of the SHA-256 of the file up to the end of the piece
//	footer: offset of the table, CRC-32 of the table and of that offset
//
// A publish appends the columns of the pieces that it has made, a table and a footer, so
// that it costs what has changed; the last footer counts. What no table names any more is
// left behind when it has become too much.
const cacheMagic = "mmpush index cache 2\n"

const (
	// stateSize is that of the state of a SHA-256.
	stateSize = 108
	// entrySize is that of a piece in the table, and footerSize of the footer.
	entrySize  = 6*8 + stateSize
	footerSize = 8 + crc32.Size
)

// maxCache bounds what is read, in bytes: the marks of as many stanzas as an index may
// have.
const maxCache = 4 * maxStanzas * 40

// maxEmpty is the largest file of an index with no stanza, in bytes.
const maxEmpty = 64

// identity tells that a file is still the one that was written.
type identity [5]uint64

func identityOf(i vfs.Info) identity {
	return identity{i.Dev, i.Ino, uint64(i.Size), uint64(i.ModTime.UnixNano()), uint64(i.ChangeTime.UnixNano())}
}

// cacheFile is a cache that was read: the file, and how much of it there was.
type cacheFile struct {
	// view holds the bytes, as long as a piece is made of them.
	view     *vfs.Bytes
	dev, ino uint64
	size     int64
}

// is reports whether a file is the one that was read, and nobody has written to it since.
func (c cacheFile) is(i vfs.Info) bool {
	return i.IsRegular() && i.Dev == c.dev && i.Ino == c.ino && i.Size == c.size
}

// saved is where the columns of a piece stand in a cache.
type saved struct {
	in  cacheFile
	at  int64
	crc uint32
}

// SaveCache writes the cache of two index files that have just been put in place, under
// the repository's lock. temp is a free name in the same folder. An error costs the next
// reader time, nothing else.
func SaveCache(fsys vfs.FS, name, temp string, mode fs.FileMode, files ...Written) error {
	for _, w := range files {
		if _, err := w.Sum(); err != nil {
			return err
		}
	}
	ids, err := identities(fsys, files)
	if err != nil {
		return err
	}
	if in, live := cachedIn(files); in.size > 0 {
		w := newCacheWriter(in, int(in.size), files)
		data := w.table(ids, files)
		if dead := in.size + int64(len(data)) - live; dead <= in.size/2 {
			if err := extend(fsys, name, mode, in, data); err == nil {
				return nil
			}
		}
	}
	w := newCacheWriter(cacheFile{}, 0, files)
	w.data = append(w.data, cacheMagic...)
	return replace(fsys, name, temp, mode, w.table(ids, files))
}

// identities are those of the files, which have to be the ones that were written.
func identities(fsys vfs.FS, files []Written) ([]identity, error) {
	var ids []identity
	for _, w := range files {
		info, err := fsys.Lstat(w.file)
		if err != nil {
			return nil, err
		}
		if info.Size != w.size {
			return nil, errors.New("the index is not the one that was written")
		}
		ids = append(ids, identityOf(info))
	}
	return ids, nil
}

// cachedIn is the cache that pieces have come from, if it is one, and how much of a cache
// with all the pieces they are.
func cachedIn(files []Written) (in cacheFile, live int64) {
	live = int64(len(cacheMagic) + footerSize + 2*8*(1+len(identity{})))
	for _, w := range files {
		for _, p := range w.pieces {
			live += int64(entrySize + markSize*p.len())
			if p.saved.at > 0 {
				in = p.saved.in
			}
		}
	}
	return in, live
}

// cacheWriter makes what is to be written behind the first bytes of a cache.
type cacheWriter struct {
	in   cacheFile
	base int
	data []byte
}

func newCacheWriter(in cacheFile, base int, files []Written) *cacheWriter {
	size := 512
	for _, w := range files {
		for _, p := range w.pieces {
			if size += entrySize; p.saved.at == 0 || p.saved.in != in {
				size += markSize * p.len()
			}
		}
	}
	return &cacheWriter{in, base, make([]byte, 0, size)}
}

// table writes the columns that are not there yet, the table and the footer.
func (w *cacheWriter) table(ids []identity, files []Written) []byte {
	le := binary.LittleEndian
	for _, f := range files {
		for _, p := range f.pieces {
			if p.saved.at > 0 && p.saved.in == w.in {
				continue
			}
			from := len(w.data)
			w.data = p.appendTo(w.data)
			p.saved = saved{w.in, int64(w.base + from), crc32.Checksum(w.data[from:], castagnoli())}
		}
	}
	from := len(w.data)
	for _, id := range ids {
		for _, n := range id {
			w.data = le.AppendUint64(w.data, n)
		}
	}
	for _, f := range files {
		w.data = le.AppendUint64(w.data, uint64(len(f.pieces)))
		for _, p := range f.pieces {
			for _, n := range []int64{p.from, p.size, p.length, int64(p.len()), p.saved.at, int64(p.saved.crc)} {
				w.data = le.AppendUint64(w.data, uint64(n))
			}
			var state [stateSize]byte
			copy(state[:], p.sum)
			w.data = append(w.data, state[:]...)
		}
	}
	w.data = le.AppendUint64(w.data, uint64(w.base+from))
	return le.AppendUint32(w.data, crc32.Checksum(w.data[from:], castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// extend appends to the cache, if it is still the one that was read. One that is torn
// would not be believed, and not be of use.
func extend(fsys vfs.FS, name string, mode fs.FileMode, in cacheFile, data []byte) error {
	f, err := fsys.Append(name, mode)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && (!in.is(info)) {
		err = errors.New("the cache is not the one that was read")
	}
	if err == nil {
		_, err = f.Write(data)
	}
	return errors.Join(err, f.Close())
}

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
