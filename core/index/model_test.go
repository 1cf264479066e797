package index

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// checkSame holds that a snapshot answers like one that is read from what it
// writes, and that before, which it was made from, still does.
func checkSame(t interface {
	testing.TB
}, snapshots ...*Snapshot) {
	t.Helper()
	for _, s := range snapshots {
		read, err := NewView(written(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := answers(t, s), answers(t, read); got != want {
			t.Fatalf("the snapshot says\n%s\nread from its files it says\n%s", got, want)
		}
	}
}

// answers asks everything that a View can be asked.
func answers(t testing.TB, v View) string {
	t.Helper()
	var out strings.Builder
	say := func(v any, err error) {
		data, jerr := json.Marshal(v)
		fmt.Fprintf(&out, "%s %v %v\n", data, err, jerr)
	}
	for b, err := range v.All() {
		say(b, err)
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "x", "y", "z"} {
		b, ok, err := v.Binary(name)
		say([]any{b, ok}, err)
	}
	for _, source := range []string{"", "s", "t"} {
		for _, sha := range []string{"", "1", "2"} {
			b, err := v.BinariesOf(source, sha)
			say(b, err)
			s, err := v.Sources(Selector{Name: source, SHA256: sha})
			say(s, err)
		}
	}
	for _, file := range []string{"", "f", "g", "pool/f", "h"} {
		named, err := v.Names(file)
		say(named, err)
	}
	list, err := v.Dangerous()
	say(list, err)
	return out.String()
}

// model is the slow and plain meaning of an Edit, on lists without repeated names.
type model struct {
	binaries []Binary
	sources  []Source
}

func position[T any](list []T, same func(T) bool, or int) int {
	if i := slices.IndexFunc(list, same); i >= 0 {
		return i
	}
	return or
}

func (m model) apply(e Edit) model {
	m.binaries, m.sources = slices.Clone(m.binaries), slices.Clone(m.sources)
	m.binaries = slices.DeleteFunc(m.binaries, func(b Binary) bool { return slices.Contains(e.DropBinaries, b.Name) })
	m.sources = slices.DeleteFunc(m.sources, func(s Source) bool { return slices.Contains(e.DropSources, s.Key()) })
	for _, r := range e.ReplaceBinaries {
		m.binaries[slices.IndexFunc(m.binaries, func(b Binary) bool { return b.Name == r.Name })] = r
	}
	for _, in := range e.InsertBinaries {
		at := position(m.binaries, func(b Binary) bool { return b.Name == in.Before }, len(m.binaries))
		m.binaries = slices.Insert(m.binaries, at, in.Binary)
	}
	for _, in := range e.InsertSources {
		at := position(m.sources, func(s Source) bool { return s.Key() == in.Before }, len(m.sources))
		m.sources = slices.Insert(m.sources, at, in.Source)
	}
	m.binaries = append(m.binaries, e.AppendBinaries...)
	m.sources = append(m.sources, e.AppendSources...)
	return m
}

func (m model) texts() (binaries, sources string) {
	for _, b := range m.binaries {
		binaries += binaryText(b)
	}
	for _, s := range m.sources {
		sources += sourceText(s)
	}
	return binaries, sources
}

// drawEdit draws an edit that fits the model.
func drawEdit(t *rapid.T, m model) Edit {
	var e Edit
	there := map[string]bool{}
	for _, b := range m.binaries {
		switch rapid.IntRange(0, 3).Draw(t, "fate") {
		case 0:
			e.DropBinaries = append(e.DropBinaries, b.Name)
			continue
		case 1:
			r := anyBinary().Draw(t, "replacement")
			r.Name = b.Name
			e.ReplaceBinaries = append(e.ReplaceBinaries, r)
		}
		there[b.Name] = true
	}
	for _, b := range rapid.SliceOfN(anyBinary(), 0, 4).Draw(t, "new") {
		switch {
		case there[b.Name]:
			continue
		case rapid.Bool().Draw(t, "insert"):
			e.InsertBinaries = append(e.InsertBinaries, InsertBinary{rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"}).Draw(t, "before"), b})
		default:
			e.AppendBinaries = append(e.AppendBinaries, b)
		}
		there[b.Name] = true
	}
	drawSources(t, m, &e)
	return e
}

func drawSources(t *rapid.T, m model, e *Edit) {
	there := map[SourceKey]bool{}
	for _, s := range m.sources {
		if rapid.IntRange(0, 2).Draw(t, "fate") == 0 {
			e.DropSources = append(e.DropSources, s.Key())
		} else {
			there[s.Key()] = true
		}
	}
	key := rapid.Custom(func(t *rapid.T) SourceKey {
		return SourceKey{rapid.SampledFrom([]string{"s", "t"}).Draw(t, "s"), "1", rapid.SampledFrom([]string{"1", "2"}).Draw(t, "sha")}
	})
	for _, k := range rapid.SliceOfN(key, 0, 3).Draw(t, "new sources") {
		s := Source{Name: k.Name, Version: k.Version, SHA256: k.SHA256, Filename: rapid.SampledFrom([]string{"f", "h"}).Draw(t, "file")}
		switch {
		case there[k]:
			continue
		case rapid.Bool().Draw(t, "insert"):
			e.InsertSources = append(e.InsertSources, InsertSource{key.Draw(t, "before"), s})
		default:
			e.AppendSources = append(e.AppendSources, s)
		}
		there[k] = true
	}
}

// TestEditsStack applies edits one on the other, and holds each state against the
// model and against what it reads as.
func TestEditsStack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s, m := &Snapshot{}, model{}
		for range rapid.IntRange(1, 4).Draw(rt, "edits") {
			e := journaled(rt, drawEdit(rt, m))
			next, err := Apply(s, e)
			if err != nil {
				rt.Fatalf("%v\n%+v", err, e)
			}
			m = m.apply(e)
			wantBinary, wantSource := m.texts()
			b, src := written(t, next)
			if string(b) != wantBinary || string(src) != wantSource {
				rt.Fatalf("got\n%s\n%s\nwant\n%s\n%s", b, src, wantBinary, wantSource)
			}
			checkSame(t, next)
			s = next
		}
	})
}

// journaled takes the edit through JSON.
func journaled(t *rapid.T, e Edit) Edit {
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var again Edit
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	return again
}

// TestManyEdits goes past the point where the tables are made anew.
func TestManyEdits(t *testing.T) {
	t.Parallel()
	s, m := &Snapshot{}, model{}
	for i := range 1200 {
		e := Edit{AppendBinaries: []Binary{{Name: fmt.Sprint("p", i), Source: "s", SrcSHA256: fmt.Sprint(i % 7), Filename: fmt.Sprint("f", i)}}}
		if i >= 10 {
			e.DropBinaries = []string{fmt.Sprint("p", i-10)}
		}
		next, err := Apply(s, e)
		if err != nil {
			t.Fatal(err)
		}
		s, m = next, m.apply(e)
	}
	want, _ := m.texts()
	if b, _ := written(t, s); string(b) != want {
		t.Errorf("got\n%s\nwant\n%s", b, want)
	}
	if n := s.binaries.len(); n != 10 || len(s.binaries.pieces) != 1 {
		t.Errorf("%d stanzas in %d pieces", n, len(s.binaries.pieces))
	}
	checkSame(t, s)
	if _, ok, _ := s.Binary("p3"); ok {
		t.Error("a dropped one is still there")
	}
	if named, _ := s.Names("f3"); named {
		t.Error("a dropped one's file is still named")
	}
}
