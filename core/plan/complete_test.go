package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

func TestOrphans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		uploads []Addition
		sources string
		// removed are the sources that have a line of their own, previous and action
		// are what the upload's source line says.
		removed, previous string
		action            report.Action
	}{
		"all binaries replaced": {[]Addition{upload("foo", "1.0", "foo", "libfoo1"), upload("foo", "1.1", "foo", "libfoo1")},
			"foo 1.1", "", "1.0", report.ActionReplace},
		"one binary stays": {[]Addition{upload("foo", "1.0", "foo", "libfoo1"), upload("foo", "2.0", "foo", "libfoo2")},
			"foo 1.0, foo 2.0", "", "", report.ActionAdd},
		"the last binaries of two": {[]Addition{upload("foo", "1.0", "foo", "libfoo1"), upload("foo", "2.0", "foo", "libfoo2"), upload("foo", "3.0", "foo", "libfoo1", "libfoo2")},
			"foo 3.0", "foo 1.0", "2.0", report.ActionReplace},
		"taken over": {[]Addition{upload("foo", "1.0", "foo"), upload("bar", "1.0", "foo", "bar").asking()},
			"bar 1.0", "foo 1.0", "", report.ActionAdd},
		"back again": {[]Addition{upload("foo", "2.0", "foo"), upload("foo", "1.0", "foo").asking()},
			"foo 1.0", "", "2.0", report.ActionDowngrade},
		"built again": {[]Addition{upload("foo", "1.0", "foo"), build("again", "foo", "1.0", "foo").asking()},
			"foo 1.0", "", "1.0", report.ActionRebuild},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := emptyRepository()
			var p Plan
			for _, a := range c.uploads {
				p = r.plan(t, a, Rules{})
				before := r.clone()
				r.apply(t, p)
				checkRetires(t, before, r, p)
			}
			if got := sourceNames(t, r); got != c.sources {
				t.Errorf("sources %q, want %q", got, c.sources)
			}
			var removed []string
			for _, l := range p.Packages[1:] {
				if l.Kind == report.Source {
					removed = append(removed, l.Name+" "+l.Version)
				}
			}
			if got := strings.Join(removed, ", "); got != c.removed {
				t.Errorf("removed %q, want %q", got, c.removed)
			}
			if l := p.Packages[0]; l.Action != c.action || l.Previous != c.previous || l.Kind != report.Source {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestBareSourceStays: a source that had no binary before is none of our business.
func TestBareSourceStays(t *testing.T) {
	t.Parallel()
	r := published(t)
	r.sources += index.FormatSource(upload("bare", "1.0").Source)
	r.apply(t, r.plan(t, upload("foo", "1.1", "foo", "libfoo1"), Rules{}))
	if got := sourceNames(t, r); got != "bar 2.0, bare 1.0, foo 1.1" {
		t.Errorf("sources %q", got)
	}
}

// TestNamelessOriginDropsNothing: an empty source or srcsha256 in somebody else's stanza
// must not select every source.
func TestNamelessOriginDropsNothing(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"source: foo\n", "srcsha256: " + upload("foo", "1.0").Source.SHA256 + "\n"} {
		r := published(t)
		r.binaries = strings.Replace(r.binaries, key, "", 1)
		r.apply(t, r.plan(t, upload("foo", "1.1", "foo").asking(), Rules{}))
		if got := sourceNames(t, r); got != "foo 1.0, bar 2.0, foo 1.1" {
			t.Errorf("without %q: sources %q", key, got)
		}
	}
}

// TestOneTarballForTwoVersions: the older source stays, since the new binaries name its
// tarball.
func TestOneTarballForTwoVersions(t *testing.T) {
	t.Parallel()
	r := published(t)
	a := upload("foo", "1.1", "foo", "libfoo1")
	a.Source.SHA256 = upload("foo", "1.0").Source.SHA256
	for i := range a.Binaries {
		a.Binaries[i].SrcSHA256 = a.Source.SHA256
	}
	r.apply(t, r.plan(t, a, Rules{}))
	if got := sourceNames(t, r); got != "foo 1.0, bar 2.0, foo 1.1" {
		t.Errorf("sources %q", got)
	}
	if p := r.plan(t, a, Rules{}); p.Result != report.Unchanged {
		t.Errorf("again: %s %v", p.Result, p.Findings)
	}
}

// TestRetiresOnlyPackages: what a hostile index names is not handed to who deletes files.
func TestRetiresOnlyPackages(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"alone_1.0.mpk": true, "old/foo_1.0.mpk": true, "pool/" + hash("x") + "/foo_1.0.mpk": true,
		"metadata": false, "lock": false, "binary-index.gz": false, "Metadata": false, "pool": false,
		".mmpush/history": false, "../x": false, "a/../../x": false, "/etc/passwd": false, "a//x": false,
		"./x": false, ".hidden": false, "a/.b/x": false, "a/": false, "x y": false, "": false, "working_dir": false,
	} {
		r := published(t)
		r.binaries = strings.Replace(r.binaries, "filename: bar_2.0_amd64-debian.mpk", "filename: "+file, 1)
		p := r.plan(t, upload("bar", "2.1", "bar"), Rules{})
		if got := slices.ContainsFunc(p.Retires, func(f File) bool { return f.Path == file }); got != want {
			t.Errorf("%q is retired: %t, want %t", file, got, want)
		}
	}
}

