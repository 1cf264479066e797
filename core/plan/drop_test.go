package plan

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

func TestDropBinaries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ drop, left, sources string }{
		"one of two":          {"bar-doc", "libfoo1 bar foo libfoo2", "foo 1.0, bar 1.0, foo 2.0"},
		"the last of one":     {"libfoo1", "bar bar-doc foo libfoo2", "bar 1.0, foo 2.0"},
		"all of one":          {"bar bar-doc", "libfoo1 foo libfoo2", "foo 1.0, foo 2.0"},
		"of several":          {"libfoo2 bar", "libfoo1 bar-doc foo", "foo 1.0, bar 1.0, foo 2.0"},
		"everything there is": {"foo bar libfoo1 libfoo2 bar-doc", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := three(t)
			before := r.clone()
			p, err := DropBinaries(r.view(t), Drop{strings.Fields(c.drop)})
			if err != nil || p.Result != report.Removed || len(p.Findings) != 0 {
				t.Fatalf("%s %v %v", p.Result, p.Findings, err)
			}
			r.apply(t, p)
			if got := names(t, r); got != c.left {
				t.Errorf("left %q, want %q", got, c.left)
			}
			if got := sourceNames(t, r); got != c.sources {
				t.Errorf("sources %q, want %q", got, c.sources)
			}
			checkRetires(t, before, r, p)
			r.edit(t, undoing(p))
			if r.binaries != before.binaries || r.sources != before.sources {
				t.Errorf("undone:\n%s\nwant\n%s", r.binaries, before.binaries)
			}
		})
	}
}

func TestDropBinariesRefuses(t *testing.T) {
	t.Parallel()
	r := three(t)
	for _, drop := range []string{"", "nothing", "foo nothing"} {
		p, err := DropBinaries(r.view(t), Drop{strings.Fields(drop)})
		if err != nil || p.Result != report.Rejected || !p.Edit.Empty() || p.Findings[0].Code != report.CodeNoMatch {
			t.Errorf("%q: %s %v %v", drop, p.Result, p.Findings, err)
		}
	}
}

func TestBrokenDepends(t *testing.T) {
	t.Parallel()
	v, err := index.NewView([]byte(strings.Join([]string{
		"name: app\nversion: 1\ndepends: lib (>= 1.0), other, lib (< 2)\ndescription:\nfilename: a\nsize: 1\n\n",
		"name: lib\nversion: 1\ndescription:\nfilename: b\nsize: 1\n\n",
		"name: tool\nversion: 1\ndepends: libx(= 1)\ndescription:\nfilename: c\nsize: 1\n\n",
	}, "")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for drop, want := range map[string]string{"lib": "app 1 stays and depends on lib, which goes", "tool": "", "app lib": ""} {
		p, err := DropBinaries(v, Drop{strings.Fields(drop)})
		if err != nil {
			t.Fatal(err)
		}
		var got string
		for _, f := range p.Findings {
			got += f.Message
		}
		if got != want || report.Refused(p.Findings) {
			t.Errorf("%s: %q, want %q", drop, got, want)
		}
	}
}

func TestHealing(t *testing.T) {
	t.Parallel()
	safe := "name: a\nversion: 1\ndescription: x\nfilename: a\nsize: 1\n\n"
	for text, healed := range map[string]int{
		safe: 0,
		"name: a\nversion: 1\ndescription: x: y\nfilename: a\nsize: 1\n\nname: b\nversion: 1\nfilename: b\nsize: 1\n\n": 2,
	} {
		v, err := index.NewView([]byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Run(v, Intent{Heal: &Healing{}}, nil, nil)
		if err != nil || p.Edit.Empty() || len(p.Findings) != healed || len(p.Dropped)+len(p.Retires) != 0 {
			t.Fatalf("%+v, %v", p, err)
		}
		after, err := index.Apply(v, p.Edit)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := after.Dangerous(); err != nil || len(d) > 0 {
			t.Errorf("still dangerous: %v, %v", d, err)
		}
	}
	empty, err := index.NewView(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := Heal(empty); err != nil || !p.Edit.Empty() {
		t.Errorf("of nothing: %+v, %v", p, err)
	}
}
