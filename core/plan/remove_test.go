package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

func selector(name, version string) index.Selector {
	return index.Selector{Name: name, Version: version}
}

// three is foo 1.0, of which foo 2.0 left libfoo1, and bar 1.0.
func three(t tb) *repository {
	return emptyRepository().publish(t,
		upload("foo", "1.0", "foo", "libfoo1"), upload("bar", "1.0", "bar", "bar-doc"), upload("foo", "2.0", "foo", "libfoo2"))
}

func TestRemove(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sel index.Selector
		// gone are the packages that go, left those that stay, in the index's order.
		gone, left, sources string
	}{
		"a name":           {selector("foo", ""), "libfoo1 foo libfoo2", "bar bar-doc", "bar 1.0"},
		"a name, version":  {selector("foo", "1.0"), "libfoo1", "bar bar-doc foo libfoo2", "bar 1.0, foo 2.0"},
		"a version":        {selector("", "1.0"), "libfoo1 bar bar-doc", "foo libfoo2", "foo 2.0"},
		"a tarball":        {index.Selector{SHA256: upload("bar", "1.0").Source.SHA256}, "bar bar-doc", "libfoo1 foo libfoo2", "foo 1.0, foo 2.0"},
		"the newest there": {selector("foo", "2.0"), "foo libfoo2", "libfoo1 bar bar-doc", "foo 1.0, bar 1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := three(t)
			before := r.clone()
			p, err := Remove(r.view(t), c.sel)
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
			if got := removedNames(p); got != c.gone {
				t.Errorf("the lines tell %q, want %q", got, c.gone)
			}
			checkRetires(t, before, r, p)
			r.edit(t, undoing(p))
			if r.binaries != before.binaries || r.sources != before.sources {
				t.Errorf("undone:\n%s\nwant\n%s", r.binaries, before.binaries)
			}
		})
	}
}

func names(t tb, r *repository) string {
	t.Helper()
	var all []string
	for _, b := range binariesOf(t, r.view(t)) {
		all = append(all, b.Name)
	}
	return strings.Join(all, " ")
}

func sourceNames(t tb, r *repository) string {
	t.Helper()
	var all []string
	for _, s := range sourcesOf(t, r.view(t)) {
		all = append(all, s.Name+" "+s.Version)
	}
	return strings.Join(all, ", ")
}

func removedNames(p Plan) string {
	var all []string
	for _, l := range p.Packages {
		if l.Kind == report.Binary && l.Action == report.ActionRemove {
			all = append(all, l.Name)
		}
	}
	return strings.Join(all, " ")
}

// filesOf are the files that the indexes name, with what they should be.
func filesOf(t tb, r *repository) map[string]Taken {
	t.Helper()
	files := map[string]Taken{}
	for _, b := range binariesOf(t, r.view(t)) {
		files[b.Filename] = Taken{true, b.Size, b.SHA256}
	}
	for _, s := range sourcesOf(t, r.view(t)) {
		files[s.Filename] = Taken{true, s.Size, s.SHA256}
	}
	return files
}

// checkRetires: exactly what was named and no longer is.
func checkRetires(t tb, before, after *repository, p Plan) {
	t.Helper()
	still := filesOf(t, after)
	want := map[string]Taken{}
	for file, is := range filesOf(t, before) {
		if _, ok := still[file]; !ok {
			want[file] = is
		}
	}
	for _, f := range p.Retires {
		if is, ok := want[f.Path]; !ok || is != (Taken{true, f.Size, f.SHA256}) || !strings.HasSuffix("/"+f.Path, "/"+f.Name) {
			t.Errorf("%+v is retired; it was %+v", f, is)
		}
		delete(want, f.Path)
	}
	if len(want) > 0 {
		t.Errorf("not retired: %v", want)
	}
}

func TestRemoveRefuses(t *testing.T) {
	t.Parallel()
	r := three(t)
	for name, c := range map[string]struct {
		sel  index.Selector
		code report.Code
		says string
	}{
		"an empty selector": {index.Selector{}, report.CodeUsage, "which sources"},
		"a name":            {selector("nothing", ""), report.CodeNoMatch, "the name nothing"},
		"a version":         {selector("foo", "3.0"), report.CodeNoMatch, "the name foo, the version 3.0"},
		"a binary's name":   {selector("libfoo1", ""), report.CodeNoMatch, "the name libfoo1"},
		"a tarball":         {index.Selector{SHA256: "00"}, report.CodeNoMatch, "the SHA-256 00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := Remove(r.view(t), c.sel)
			if err != nil || p.Result != report.Rejected || !p.Edit.Empty() || p.Retires != nil {
				t.Fatalf("%+v %v", p, err)
			}
			f := mustFind(t, p, c.code)[0]
			if !f.Refuses() || !strings.Contains(f.Message, c.says) || f.Hint == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestRemoveTwin: two source stanzas of one tarball, as only another tool writes them.
func TestRemoveTwin(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo"), upload("bar", "1.0", "bar"))
	twin := sourcesOf(t, r.view(t))[0]
	twin.Version, twin.Text = "1.0.1", ""
	r.edit(t, index.Edit{AppendSources: []index.Source{twin}})
	for _, sel := range []index.Selector{selector("foo", "1.0"), selector("foo", "")} {
		p, err := Remove(r.view(t), sel)
		if err != nil {
			t.Fatal(err)
		}
		after := r.clone()
		after.apply(t, p)
		if got := sourceNames(t, after); got != "bar 1.0" {
			t.Errorf("%+v: a source without a binary is left: %s", sel, got)
		}
		if len(p.Packages) != 3 {
			t.Errorf("%+v: %v", sel, p.Packages)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	r := three(t)
	var asked []string
	rules := func(source string) Rules {
		asked = append(asked, source)
		return Rules{Downgrade: Allow}
	}
	a := upload("foo", "1.0", "foo", "libfoo1")
	p, err := Run(r.view(t), Intent{Add: &a}, rules, r.taken)
	if err != nil || p.Result != report.Published || !slices.Equal(asked, []string{"foo"}) {
		t.Errorf("%s %v %v, rules asked for %v", p.Result, p.Findings, err, asked)
	}
	sel := selector("bar", "")
	p, err = Run(r.view(t), Intent{Remove: &sel}, rules, r.taken)
	if err != nil || p.Result != report.Removed {
		t.Errorf("%s %v", p.Result, err)
	}
	for _, i := range []Intent{{}, {Add: &a, Remove: &sel}} {
		if _, err := Run(r.view(t), i, rules, r.taken); !errors.Is(err, errIntent) {
			t.Errorf("%v", err)
		}
	}
}
