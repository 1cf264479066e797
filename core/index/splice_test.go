package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/vfs"
)

const testCache = "cache"

// publish writes a snapshot over the repository's files, as a commit does, and its
// cache.
func publish(t testing.TB, fsys vfs.FS, s *Snapshot) {
	t.Helper()
	var all []Written
	for name, write := range map[string]func(f vfs.File) (Written, error){
		BinaryFile: func(f vfs.File) (Written, error) { return s.WriteBinary(f) },
		SourceFile: func(f vfs.File) (Written, error) { return s.WriteSource(f) },
	} {
		f, err := fsys.Create("new", 0o644)
		if err != nil {
			t.Fatal(err)
		}
		w, err := write(f)
		if err := errors.Join(err, f.Close(), fsys.Rename("new", name)); err != nil {
			t.Fatal(err)
		}
		said, err := w.Sum()
		if sum := sha256.Sum256(fileText(t, fsys, name)); said != hex.EncodeToString(sum[:]) {
			t.Fatalf("%s: its sum is said to be %s (%v)", name, said, err)
		}
		all = append(all, w)
	}
	if all[0].file != BinaryFile {
		all[0], all[1] = all[1], all[0]
	}
	if err := SaveCache(fsys, testCache, "temp", 0o600, all...); err != nil {
		t.Fatal(err)
	}
}

