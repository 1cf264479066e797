package watch

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestNotWhole: each way in which an upload can be not whole is waited for, told,
// and refused when nothing has changed for the settle time.
func TestNotWhole(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	pkg, manifest := u.Packages[0].File, u.Manifest
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world)
		code   report.Code
		kept   []string
	}{
		"a package is missing":   {func(t *testing.T, w *world) { must(t, w.drop.Remove(pkg.Name)) }, report.CodeMissing, []string{u.Source.Name}},
		"the source is missing":  {func(t *testing.T, w *world) { must(t, w.drop.Remove(u.Source.Name)) }, report.CodeMissing, []string{pkg.Name}},
		"a package is short":     {func(t *testing.T, w *world) { w.put(t, pkg.Name, pkg.Data[:9]) }, report.CodeSize, []string{pkg.Name, u.Source.Name}},
		"a package is long":      {func(t *testing.T, w *world) { w.add(t, pkg.Name, []byte("x")) }, report.CodeSize, []string{pkg.Name, u.Source.Name}},
		"a package is a folder":  {func(t *testing.T, w *world) { must(t, w.drop.Remove(pkg.Name), w.drop.Mkdir(pkg.Name, 0o755)) }, report.CodeMissing, []string{u.Source.Name}},
		"the manifest is cut":    {func(t *testing.T, w *world) { w.put(t, manifest.Name, manifest.Data[:90]) }, report.CodeField, nil},
		"the manifest is empty":  {func(t *testing.T, w *world) { w.put(t, manifest.Name, nil) }, report.CodeYAML, nil},
		"the manifest leads out": {func(t *testing.T, w *world) { w.put(t, manifest.Name, leadingOut(manifest)) }, report.CodeName, nil},
		"the manifest is huge":   {func(t *testing.T, w *world) { w.put(t, manifest.Name, make([]byte, 1<<20+1)) }, report.CodeYAML, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.watch(t)
			w.bring(t, u.Files())
			c.change(t, w)
			before := w.files(t)
			w.run(t, s, DefaultSettle-time.Second)
			if v := w.expect(t, manifest.Name, Waiting); report.Refused(v.Findings) || !hasCode(v, c.code) {
				t.Errorf("told: %v", v.Findings)
			}
			equal(t, "there while waiting", w.files(t), before...)
			w.run(t, s, 2*time.Second)
			v := w.expect(t, manifest.Name, report.Rejected)
			if !hasCode(v, c.code) || !report.Refused(v.Findings) {
				t.Errorf("findings: %v", v.Findings)
			}
			want := append([]string{manifest.Name, "report.json", "report.txt"}, c.kept...)
			slices.Sort(want)
			equal(t, "refused", filesIn(t, w.drop, v.Rejected), want...)
			equal(t, "published", w.published(t))
			left := slices.DeleteFunc(before, func(f string) bool { return slices.Contains(want, f) })
			equal(t, "left", w.files(t), left...)
			if w.logged("msg=rejected") != 1 || w.logged("msg=waiting") != 1 || s.Totals() != (Totals{Rejected: 1}) {
				t.Errorf("totals %+v\n%s", s.Totals(), &w.log)
			}
		})
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func leadingOut(m mpktest.File) []byte {
	return []byte(strings.Replace(string(m.Data), "file: ", "file: ../../", 1))
}

// TestAllProblemsAtOnce: who is refused because a file is missing is told what is
// wrong with the others, too.
func TestAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo", "libfoo1")
	w.bring(t, u.Files()[1:])
	w.put(t, u.Packages[1].File.Name, make([]byte, u.Packages[1].File.Size))
	w.run(t, s, DefaultSettle+time.Minute)
	if v := w.expect(t, u.Manifest.Name, report.Rejected); !hasCode(v, report.CodeMissing) || !hasCode(v, report.CodeHash) {
		t.Errorf("findings: %v", v.Findings)
	}
}

// TestSettleBeginsAnew: each change gives an upload the whole time again.
func TestSettleBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.put(t, u.Manifest.Name, u.Manifest.Data)
	pkg := u.Packages[0].File
	for _, b := range pkg.Data {
		w.add(t, pkg.Name, []byte{b})
		w.run(t, s, DefaultSettle-time.Minute)
	}
	w.expect(t, u.Manifest.Name, Waiting)
	w.put(t, u.Source.Name, u.Source.Data)
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
}

