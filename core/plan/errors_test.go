package plan

import (
	"errors"
	"iter"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

var errBroken = errors.New("the disk is gone")

// brokenView answers until its count runs out.
type brokenView struct {
	index.View
	left *int
}

func (v brokenView) fails() bool {
	*v.left--
	return *v.left < 0
}

func (v brokenView) Binary(name string) (index.Binary, bool, error) {
	if v.fails() {
		return index.Binary{}, false, errBroken
	}
	return v.View.Binary(name)
}

func (v brokenView) BinariesOf(source, srcsha256 string) ([]index.Binary, error) {
	if v.fails() {
		return nil, errBroken
	}
	return v.View.BinariesOf(source, srcsha256)
}

func (v brokenView) Sources(sel index.Selector) ([]index.Source, error) {
	if v.fails() {
		return nil, errBroken
	}
	return v.View.Sources(sel)
}

func (v brokenView) Names(filename string) (bool, error) {
	if v.fails() {
		return false, errBroken
	}
	return v.View.Names(filename)
}

func (v brokenView) All() iter.Seq2[index.Binary, error] {
	return func(yield func(index.Binary, error) bool) {
		for b, err := range v.View.All() {
			if v.fails() {
				b, err = index.Binary{}, errBroken
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (v brokenView) Dangerous() ([]index.Binary, error) {
	if v.fails() {
		return nil, errBroken
	}
	return v.View.Dangerous()
}

// TestErrors fails every question to the View and to taken in turn: the error comes
// out, and never a plan that was made of half the answers.
func TestErrors(t *testing.T) {
	t.Parallel()
	correcting := emptyRepository().publish(t, upload("foo", "1.0", "foo"))
	correcting.sources += index.FormatSource(upload("bar", "1.0").Source)
	wrong := upload("foo", "1.0", "foo")
	wrong.Source.Size++
	wrong.Binaries[0].Depends = "bar"
	add := func(a Addition) Intent { return Intent{Add: &a} }
	sel := selector("foo", "1.0")
	for name, c := range map[string]struct {
		on     *repository
		intent Intent
	}{
		"a new package":     {three(t), add(upload("baz", "1.0", "baz"))},
		"a new version":     {three(t), add(upload("foo", "3.0", "foo", "libfoo2"))},
		"a rebuild":         {three(t), add(build("again", "bar", "1.0", "bar").asking())},
		"a corrected entry": {correcting, add(wrong)},
		"a removal":         {three(t), Intent{Remove: &sel}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 0; ; n++ {
				if n > 200 {
					t.Fatal("no end of questions")
				}
				left := n
				v := brokenView{c.on.view(t), &left}
				taken := func(path string) (Taken, error) {
					if v.fails() {
						return Taken{}, errBroken
					}
					return c.on.taken(path)
				}
				p, err := Run(v, c.intent, func(string) Rules { return Rules{} }, taken)
				if left >= 0 {
					if err != nil || report.Refused(p.Findings) || n == 0 {
						t.Fatalf("after %d questions: %v %v", n, p.Findings, err)
					}
					return
				}
				if !errors.Is(err, errBroken) || p.Result != "" || !p.Edit.Empty() || p.Puts != nil {
					t.Fatalf("question %d fails: %+v %v", n+1, p, err)
				}
			}
		})
	}
}