// TestSharedFileStays: a file that another stanza names is not retired.
func TestSharedFileStays(t *testing.T) {
	t.Parallel()
	r := published(t)
	r.binaries = strings.ReplaceAll(r.binaries, "filename: bar_2.0_amd64-debian.mpk", "filename: libfoo1_1.0_amd64-debian.mpk")
	p := r.plan(t, upload("bar", "2.1", "bar"), Rules{})
	before := r.clone()
	r.apply(t, p)
	checkRetires(t, before, r, p)
	if len(p.Retires) != 1 {
		t.Errorf("%v", p.Retires)
	}
	p = before.plan(t, upload("new", "3.0", "bar", "libfoo1").asking(), Rules{})
	if len(p.Retires) != 2 {
		t.Errorf("the file that both named and the tarball of bar, once each: %v", p.Retires)
	}
}

func TestDroppedHasPlaces(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("a", "1", "a1", "a2"), upload("b", "1", "b1"), upload("c", "1", "c1", "c2"))
	p := r.plan(t, upload("n", "1", "c2", "a2", "b1", "a1").asking(), Rules{})
	var got []string
	for _, d := range p.Dropped {
		if d.Binary != nil {
			got = append(got, d.Binary.Binary.Name+"<"+d.Binary.Before)
			if d.Binary.Binary.Text == "" {
				t.Error("a dropped stanza without its text")
			}
			continue
		}
		got = append(got, d.Source.Source.Name+"<"+d.Source.Before.Name)
	}
	want := "a1<c1 a2<c1 b1<c1 c2< a<c b<c"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("dropped %s, want %s", s, want)
	}
}

func TestPackagesAreInOrder(t *testing.T) {
	t.Parallel()
	r := published(t)
	a := build("again", "foo", "1.0", "new", "foo", "bar").asking()
	p := r.plan(t, a, Rules{})
	var got []string
	for _, l := range p.Packages {
		got = append(got, string(l.Kind)+" "+l.Name+" "+string(l.Action)+" "+l.Previous)
		if l.Architecture != "" || l.File == "" || l.Size == 0 || l.SHA256 == "" || l.Version == "" {
			t.Errorf("%+v", l)
		}
	}
	want := []string{
		"source foo rebuilt 1.0", "binary new added ", "binary foo rebuilt 1.0", "binary bar downgraded 2.0",
		"source bar removed ", "binary libfoo1 removed ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lines\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
