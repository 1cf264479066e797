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

// TestSharedSource: a file that two manifests name leaves with the second of them.
func TestSharedSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	other := strings.Replace(u.Manifest.Name, arch, "other", 1)
	w.put(t, other, []byte(strings.Replace(string(u.Manifest.Data), arch, "other-arch", 1)+"# and more\n"))
	w.put(t, u.Packages[0].File.Name, u.Packages[0].File.Data[:10])
	w.scan(t, s)
	w.put(t, u.Packages[0].File.Name, u.Packages[0].File.Data)
	w.skip(quietTime)
	w.scan(t, s)
	w.skip(quietTime)
	w.scan(t, s)
	equal(t, "published", w.published(t), "foo 1.0")
	if v := w.expect(t, u.Manifest.Name, report.Published); len(v.Left) != 2 || !strings.Contains(v.Left[0].Why, other) {
		t.Errorf("left: %+v", v.Left)
	}
	// The other one is refused, since it has nothing for this repository, and takes
	// what nobody needs any more.
	v := w.expect(t, other, report.Rejected)
	if !hasCode(v, report.CodeArch) {
		t.Errorf("findings: %v", v.Findings)
	}
	equal(t, "left", w.files(t))
	equal(t, "refused", filesIn(t, w.drop, v.Rejected), slices.Sorted(slices.Values(
		[]string{u.Packages[0].File.Name, other, u.Source.Name, "report.json", "report.txt"}))...)
}

// TestOtherArchitectures: what is for other repositories stays, and is told.
func TestOtherArchitectures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := mpktest.Upload{Name: "foo", Version: "1.0", Packages: []mpktest.Package{{Name: "foo"}, {Name: "foo", Arch: "arm64-debian"}}}.Build()
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	v := w.expect(t, u.Manifest.Name, report.Published)
	equal(t, "published", w.published(t), "foo 1.0")
	theirs := u.Packages[1].File.Name
	equal(t, "left", w.files(t), theirs)
	if len(v.Left) != 1 || v.Left[0].File != theirs || !strings.Contains(v.Left[0].Why, "arm64-debian") {
		t.Errorf("left: %+v", v.Left)
	}
}

// TestOneFileForTwoArchitectures: a file that is for this repository, too, leaves.
func TestOneFileForTwoArchitectures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := mpktest.Upload{Name: "foo", Version: "1.0", Packages: []mpktest.Package{{Name: "foo"}}}.Build()
	p := u.Packages[0]
	p.Package.Arch = "arm64-debian"
	w.bring(t, u.Files())
	w.put(t, u.Manifest.Name, []byte(mpktest.Manifest("foo", "1.0", u.Source, u.Packages[0], p)))
	w.run(t, s, time.Minute)
	if v := w.expect(t, u.Manifest.Name, report.Published); v.Left != nil {
		t.Errorf("left: %+v", v.Left)
	}
	equal(t, "left", w.files(t))
}

// TestChangedMeanwhile replaces each file of an upload while it is published: what
// was verified is published, what came after stays.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	for _, f := range u.Files() {
		w := newWorld(t)
		s := w.watch(t)
		w.bring(t, u.Files())
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "repo" && op == (vfs.Op{Kind: "trylock", Name: "lock"}) {
				w.skip(time.Millisecond)
				w.put(t, f.Name, []byte("something new"))
				w.ahead = func(_ string, op vfs.Op) error {
					if op == (vfs.Op{Kind: "rename", Name: f.Name}) {
						t.Errorf("%s, which is new, is moved", f.Name)
					}
					return nil
				}
			}
			return nil
		}
		w.scan(t, s)
		w.skip(quietTime)
		w.scan(t, s)
		w.ahead = nil
		equal(t, "published", w.published(t), "foo 1.0")
		v := w.expect(t, u.Manifest.Name, report.Published)
		if !slices.Contains(v.Left, Left{f.Name, changed}) {
			t.Errorf("left: %+v", v.Left)
		}
		if f.Name != u.Manifest.Name {
			equal(t, "left", w.files(t), f.Name)
			continue
		}
		// It cannot be read, and may name any of the files.
		equal(t, "left", w.files(t), u.Manifest.Name, u.Packages[0].File.Name, u.Source.Name)
		// The new manifest is an upload of its own.
		w.run(t, s, 2*DefaultSettle)
		w.expect(t, u.Manifest.Name, report.Rejected)
		equal(t, "left", w.files(t))
	}
}

// TestOtherManifestInBetween puts another manifest in place of the one that was
// looked at, just before it is opened to be published: it is not taken for that one.
func TestOtherManifestInBetween(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	foo, bar := uploadOf("foo", "1.0", "foo"), uploadOf("bar", "1.0", "bar")
	w.bring(t, foo.Files())
	w.bring(t, bar.Files()[:2])
	w.scan(t, s)
	w.skip(quietTime)
	w.ahead = func(disk string, op vfs.Op) error {
		if op == (vfs.Op{Kind: "open", Name: foo.Manifest.Name}) {
			w.ahead = nil
			w.skip(time.Millisecond)
			w.put(t, foo.Manifest.Name, bar.Manifest.Data)
		}
		return nil
	}
	w.scan(t, s)
	if w.ahead != nil {
		t.Fatal("the manifest is not opened")
	}
	equal(t, "published", w.published(t))
	w.run(t, s, time.Minute)
	equal(t, "published", w.published(t), "bar 1.0")
	equal(t, "left", w.files(t), foo.Packages[0].File.Name, foo.Source.Name)
}

// TestReplacedWhileItIsDeleted puts a new file under the name of an old one ahead
// of every call of the deletion: it is never the new one that goes.
func TestReplacedWhileItIsDeleted(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	name := u.Packages[0].File.Name
	calls := 0
	for at := 1; at == calls+1; at++ {
		w := newWorld(t)
		s := w.watch(t)
		w.bring(t, u.Files())
		w.scan(t, s)
		w.skip(quietTime)
		acked, n := false, 0
		w.ahead = func(disk string, op vfs.Op) error {
			acked = acked || disk == "drop" && op.Kind == "create" && !strings.Contains(op.Name, intentSuffix)
			if disk == "drop" && acked {
				if n++; n == at {
					w.ahead = nil
					calls = at
					w.put(t, name, []byte("something new"))
				}
			}
			return nil
		}
		w.scan(t, s)
		text, err := vfs.ReadFile(w.drop, name, 1<<20)
		if w.ahead == nil && (err != nil || string(text) != "something new") {
			t.Errorf("replaced ahead of call %d: %q, %v\n%s", at, text, err, &w.log)
		}
		equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), lockName)
	}
	if t.Logf("%d calls", calls); calls < 15 {
		t.Errorf("only %d calls", calls)
	}
}
