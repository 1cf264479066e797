package syncdb

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// cutUp is a pair of databases as they are stored, and what is known of their pieces.
type cutUp struct {
	packed [2][]byte
	view   *View
}

// apply writes both databases with an edit applied.
func (c cutUp) apply(e Edit) (cutUp, error) {
	var next cutUp
	var made [2][]piece
	for _, k := range []Kind{DB, Files} {
		var b bytes.Buffer
		w := &rewriter{kind: k, view: c.view, src: bytes.NewReader(c.packed[k]), size: int64(len(c.packed[k])), edit: e, l: archive.DefaultLimits()}
		var err error
		if made[k], err = w.write(&b); err != nil {
			return next, err
		}
		next.packed[k] = b.Bytes()
	}
	pieces, ok := samePieces(made[DB], made[Files])
	if !ok {
		return next, errors.New("the databases are cut differently")
	}
	s := &snapshot{files: [2]vfs.File{inMemory(next.packed[DB]), nil}}
	s.view = viewOf(pieces, s.piece)
	next.view = s.view
	return next, wellCut(pieces)
}

// inMemory is a file of these bytes.
func inMemory(text []byte) vfs.File {
	m := vfs.NewMem(time.Now)
	must(vfs.CreateSynced(m, "f", 0o644, text))
	f, err := m.Open("f")
	must(err)
	return f
}

func noPackages(t testing.TB) cutUp {
	v, err := ReadView(bytes.NewReader(empty(t)), archive.DefaultLimits())
	must(err)
	return cutUp{[2][]byte{pack(t, empty(t)), pack(t, empty(t))}, v}
}

// Whatever is put and dropped, in however many steps: the stored bytes are those of the
// same packages put at once, the view answers from its pieces, and the pieces are where
// the table says.
func TestPiecesDoNotRemember(t *testing.T) {
	t.Parallel()
	var heads int
	for i := range 400 {
		if starts(fmt.Sprintf("p%d", i)) {
			heads++
		}
	}
	if heads < 3 || heads > 20 {
		t.Fatalf("%d of 400 names begin a piece", heads)
	}
	rapid.Check(t, func(rt *rapid.T) {
		model := map[string]Entry{}
		now := noPackages(t)
		for range rapid.IntRange(1, 5).Draw(rt, "steps") {
			var e Edit
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 399), 0, 60, rapid.ID).Draw(rt, "put") {
				x := entry(fmt.Sprintf("p%d", i), rapid.SampledFrom([]string{"1-1", "2-1", "1:1-1"}).Draw(rt, "version"))
				e.Put, model[x.Name] = append(e.Put, x), x
			}
			for name := range model {
				in := slices.ContainsFunc(e.Put, func(x Entry) bool { return x.Name == name })
				if !in && (starts(name) || rapid.IntRange(0, 9).Draw(rt, "drop") == 0) {
					e.Drop = append(e.Drop, name)
					delete(model, name)
				}
			}
			var err error
			if now, err = now.apply(e); err != nil {
				rt.Fatal(err)
			}
		}
		var all []Entry
		for _, x := range model {
			all = append(all, x)
			if d, ok, err := now.view.Package(x.Name); err != nil || !ok || d.Version != x.Version {
				rt.Errorf("%s: %v %v %v", x.Name, d, ok, err)
			}
			if _, ok := now.view.names(x.FileName); !ok {
				rt.Errorf("%s is not named", x.FileName)
			}
		}
		if now.view.Len() != len(model) {
			rt.Errorf("%d packages, want %d", now.view.Len(), len(model))
		}
		once, err := noPackages(t).apply(Edit{Put: all})
		if err != nil {
			rt.Fatal(err)
		}
		for k := range once.packed {
			if !bytes.Equal(now.packed[k], once.packed[k]) {
				rt.Errorf("database %d: the steps matter", k)
			}
		}
	})
}

// A table that is torn, or about other files, is not believed; one that lies stops the
// publish.
func TestTable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, add(alpha10, beta))
	folder, err := w.Readlink("demo.current")
	must(err)
	at := path.Join(folder, tableFile)
	text, err := vfs.ReadFile(w.Mem, at, 1<<20)
	must(err)
	isCut := func() bool {
		s, err := w.format.read(w.Mem)
		must(err)
		defer s.close()
		return s.view.cut
	}
	if !isCut() {
		t.Fatal("a publish leaves no table")
	}
	for name, bad := range map[string][]byte{
		"torn":        text[:len(text)-3],
		"empty":       nil,
		"other files": formatTable([]piece{{folders: []string{"alpha-1.0-1"}, size: [2]int64{1, 1}}}, [2]repo.Identity{{Ino: 1, Size: 2}, {Ino: 3, Size: 4}}),
	} {
		must(w.Remove(at))
		must(vfs.CreateSynced(w.Mem, at, 0o600, bad))
		if isCut() {
			t.Errorf("%s: it is believed", name)
		}
	}
	w.setup(t, add(gamma))
	if _, err := judgeServed(w.Mem); err != nil || !isCut() {
		t.Error(err)
	}
}

// A piece that holds something else than the table says is an error, not a guess.
func TestLyingTable(t *testing.T) {
	t.Parallel()
	c, err := noPackages(t).apply(Edit{Put: []Entry{entry("a", "1-1"), entry("b", "1-1")}})
	must(err)
	for _, folders := range [][]string{{"a-1-1"}, {"a-1-1", "c-1-1"}, {"a-1-1", "b-1-1", "c-1-1"}} {
		s := &snapshot{files: [2]vfs.File{inMemory(c.packed[DB])}}
		s.view = viewOf([]piece{{folders: folders, size: c.view.pieces[0].size}}, s.piece)
		if _, _, err := s.view.Package("a"); !errors.Is(err, ErrDatabase) {
			t.Errorf("%q: %v", folders, err)
		}
	}
}
