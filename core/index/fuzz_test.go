package index

import (
	"errors"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

func FuzzOpen(f *testing.F) {
	for _, st := range steps(f) {
		f.Add(st.binaryGz, st.source)
	}
	f.Add(zip("name: a\n\n", ""), []byte("name: a\r\n\r\n"))
	f.Add(append(zip("\nname: a\n\n\n"), "garbage"...), []byte{})
	f.Fuzz(func(t *testing.T, binaryIndex, sourceIndex []byte) {
		s, err := Open(repository(t, binaryIndex, sourceIndex))
		if err != nil {
			var re *report.Error
			if !errors.As(err, &re) || re.Code != report.CodeIndex {
				t.Errorf("%v", err)
			}
			return
		}
		fuzzSnapshot(t, s)
	})
}

// FuzzNewView gets further than FuzzOpen, which has to find valid gzip first.
func FuzzNewView(f *testing.F) {
	for _, st := range steps(f) {
		f.Add(st.binary, st.source)
	}
	f.Add([]byte("\nname: a\r\ndepends: b:c\r\n\r\n\n"), []byte("name: a"))
	f.Fuzz(func(t *testing.T, binaryText, sourceText []byte) {
		if s, err := NewView(binaryText, sourceText); err == nil {
			fuzzSnapshot(t, s)
		}
	})
}

// fuzzSnapshot holds that what could be read is written and read as the same, and
// heals.
func fuzzSnapshot(t *testing.T, s *Snapshot) {
	checkSame(t, s)
	list, err := s.Dangerous()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	var e Edit
	for _, b := range list {
		healed, ok := Heal(b)
		if !ok {
			t.Errorf("it does not heal: %q", b.Text)
		}
		checkHealed(t, b, healed)
		if last, _, _ := s.Binary(b.Name); !names[b.Name] && last == b {
			names[b.Name] = true
			e.ReplaceBinaries = append(e.ReplaceBinaries, healed)
		}
	}
	next, err := Apply(s, e)
	if err != nil {
		t.Fatal(err)
	}
	checkSame(t, next)
}
