package plan

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// TestHealedByItsOwn: a stanza that crashes the client is damaged, whatever its values.
func TestHealedByItsOwn(t *testing.T) {
	t.Parallel()
	a := upload("foo", "1.0", "foo", "libfoo1")
	a.Binaries[0].Description = "note: a thing"
	r := emptyRepository().publish(t, a)
	good := r.binaries
	r.binaries = strings.Replace(good, "description: note\n : a", "x-mark: kept\ndescription: note: a", 1)
	p := r.plan(t, a, Rules{})
	if p.Result != report.Restored || line(t, p, report.Binary, "foo").Action != report.ActionHeal {
		t.Fatalf("%s %v", p.Result, p.Packages)
	}
	if len(mustFind(t, p, report.CodeHealed)) != 1 || len(p.Dropped) != 0 || len(p.Packages) != 3 {
		t.Errorf("%+v", p)
	}
	r.apply(t, p)
	if want := strings.Replace(good, "description: note", "x-mark: kept\ndescription: note", 1); r.binaries != want {
		t.Errorf("%s\nwant\n%s", r.binaries, want)
	}
}

// TestHealedOnTheWay: every change of the index heals the others, an added package's
// own stanza is safe from the start, and undo does not bring the danger back.
func TestHealedOnTheWay(t *testing.T) {
	t.Parallel()
	r := three(t)
	good := r.clone()
	r.binaries = strings.Replace(r.binaries, "description: What bar-doc is for.", "description: note: What bar-doc is for.", 1)
	safe := strings.Replace(good.binaries, "description: What bar-doc is for.", "description: note\n : What bar-doc is for.", 1)
	sel := selector("foo", "2.0")
	for name, i := range map[string]Intent{
		"add":    {Add: ptr(upload("baz", "1.0", "baz"))},
		"remove": {Remove: &sel},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := r.clone()
			p, err := Run(r.view(t), i, func(string) Rules { return Rules{} }, r.taken)
			if err != nil {
				t.Fatal(err)
			}
			f := mustFind(t, p, report.CodeHealed)
			if len(f) != 1 || f[0].Severity != report.SeverityNote || !strings.Contains(f[0].Message, "bar-doc") {
				t.Errorf("%+v", f)
			}
			last := p.Packages[len(p.Packages)-1]
			if last.Action != report.ActionHeal || last.Name != "bar-doc" || last.Previous != "" {
				t.Errorf("%+v", last)
			}
			for _, d := range p.Dropped {
				if d.Binary != nil && d.Binary.Binary.Name == "bar-doc" {
					t.Error("a healed stanza counts as dropped")
				}
			}
			r.apply(t, p)
			r.edit(t, undoing(p))
			if r.binaries != safe {
				t.Errorf("undone:\n%s\nwant\n%s", r.binaries, safe)
			}
		})
	}
	t.Run("replaced anyway", func(t *testing.T) {
		t.Parallel()
		p := r.plan(t, upload("bar", "1.1", "bar", "bar-doc"), Rules{})
		if len(p.Edit.ReplaceBinaries) != 0 || len(p.Findings) != 0 {
			t.Errorf("%+v %v", p.Edit.ReplaceBinaries, p.Findings)
		}
		r.clone().apply(t, p)
	})
}

func ptr[T any](x T) *T { return &x }

// TestSeveralOfOneName: only another tool leaves two stanzas of one name or one source;
// a publish leaves one.
func TestSeveralOfOneName(t *testing.T) {
	t.Parallel()
	r := published(t)
	double := strings.Replace(r.binaries[:strings.Index(r.binaries, "\n\n")+2], "foo_1.0_amd64", "foo_0.9_amd64", 1)
	r.binaries = double + r.binaries
	r.sources += r.sources[:strings.Index(r.sources, "\n\n")+2]
	for _, a := range []Addition{upload("foo", "1.0", "foo", "libfoo1"), upload("foo", "1.1", "foo")} {
		r := r.clone()
		before := r.clone()
		p := r.plan(t, a, Rules{})
		r.apply(t, p)
		checkRetires(t, before, r, p)
		if n := strings.Count(r.binaries, "name: foo\n"); n != 1 {
			t.Errorf("%d stanzas of foo:\n%s", n, r.binaries)
		}
		if n := strings.Count(r.sources, a.Source.SHA256); n != 1 {
			t.Errorf("%d stanzas of the source:\n%s", n, r.sources)
		}
		r.edit(t, undoing(p))
		if got, want := r.binaries, published(t).binaries; got != want {
			t.Errorf("undone:\n%s\nwant\n%s", got, want)
		}
	}
}

// TestHealsTheLast: of several stanzas of a name the last one counts; healing an earlier
// one must not bring it back.
func TestHealsTheLast(t *testing.T) {
	t.Parallel()
	r := published(t)
	b, _, err := r.view(t).Binary("bar")
	if err != nil {
		t.Fatal(err)
	}
	b.Text, b.Version, b.Description = "", "0.1", "old thing"
	r.binaries = strings.Replace(index.FormatBinary(b), "description: old", "description: note: old", 1) + r.binaries
	p := r.plan(t, upload("baz", "1.0", "baz"), Rules{})
	if len(p.Dropped) != 0 {
		t.Errorf("undo would bring back %+v", p.Dropped)
	}
	r.apply(t, p)
	if b, _, _ = r.view(t).Binary("bar"); b.Version != "2.0" {
		t.Errorf("bar is %s now", b.Version)
	}
}
