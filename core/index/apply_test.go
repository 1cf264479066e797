package index

import (
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// short makes a stanza that is its name and version only.
func short(name, version string) Binary {
	b, err := ParseBinary("name: " + name + "\nversion: " + version + "\ndescription:\n\n")
	if err != nil {
		panic(err)
	}
	return b
}

func shortSource(name, version string) Source {
	s, err := ParseSource("name: " + name + "\nversion: " + version + "\n\n")
	if err != nil {
		panic(err)
	}
	return s
}

// sketch shows a snapshot as "a1 b1 | s1".
func sketch(t testing.TB, v View) string {
	t.Helper()
	var words []string
	for b, err := range v.All() {
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, b.Name+b.Version)
	}
	words = append(words, "|")
	list, err := v.Sources(Selector{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		words = append(words, s.Name+s.Version)
	}
	return strings.Join(words, " ")
}

func baseView(t testing.TB) *Snapshot {
	t.Helper()
	s, err := Apply(&Snapshot{}, Edit{
		AppendBinaries: []Binary{short("a", "1"), short("b", "1"), short("c", "1")},
		AppendSources:  []Source{shortSource("s", "1"), shortSource("s", "2"), shortSource("t", "1")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestApply(t *testing.T) {
	t.Parallel()
	before := func(name string, b Binary) InsertBinary { return InsertBinary{name, b} }
	sourceBefore := func(name, version string, s Source) InsertSource {
		return InsertSource{SourceKey{Name: name, Version: version}, s}
	}
	tests := []struct {
		name string
		edit Edit
		want string
	}{
		{"nothing", Edit{}, "a1 b1 c1 | s1 s2 t1"},
		{"drop", Edit{DropBinaries: []string{"b", "a"}}, "c1 | s1 s2 t1"},
		{"drop what is not there", Edit{DropBinaries: []string{"x"}, DropSources: []SourceKey{{Name: "s"}}}, "a1 b1 c1 | s1 s2 t1"},
		{"drop a source", Edit{DropSources: []SourceKey{{Name: "s", Version: "1"}}}, "a1 b1 c1 | s2 t1"},
		{"replace stays in place", Edit{ReplaceBinaries: []Binary{short("b", "2")}}, "a1 b2 c1 | s1 s2 t1"},
		{"append", Edit{AppendBinaries: []Binary{short("d", "1"), short("e", "1")}, AppendSources: []Source{shortSource("s", "3")}},
			"a1 b1 c1 d1 e1 | s1 s2 t1 s3"},
		{"drop and append moves to the end", Edit{DropBinaries: []string{"a"}, AppendBinaries: []Binary{short("a", "2")}}, "b1 c1 a2 | s1 s2 t1"},
		{"insert", Edit{InsertBinaries: []InsertBinary{before("a", short("x", "1")), before("c", short("y", "1"))}}, "x1 a1 b1 y1 c1 | s1 s2 t1"},
		{"insert two before one", Edit{InsertBinaries: []InsertBinary{before("b", short("x", "1")), before("b", short("y", "1"))}}, "a1 x1 y1 b1 c1 | s1 s2 t1"},
		{"insert before an inserted one", Edit{InsertBinaries: []InsertBinary{before("b", short("x", "1")), before("x", short("y", "1")), before("b", short("z", "1"))}},
			"a1 y1 x1 z1 b1 c1 | s1 s2 t1"},
		{"insert at the end", Edit{InsertBinaries: []InsertBinary{before("", short("x", "1")), before("gone", short("y", "1")), before("x", short("z", "1"))}},
			"a1 b1 c1 z1 x1 y1 | s1 s2 t1"},
		{"insert before a dropped one is the end", Edit{DropBinaries: []string{"b"}, InsertBinaries: []InsertBinary{before("b", short("x", "1"))}}, "a1 c1 x1 | s1 s2 t1"},
		{"insert before a replaced one", Edit{ReplaceBinaries: []Binary{short("b", "2")}, InsertBinaries: []InsertBinary{before("b", short("x", "1"))}},
			"a1 x1 b2 c1 | s1 s2 t1"},
		{"put a dropped one back", Edit{DropBinaries: []string{"b"}, InsertBinaries: []InsertBinary{before("c", short("b", "0"))}}, "a1 b0 c1 | s1 s2 t1"},
		{"insert comes before append", Edit{InsertBinaries: []InsertBinary{before("", short("x", "1"))}, AppendBinaries: []Binary{short("y", "1")}}, "a1 b1 c1 x1 y1 | s1 s2 t1"},
		{"insert sources", Edit{
			DropSources:   []SourceKey{{Name: "s", Version: "2"}},
			InsertSources: []InsertSource{sourceBefore("t", "1", shortSource("s", "0")), sourceBefore("s", "2", shortSource("u", "1")), sourceBefore("s", "0", shortSource("v", "1"))},
			AppendSources: []Source{shortSource("w", "1")},
		}, "a1 b1 c1 | s1 v1 s0 t1 u1 w1"},
		{"all at once", Edit{
			DropBinaries: []string{"a"}, ReplaceBinaries: []Binary{short("c", "2")},
			InsertBinaries: []InsertBinary{before("c", short("a", "0"))}, AppendBinaries: []Binary{short("d", "1")},
		}, "b1 a0 c2 d1 | s1 s2 t1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := baseView(t)
			next, err := Apply(s, tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			if got := sketch(t, next); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if got := sketch(t, s); got != "a1 b1 c1 | s1 s2 t1" {
				t.Errorf("the old state has changed: %s", got)
			}
			checkSame(t, next, s)
		})
	}
}

func TestApplyErrors(t *testing.T) {
	t.Parallel()
	wrong := short("x", "1")
	wrong.Version = "2"
	tests := map[string]struct {
		edit Edit
		want string
	}{
		"replace what is not there":        {Edit{ReplaceBinaries: []Binary{short("x", "1")}}, "not in the index"},
		"replace a dropped one":            {Edit{DropBinaries: []string{"a"}, ReplaceBinaries: []Binary{short("a", "2")}}, "not in the index"},
		"replace twice":                    {Edit{ReplaceBinaries: []Binary{short("a", "1"), short("a", "2")}}, "twice"},
		"append what is there":             {Edit{AppendBinaries: []Binary{short("a", "1")}}, "is in the index"},
		"append twice":                     {Edit{AppendBinaries: []Binary{short("x", "1"), short("x", "2")}}, "is in the index"},
		"insert what is there":             {Edit{InsertBinaries: []InsertBinary{{"b", short("a", "1")}}}, "is in the index"},
		"append a source that is there":    {Edit{AppendSources: []Source{shortSource("s", "1")}}, "is in the index"},
		"insert a source that is there":    {Edit{InsertSources: []InsertSource{{Source: shortSource("s", "1")}}}, "is in the index"},
		"a text of other values":           {Edit{AppendBinaries: []Binary{wrong}}, "other values"},
		"a source text of other values":    {Edit{AppendSources: []Source{{Name: "x", Text: "name: y\n\n"}}}, "other values"},
		"a text of two stanzas":            {Edit{AppendBinaries: []Binary{{Name: "x", Text: "name: x\n\nname: y\n\n"}}}, "empty line"},
		"no name":                          {Edit{AppendBinaries: []Binary{{Version: "1"}}}, "no name"},
		"a value that cannot be written":   {Edit{AppendBinaries: []Binary{{Name: "x", Description: "a\n.\nb"}}}, "other values"},
		"a carriage return":                {Edit{AppendBinaries: []Binary{{Name: "x", Description: "a\rb"}}}, "other values"},
		"a source with two lines":          {Edit{AppendSources: []Source{{Name: "x", Filename: "a\nb"}}}, "other values"},
		"a source that others cannot read": {Edit{AppendSources: []Source{{Name: "x", Filename: "a: b"}}}, "': '"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Apply(baseView(t), tt.edit)
			var re *report.Error
			if s != nil || !errors.Is(err, ErrEdit) || !errors.As(err, &re) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestApplyFormatsNewStanzas(t *testing.T) {
	t.Parallel()
	s, err := Apply(&Snapshot{}, Edit{AppendBinaries: []Binary{fullBinaryValues()}, AppendSources: []Source{{Name: "foo", Size: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	b, src := written(t, s)
	if string(b) != fullBinary || string(src) != "name: foo\nsize: 3\n\n" {
		t.Errorf("got\n%s\n%s", b, src)
	}
	if got, _, _ := s.Binary("foo"); got.Text != fullBinary {
		t.Errorf("the view's stanza has the text %q", got.Text)
	}
}

// otherView is a View that is not a Snapshot.
type otherView struct{ View }

type brokenView struct{ View }

func (brokenView) All() iter.Seq2[Binary, error] {
	return func(yield func(Binary, error) bool) { yield(Binary{}, errors.ErrUnsupported) }
}

func TestApplyOtherView(t *testing.T) {
	t.Parallel()
	s, err := Apply(otherView{baseView(t)}, Edit{DropBinaries: []string{"b"}})
	if err != nil || sketch(t, s) != "a1 c1 | s1 s2 t1" {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := Apply(brokenView{baseView(t)}, Edit{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("the view's error: %v", err)
	}
}