// TestTellsOnlyNews: the verdict of a waiting upload is written when what it waits
// for changes.
func TestTellsOnlyNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	writes := 0
	w.ahead = func(disk string, op vfs.Op) error {
		if op.Kind == "create" && strings.HasPrefix(op.Name, VerdictDir) {
			writes++
		}
		return nil
	}
	for i, f := range []mpktest.File{u.Manifest, u.Source} {
		w.put(t, f.Name, f.Data)
		w.run(t, s, 5*time.Minute)
		if v := w.expect(t, u.Manifest.Name, Waiting); len(v.Findings) != 2-i || writes != i+1 {
			t.Errorf("%d writes, the last: %v", writes, v.Findings)
		}
	}
}

// TestWrongBytes: a file of the right size with other bytes may still be written in
// place; after a short time it is refused.
func TestWrongBytes(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	pkg := u.Packages[0].File
	half := slices.Concat(pkg.Data[:20], make([]byte, len(pkg.Data)-20))
	for _, writes := range []bool{false, true} {
		w := newWorld(t)
		s := w.watch(t)
		for _, f := range u.Files() {
			w.put(t, ".part", f.Data)
			if f.Name == pkg.Name {
				w.put(t, ".part", half)
			}
			w.skip(time.Millisecond)
			must(t, w.drop.Rename(".part", f.Name))
		}
		w.scan(t, s)
		w.skip(quietTime / 2)
		w.scan(t, s)
		equal(t, "refused too early", w.rejected(t))
		equal(t, "published too early", w.published(t))
		if writes {
			w.put(t, pkg.Name, pkg.Data)
			w.scan(t, s)
			equal(t, "published too early", w.published(t))
			w.skip(quietTime / 2)
		}
		w.skip(quietTime/2 - 1)
		w.scan(t, s)
		equal(t, "refused too early", w.rejected(t))
		equal(t, "published too early", w.published(t))
		w.skip(1)
		w.scan(t, s)
		if writes {
			w.expect(t, u.Manifest.Name, report.Published)
			continue
		}
		if v := w.expect(t, u.Manifest.Name, report.Rejected); !hasCode(v, report.CodeHash) {
			t.Errorf("findings: %v", v.Findings)
		}
		equal(t, "left", w.files(t))
	}
}

// TestDoubtIsForTheUnchanged: a refusal of what changes while it is verified does
// not count.
func TestDoubtIsForTheUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	pkg := u.Packages[0].File
	w.bring(t, u.Files())
	w.put(t, pkg.Name, make([]byte, len(pkg.Data)))
	w.scan(t, s)
	w.skip(quietTime)
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && op.Kind == "sync" && path.Base(op.Name) == pkg.Name && w.ahead != nil {
			w.ahead = nil
			w.skip(1)
			w.put(t, pkg.Name, pkg.Data)
		}
		return nil
	}
	w.scan(t, s)
	if w.ahead != nil {
		t.Fatal("nothing has changed")
	}
	equal(t, "rejected", w.rejected(t))
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
}

// TestChangedWhileItIsRefused: what is not the file that was refused any more is not
// moved.
func TestChangedWhileItIsRefused(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	pkg := u.Packages[0].File
	for _, f := range u.Files() {
		w := newWorld(t)
		s := w.watch(t)
		w.bring(t, u.Files())
		w.put(t, pkg.Name, make([]byte, len(pkg.Data)))
		w.scan(t, s)
		w.skip(quietTime)
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "drop" && op.Kind == "create" && !strings.Contains(op.Name, intentSuffix) && w.ahead != nil {
				w.ahead = nil
				w.skip(1)
				w.put(t, f.Name, []byte("something new"))
			}
			return nil
		}
		w.scan(t, s)
		equal(t, "left", w.files(t), f.Name)
		if v := w.expect(t, u.Manifest.Name, report.Rejected); len(v.Left) != 1 || v.Left[0] != (Left{f.Name, changed}) {
			t.Errorf("left: %+v", v.Left)
		}
	}
}
