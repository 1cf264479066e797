package index

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// cached is a repository of some pieces with its cache.
func cached(t testing.TB) (*vfs.Mem, model) {
	t.Helper()
	fsys, m := vfs.NewMem(time.Now), model{}
	e := Edit{AppendSources: []Source{{Name: "s", Version: "1", SHA256: "1", Filename: "f"}}}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		e.AppendBinaries = append(e.AppendBinaries, Binary{Name: name, Source: "s", SrcSHA256: "1", Filename: name + ".mpk", Description: strings.Repeat("x", 90)})
	}
	s, err := Apply(&Snapshot{}, e)
	if err != nil {
		t.Fatal(err)
	}
	s.binaries.cut = 300
	publish(t, fsys, s)
	return fsys, m.apply(e)
}

// A cache that is not whole, or of other files, is not taken.
func TestCacheIsOfItsFiles(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, fsys *vfs.Mem) error{
		"gone": func(_ *testing.T, fsys *vfs.Mem) error { return fsys.Remove(testCache) },
		"a folder": func(_ *testing.T, fsys *vfs.Mem) error {
			return errors.Join(fsys.Remove(testCache), fsys.Mkdir(testCache, 0o700))
		},
		"empty": func(t *testing.T, fsys *vfs.Mem) error { writeFile(t, fsys, testCache, nil); return nil },
		"a binary index written again": func(t *testing.T, fsys *vfs.Mem) error {
			writeFile(t, fsys, BinaryFile, fileText(t, fsys, BinaryFile))
			return nil
		},
		"a source index written again": func(t *testing.T, fsys *vfs.Mem) error {
			writeFile(t, fsys, SourceFile, fileText(t, fsys, SourceFile))
			return nil
		},
		"an index dated otherwise": func(_ *testing.T, fsys *vfs.Mem) error {
			return fsys.Chtimes(BinaryFile, time.Unix(1, 0))
		},
		"an index with another mode": func(_ *testing.T, fsys *vfs.Mem) error { return fsys.Chmod(BinaryFile, 0o600) },
	} {
		fsys, _ := cached(t)
		if !usesCache(t, fsys, 300) {
			t.Fatal("the cache is not taken")
		}
		if err := spoil(t, fsys); err != nil {
			t.Fatal(err)
		}
		if usesCache(t, fsys, 300) {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// Every byte of the cache is under its checksum.
func TestEveryByteOfTheCache(t *testing.T) {
	t.Parallel()
	fsys, m := cached(t)
	good := fileText(t, fsys, testCache)
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 1 << (i % 8)
		writeFile(t, fsys, testCache, bad)
		if usesCache(t, fsys, 300) {
			t.Fatalf("byte %d: it is taken", i)
		}
		writeFile(t, fsys, testCache, good[:i])
		if usesCache(t, fsys, 300) {
			t.Fatalf("cut to %d bytes, it is taken", i)
		}
	}
	writeFile(t, fsys, testCache, good)
	checkPublished(t, fsys, 300, m)
}

// summed gives a cache of any content the checksums that it would have.
func summed(data []byte) []byte {
	le := binary.LittleEndian
	data = append([]byte(nil), data...)
	end := len(data) - footerSize
	if end < len(cacheMagic) || le.Uint64(data[end:]) > uint64(end) {
		return data
	}
	at := int(le.Uint64(data[end:])) + 2*8*len(identity{})
	for range 2 {
		if at+8 > end {
			break
		}
		n := le.Uint64(data[at:])
		for at += 8; n > 0 && at+entrySize <= end; n, at = n-1, at+entrySize {
			stanzas, columns := le.Uint64(data[at+24:]), le.Uint64(data[at+32:])
			if most := uint64(len(data)); stanzas <= most/markSize && columns <= most-stanzas*markSize {
				le.PutUint64(data[at+40:], uint64(crc32.Checksum(data[columns:columns+stanzas*markSize], castagnoli())))
			}
		}
	}
	le.PutUint32(data[end+8:], crc32.Checksum(data[le.Uint64(data[end:]):end+8], castagnoli()))
	return data
}

// CheckCache finds a cache that hides a stanza, misplaces one, or tells another sum; what
// nobody would believe is no lie.
func TestCheckCache(t *testing.T) {
	t.Parallel()
	fsys, _ := cached(t)
	good := fileText(t, fsys, testCache)
	if err := CheckCache(fsys, testCache); err != nil {
		t.Errorf("of the cache as it is written: %v", err)
	}
	s, err := OpenCached(fsys, testCache)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tagged := s.binaries.pieces[0].len()
	for name, at := range map[string]int{
		"a hash":   len(cacheMagic),
		"a tag":    len(cacheMagic) + 3*hashSize*tagged,
		"a danger": int(binary.LittleEndian.Uint64(good[len(good)-footerSize:])) - 1, // of the last source
		"a sum":    len(good) - footerSize - stateSize + 4,
	} {
		lie := append([]byte(nil), good...)
		lie[at] ^= 1
		writeFile(t, fsys, testCache, summed(lie))
		if !usesCache(t, fsys, 300) {
			t.Fatal("the lie is not taken")
		}
		if err := CheckCache(fsys, testCache); !errors.Is(err, ErrCache) {
			t.Errorf("of a lie about %s: %v", name, err)
		}
	}
	writeFile(t, fsys, testCache, good[:len(good)-1])
	if err := CheckCache(fsys, testCache); err != nil {
		t.Errorf("of half a cache: %v", err)
	}
	if err := CheckCache(fsys, "nowhere"); err != nil {
		t.Errorf("of none: %v", err)
	}
}

func TestCacheIsNotSavedForOtherFiles(t *testing.T) {
	t.Parallel()
	fsys, _ := cached(t)
	none := newTally(0)
	none.end()
	for _, files := range [][]Written{{{sum: none, file: BinaryFile, size: 1}, {sum: none, file: SourceFile}}, {{sum: none, file: "nowhere"}}} {
		if err := SaveCache(fsys, "other", "temp", 0o600, files...); err == nil {
			t.Error("a cache of a file that is not there was saved")
		}
	}
	if _, err := fsys.Lstat("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzCache gives a cache any content, with the right checksum: it may hide something,
// but never crashes, reads outside of the files, or makes something up.
func FuzzCache(f *testing.F) {
	fsys, m := cached(f)
	good := fileText(f, fsys, testCache)
	f.Add(good)
	s, err := open(fsys, "", maxStanzas, 300)
	if err != nil {
		f.Fatal(err)
	}
	wantBinary, _ := m.texts()
	f.Fuzz(func(t *testing.T, data []byte) {
		lists, ok := parseCache(summed(data), cacheFile{}, s.files)
		if !ok {
			return
		}
		lied := &Snapshot{binaries: list{pieces: lists[0]}, sources: list{pieces: lists[1]}}
		for _, name := range []string{"a", "c", "e", "x"} {
			b, ok, err := lied.Binary(name)
			if ok && (b.Name != name || !strings.Contains(wantBinary, b.Text)) || err != nil && !errors.Is(err, ErrCache) && !errors.Is(err, ErrStanza) {
				t.Errorf("%v %v %v", b, ok, err)
			}
		}
		for b, err := range lied.All() {
			if err == nil && !strings.Contains(wantBinary, b.Text) {
				t.Errorf("%v", b)
			}
		}
		if _, err := Apply(lied, Edit{DropBinaries: []string{"a", "c"}}); err != nil && !errors.Is(err, ErrCache) && !errors.Is(err, ErrStanza) {
			t.Error(err)
		}
	})
}