// fileText is what a file of the repository says.
func fileText(t testing.TB, fsys vfs.FS, name string) []byte {
	t.Helper()
	data, err := vfs.ReadFile(fsys, name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// usesCache reports whether the cache is taken for the files as they are.
func usesCache(t testing.TB, fsys vfs.FS, c cut) bool {
	t.Helper()
	s, err := open(fsys, testCache, maxStanzas, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lists, ok := readCache(fsys, testCache, s.files)
	return ok && len(lists) == 2
}

// checkMembers holds that each gzip member ends where a stanza ends, and that members
// have about the length that they are meant to have.
func checkMembers(t testing.TB, data []byte, c cut) {
	t.Helper()
	g, err := archive.NewGzipMembers(bytes.NewReader(data), int64(len(data)), archive.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var lengths []int
	for g.Next() == nil {
		var text bytes.Buffer
		if _, err := text.ReadFrom(g); err != nil {
			t.Fatal(err)
		}
		if text.Len() > 0 && !strings.HasSuffix(text.String(), "\n\n") {
			t.Fatalf("a member ends with %q", text.String()[max(0, text.Len()-20):])
		}
		lengths = append(lengths, text.Len())
	}
	for i, n := range lengths {
		if len(lengths) > 1 && int64(n) < c.thin()/2 {
			t.Errorf("member %d of %d has %d bytes of text", i, len(lengths), n)
		}
	}
}

// TestPublishesStack publishes edits one after the other, with pieces of some stanzas
// each, sometimes without the cache and sometimes after another tool wrote the index: the
// texts are always those of the model, and whoever opens the files anew, with the cache
// or without it, hears the same.
func TestPublishesStack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := cut(rapid.SampledFrom([]int{100, 300, 1000}).Draw(rt, "cut"))
		fsys := vfs.NewMem(time.Now)
		publish(t, fsys, &Snapshot{})
		m := model{}
		for range rapid.IntRange(1, 6).Draw(rt, "publishes") {
			switch rapid.IntRange(0, 5).Draw(rt, "before") {
			case 0:
				if err := fsys.Remove(testCache); err != nil && m.binaries != nil {
					rt.Fatal(err)
				}
			case 1: // the reference writes one member
				binaries, sources := m.texts()
				writeFile(t, fsys, BinaryFile, zip(binaries))
				writeFile(t, fsys, SourceFile, []byte(sources))
			}
			s, err := open(fsys, testCache, maxStanzas, c)
			if err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(1, 2).Draw(rt, "edits") {
				e := drawEdit(rt, m)
				next, err := Apply(s, e)
				if err != nil {
					rt.Fatal(err)
				}
				next.files, s, m = s.files, next, m.apply(e)
			}
			publish(t, fsys, s)
			checkPublished(t, fsys, c, m)
			if err := s.Close(); err != nil {
				rt.Fatal(err)
			}
		}
	})
}

func writeFile(t testing.TB, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	if err := replace(fsys, name, "new", 0o644, data); err != nil {
		t.Fatal(err)
	}
}

func checkPublished(t testing.TB, fsys vfs.FS, c cut, m model) {
	t.Helper()
	wantBinary, wantSource := m.texts()
	data := fileText(t, fsys, BinaryFile)
	if got := string(unzip(t, data)); got != wantBinary {
		t.Fatalf("the binary index says\n%s\nwant\n%s", got, wantBinary)
	}
	if got := string(fileText(t, fsys, SourceFile)); got != wantSource {
		t.Fatalf("the source index says\n%s\nwant\n%s", got, wantSource)
	}
	checkMembers(t, data, c)
	if !usesCache(t, fsys, c) {
		t.Fatal("the cache is not taken")
	}
	if err := CheckCache(fsys, testCache); err != nil {
		t.Fatal(err)
	}
	var said [2]string
	for i, cache := range []string{"", testCache} {
		s, err := open(fsys, cache, maxStanzas, c)
		if err != nil {
			t.Fatal(err)
		}
		said[i] = answers(t, s)
		s.Close()
	}
	if said[0] != said[1] {
		t.Fatalf("with the cache it says\n%s\nwithout\n%s", said[1], said[0])
	}
}

// numbered is a binary of about 500 bytes.
func numbered(i, version int) Binary {
	return Binary{
		Name: fmt.Sprintf("package-%05d", i), Version: fmt.Sprint(version), Source: "s", SrcSHA256: fmt.Sprint(i),
		Description: strings.Repeat(fmt.Sprintf("text %d of it. ", i*version), 25), Filename: fmt.Sprintf("f%d-%d", i, version),
	}
}

// TestManyPublishes holds the size of the index over 2,000 publishes that replace
// packages and put new ones in: it stays within 3 % of one that is written at once. The
// cache is used by each, appended to by most, and does not grow for good.
func TestManyPublishes(t *testing.T) {
	t.Parallel()
	const packages, publishes = 400, 2000
	c := cut(16 << 10)
	fsys := vfs.NewMem(time.Now)
	var e Edit
	for i := range packages {
		e.AppendBinaries = append(e.AppendBinaries, numbered(i, 1))
	}
	first, err := Apply(&Snapshot{}, e)
	if err != nil {
		t.Fatal(err)
	}
	first.binaries.cut = c
	publish(t, fsys, first)
	cache, err := fsys.Lstat(testCache)
	if err != nil {
		t.Fatal(err)
	}
	fresh, rewritten := cache.Size, 0
	for n := range publishes {
		s, err := open(fsys, testCache, maxStanzas, c)
		if err != nil {
			t.Fatal(err)
		}
		i := n * 7919 % packages
		next, err := Apply(s, Edit{DropBinaries: []string{numbered(i, 1).Name}, AppendBinaries: []Binary{numbered(i, n+2)}})
		if err != nil {
			t.Fatal(err)
		}
		if s.binaries.pieces[0].saved.at == 0 {
			t.Fatal("the cache is not used")
		}
		publish(t, fsys, next)
		s.Close()
		is, err := fsys.Lstat(testCache)
		if err != nil || is.Size > 2*fresh {
			t.Fatalf("the cache has %d bytes, at first it had %d (%v)", is.Size, fresh, err)
		}
		if is.Ino != cache.Ino {
			rewritten++
		}
		cache = is
	}
	s, err := open(fsys, "", maxStanzas, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text, _ := written(t, s)
	anew, err := NewView(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	anew.binaries.cut = c
	var at bytes.Buffer
	if _, err := anew.WriteBinary(&at); err != nil {
		t.Fatal(err)
	}
	size := len(fileText(t, fsys, BinaryFile))
	t.Logf("%d bytes after %d publishes, %d written at once, %d pieces", size, publishes, at.Len(), len(s.binaries.pieces))
	if float64(size) > 1.03*float64(at.Len()) {
		t.Errorf("%d bytes, %d if written at once", size, at.Len())
	}
	if rewritten == 0 || rewritten > publishes/2 {
		t.Errorf("the cache was written anew %d times", rewritten)
	}
	checkMembers(t, fileText(t, fsys, BinaryFile), c)
}

// TestUntouchedMembersAreCopied changes one package in the middle: the bytes of all
// members but its own and the last are the same as before.
func TestUntouchedMembersAreCopied(t *testing.T) {
	t.Parallel()
	c := cut(16 << 10)
	fsys := vfs.NewMem(time.Now)
	var e Edit
	for i := range 400 {
		e.AppendBinaries = append(e.AppendBinaries, numbered(i, 1))
	}
	first, err := Apply(&Snapshot{}, e)
	if err != nil {
		t.Fatal(err)
	}
	first.binaries.cut = c
	publish(t, fsys, first)
	before := fileText(t, fsys, BinaryFile)
	s, err := open(fsys, testCache, maxStanzas, c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	next, err := Apply(s, Edit{ReplaceBinaries: []Binary{numbered(200, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, fsys, next)
	after := fileText(t, fsys, BinaryFile)
	head, tail := 0, 0
	for head < len(before) && head < len(after) && before[head] == after[head] {
		head++
	}
	for tail < len(before) && tail < len(after) && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	if changed := len(before) - head - tail; changed > 2*len(before)/len(s.binaries.pieces) {
		t.Errorf("%d of %d bytes differ, with %d members", changed, len(before), len(s.binaries.pieces))
	}
	loaded := 0
	for _, p := range s.binaries.pieces {
		if p.texts != nil {
			loaded++
		}
	}
	if loaded > 1 {
		t.Errorf("%d of %d members were read", loaded, len(s.binaries.pieces))
	}
}
