package index

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestGenuineIndexes reads what the real tool wrote and writes it again.
func TestGenuineIndexes(t *testing.T) {
	t.Parallel()
	for _, st := range steps(t) {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(repository(t, st.binaryGz, st.source))
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Warnings()) != 0 {
				t.Errorf("warnings: %v", s.Warnings())
			}
			b, src := written(t, s)
			if !bytes.Equal(b, st.binary) || !bytes.Equal(src, st.source) {
				t.Error("written again it is another text")
			}
			n, m := s.Len()
			if n != bytes.Count(st.binary, []byte("\n\n")) || m != bytes.Count(st.source, []byte("\n\n")) {
				t.Errorf("it has %d and %d stanzas", n, m)
			}
		})
	}
}

// TestGenuineStanzasFromValues formats every stanza of the real tool from its
// values. The only ones that come out otherwise are those of the package colon: the
// ':' in their first line crashes the client. (The description of greet is damaged
// from step 04 on; that is another value, and it is kept.)
func TestGenuineStanzasFromValues(t *testing.T) {
	t.Parallel()
	const fromStep09 = 14
	others := 0
	for _, st := range steps(t) {
		s := mustView(t, string(st.binary), string(st.source))
		for b, err := range s.All() {
			if err != nil {
				t.Fatal(err)
			}
			if got := FormatBinary(b); got != b.Text {
				others++
				if b.Name != "colon" {
					t.Errorf("%s: %s was\n%s\nis\n%s", st.name, b.Name, b.Text, got)
				}
			}
		}
		all, err := s.Sources(Selector{})
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range all {
			if got := FormatSource(src); got != src.Text {
				t.Errorf("%s: %s was\n%s\nis\n%s", st.name, src.Name, src.Text, got)
			}
		}
	}
	if others != fromStep09 {
		t.Errorf("%d stanzas were formatted otherwise, want %d", others, fromStep09)
	}
}

func TestGenuineColonHeals(t *testing.T) {
	t.Parallel()
	const description = "note: a description which has a colon: twice, then more"
	for _, st := range steps(t) {
		s := mustView(t, string(st.binary), string(st.source))
		list, err := s.Dangerous()
		if err != nil {
			t.Fatal(err)
		}
		if st.name < "09" {
			if len(list) != 0 {
				t.Errorf("%s: dangerous: %+v", st.name, list)
			}
			continue
		}
		if len(list) != 1 || list[0].Name != "colon" {
			t.Fatalf("%s: dangerous: %+v", st.name, list)
		}
		healed, ok := Heal(list[0])
		if !ok || healed.Description != description {
			t.Fatalf("%s: healed is %+v", st.name, healed)
		}
		next, err := Apply(s, Edit{ReplaceBinaries: []Binary{healed}})
		if err != nil {
			t.Fatal(err)
		}
		if list, _ := next.Dangerous(); len(list) != 0 {
			t.Errorf("%s: still dangerous: %+v", st.name, list)
		}
		b, _ := written(t, next)
		want := strings.Replace(string(st.binary), "description: note: a", "description: note\n : a", 1)
		if string(b) != want {
			t.Errorf("%s: more than the one field has changed:\n%s", st.name, b)
		}
	}
}

func TestViewAnswers(t *testing.T) {
	t.Parallel()
	for _, st := range steps(t) {
		if st.name == "11-ghost-sysbell" {
			checkStep11(t, mustView(t, string(st.binary), string(st.source)))
		}
	}
}

