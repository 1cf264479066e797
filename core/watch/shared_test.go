package watch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// twoOfOneSource are two uploads: the second has what the first one has, and a
// package more.
func twoOfOneSource() (one, two []mpktest.File, source string) {
	u := mpktest.Upload{Name: "foo", Version: "1.0", Packages: []mpktest.Package{{Name: "foo"}, {Name: "libfoo"}}}.Build()
	first := mpktest.File{Name: "a" + manifestSuffix, Data: []byte(mpktest.Manifest("foo", "1.0", u.Source, u.Packages[0]))}
	second := mpktest.File{Name: "b" + manifestSuffix, Data: []byte(mpktest.Manifest("foo", "1.0", u.Source, u.Packages[0], u.Packages[1]))}
	src := u.Files()[slices.IndexFunc(u.Files(), func(f mpktest.File) bool { return f.Name == u.Source.Name })]
	return []mpktest.File{src, u.Packages[0].File, first}, []mpktest.File{u.Packages[1].File, second}, u.Source.Name
}

// TestSharedWithTheUnread: a file stays as long as a manifest that cannot be read
// yet may name it; if that does, it leaves with it, else it is deleted.
func TestSharedWithTheUnread(t *testing.T) {
	t.Parallel()
	for _, becomes := range []string{"whole", "gone", "refused"} {
		w := newWorld(t)
		s := w.watch(t)
		one, two, source := twoOfOneSource()
		w.bring(t, one)
		late := two[1]
		w.put(t, late.Name, []byte("name: [half"))
		w.run(t, s, time.Minute)
		w.expect(t, one[2].Name, report.Published)
		equal(t, "left", w.files(t), late.Name, one[1].Name, source)
		if v := w.told(t, one[2].Name); len(v.Left) != 2 || !strings.Contains(v.Left[0].Why, late.Name+" cannot be read yet") {
			t.Errorf("left: %+v", v.Left)
		}
		// The next watcher knows of it, too.
		must(t, s.Close())
		s = w.watch(t)
		switch becomes {
		case "whole":
			w.bring(t, two)
		case "gone":
			must(t, w.drop.Remove(late.Name))
		}
		w.run(t, s, 2*DefaultSettle)
		equal(t, "left", w.files(t))
		equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), lockName)
		if becomes == "whole" {
			w.expect(t, late.Name, report.Published)
			equal(t, "published", w.published(t), "foo 1.0", "libfoo 1.0")
		}
	}
}

// TestSharedWithWhatCameMeanwhile brings another manifest while the first upload is
// published: what it names stays.
func TestSharedWithWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	one, two, source := twoOfOneSource()
	w.bring(t, one)
	w.scan(t, s)
	w.skip(quietTime)
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && op == (vfs.Op{Kind: "trylock", Name: "lock"}) {
			w.ahead = nil
			w.bring(t, two)
		}
		return nil
	}
	w.scan(t, s)
	w.expect(t, one[2].Name, report.Published)
	if !slices.Contains(w.files(t), source) {
		t.Fatalf("left: %q", w.files(t))
	}
	w.run(t, s, time.Minute)
	w.expect(t, two[1].Name, report.Published)
	equal(t, "left", w.files(t))
}