func checkStep11(t *testing.T, s *Snapshot) {
	t.Helper()
	b, ok, err := s.Binary("libfoo1")
	if err != nil || !ok || b.Version != "1.1.0" || b.Size != 2502 || b.Description != "Toy tide level program and its shared library.\nautomatically generated around SONAME libfoo.so.1" {
		t.Errorf("libfoo1 is %+v, %v, %v", b, ok, err)
	}
	if _, ok, err := s.Binary("nothing"); ok || err != nil {
		t.Errorf("nothing: %v, %v", ok, err)
	}
	foo2 := "d2b406ab3cb85423d7427fa1e8ce3526ff4107a562bfe1f235cd06e10c814388"
	checkNames(t, s, "foo", foo2, "foo", "foo-debug", "foo-devel", "libfoo2")
	checkNames(t, s, "foo", "860ea950f98cf29b4d31dc54a34ca3d1e908cae57b3f8169fdc7adfeb3b2def9", "libfoo1")
	checkNames(t, s, "bar", foo2)
	for sel, want := range map[Selector]int{
		{}: 8, {Name: "foo"}: 2, {Name: "foo", Version: "2.0.0"}: 1, {Version: "2.0.0"}: 1, {SHA256: foo2}: 1,
		{Name: "foo", Version: "3"}: 0, {Name: "nothing"}: 0, {Name: "greet", SHA256: foo2}: 0,
	} {
		if list, err := s.Sources(sel); err != nil || len(list) != want {
			t.Errorf("Sources(%+v) = %d, %v; want %d", sel, len(list), err, want)
		}
	}
	for name, want := range map[string]bool{"foo_2.0.0_src.tar.xz": true, "chain_3.2_amd64-debian.mpk": true, "foo": false, "": false} {
		if got, err := s.Names(name); got != want || err != nil {
			t.Errorf("Names(%q) = %v, %v", name, got, err)
		}
	}
}

func checkNames(t *testing.T, s *Snapshot, source, sha string, want ...string) {
	t.Helper()
	list, err := s.BinariesOf(source, sha)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range list {
		got = append(got, b.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("BinariesOf(%s, %.4s) = %v, want %v", source, sha, got, want)
	}
}

func TestNoFileHasNoName(t *testing.T) {
	t.Parallel()
	if named, err := mustView(t, "name: a\n\n", "name: s\n\n").Names(""); named || err != nil {
		t.Errorf("stanzas without a file name one: %v, %v", named, err)
	}
}

func TestAllStops(t *testing.T) {
	t.Parallel()
	s := mustView(t, "name: a\n\nname: b\n\n", "")
	for b, err := range s.All() {
		if b.Name != "a" || err != nil {
			t.Fatalf("%+v, %v", b, err)
		}
		break
	}
}

func TestSeveralOfOneName(t *testing.T) {
	t.Parallel()
	s := mustView(t, "name: a\nversion: 1\nfilename: f\n\nname: b\n\nname: a\nversion: 2\nfilename: f\n\n", "")
	if b, ok, err := s.Binary("a"); !ok || err != nil || b.Version != "2" {
		t.Errorf("the last of that name counts: %+v, %v", b, err)
	}
	next, err := Apply(s, Edit{DropBinaries: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := written(t, next); string(b) != "name: b\n\n" {
		t.Errorf("drop means all of that name: %q", b)
	}
	if named, _ := next.Names("f"); named {
		t.Error("the file is no longer named")
	}
	next, err = Apply(s, Edit{ReplaceBinaries: []Binary{{Name: "a", Text: "name: a\n\n"}}})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := written(t, next); string(b) != "name: b\n\nname: a\n\n" {
		t.Errorf("replace takes the last one's place, and the others go: %q", b)
	}
}

func TestDangerousAfterEdits(t *testing.T) {
	t.Parallel()
	bad, err := ParseBinary("name: bad\ndescription: a: b\n\n")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Apply(baseView(t), Edit{InsertBinaries: []InsertBinary{{"a", bad}}})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Dangerous(); err != nil || len(list) != 1 || list[0] != bad {
		t.Errorf("a stanza that comes back as it was: %+v, %v", list, err)
	}
	if s, err = Apply(s, Edit{DropBinaries: []string{"bad"}}); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Dangerous(); err != nil || len(list) != 0 {
		t.Errorf("dropped again: %+v, %v", list, err)
	}
}
