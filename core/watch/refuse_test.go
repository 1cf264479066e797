package watch

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
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
		if op == (vfs.Op{Kind: "open", Name: u.Source.Name}) {
			w.ahead = nil
			w.skip(1)
			w.put(t, pkg.Name, pkg.Data)
		}
		return nil
	}
	w.scan(t, s)
	equal(t, "rejected", w.rejected(t))
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
}

// TestBadUploads drops every damaged upload of the corpus: each is refused with a
// reason, and nothing is lost or published.
func TestBadUploads(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir(filepath.Join(corpus, "uploads-bad"))
	must(t, err)
	refused := 0
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		w := newWorld(t)
		s := w.watch(t)
		files := genuine(t, "uploads-bad/"+d.Name())
		w.bring(t, files)
		w.run(t, s, DefaultSettle+time.Minute)
		manifest := files[len(files)-1].Name
		v := w.expect(t, manifest, report.Rejected)
		if !report.Refused(v.Findings) {
			t.Errorf("%s: no reason", d.Name())
		}
		equal(t, d.Name()+": published", w.published(t))
		for _, f := range files {
			text, err := vfs.ReadFile(w.drop, f.Name, 1<<20)
			if err != nil {
				text, err = vfs.ReadFile(w.drop, path.Join(v.Rejected, f.Name), 1<<20)
			}
			if err != nil || string(text) != string(f.Data) {
				t.Errorf("%s: %s is lost: %v", d.Name(), f.Name, err)
			}
		}
		refused++
	}
	if t.Logf("%d refused", refused); refused < 19 {
		t.Errorf("only %d uploads", refused)
	}
}

// TestReports: both forms of the report are there, and an upload's own files of
// their names do not replace them.
func TestReports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	text := strings.Replace(string(u.Manifest.Data), u.Source.Name, "report.json", 1)
	text = strings.Replace(text, u.Packages[0].File.Name, "report.json.2", 1)
	w.put(t, u.Manifest.Name, []byte(strings.Replace(text, "sha256: ", "sha256: 00", 1)))
	w.run(t, s, DefaultSettle+time.Minute)
	w.expect(t, u.Manifest.Name, report.Rejected)
	w.put(t, u.Manifest.Name, []byte(text))
	w.put(t, "report.json", slices.Concat(u.Source.Data[1:], []byte{0}))
	w.put(t, "report.json.2", u.Packages[0].File.Data)
	w.run(t, s, time.Minute)
	v := w.expect(t, u.Manifest.Name, report.Rejected)
	equal(t, "refused", filesIn(t, w.drop, v.Rejected), u.Manifest.Name, "report.json", "report.json.2", "report.json.2.2", "report.txt")
	var doc Verdict
	data, err := vfs.ReadFile(w.drop, v.Rejected+"/report.json", 1<<20)
	must(t, err, json.Unmarshal(data, &doc))
	if doc.Result != report.Rejected || doc.ID != v.ID || !hasCode(doc, report.CodeHash) {
		t.Errorf("report.json: %+v", doc)
	}
	people, err := vfs.ReadFile(w.drop, v.Rejected+"/report.txt", 1<<20)
	must(t, err)
	for _, want := range []string{u.Manifest.Name, "error: ", "the file report.json has other bytes", "[MP-HASH]", v.ID, "copy all files", "/repo"} {
		if !strings.Contains(string(people), want) {
			t.Errorf("report.txt has no %q:\n%s", want, people)
		}
	}
	if len(w.rejected(t)) != 2 {
		t.Errorf("rejected: %q", w.rejected(t))
	}
}

// TestPolicy: what the settings and the requests do not allow is refused.
func TestPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	for _, version := range []string{"2.0", "1.0"} {
		w.bring(t, uploadOf("foo", version, "foo").Files())
		w.run(t, s, time.Minute)
	}
	if v := w.expect(t, mpktest.Upload{Name: "foo", Version: "1.0"}.ManifestName(), report.Rejected); !hasCode(v, report.CodeDowngrade) {
		t.Errorf("findings: %v", v.Findings)
	}
	must(t, s.Close())
	opt := w.options()
	opt.Request.Requests.Downgrade = true
	s, err := New(opt)
	must(t, err)
	w.bring(t, uploadOf("foo", "1.0", "foo").Files())
	w.run(t, s, time.Minute)
	equal(t, "published", w.published(t), "foo 1.0")
}

// TestSameNameTwice: two refused uploads of one name in one second do not mix.
func TestSameNameTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	bad := []byte(strings.Replace(string(u.Manifest.Data), "size: ", "size: 1", 1))
	for range 3 {
		w.bring(t, u.Files())
		w.put(t, u.Manifest.Name, bad)
		w.scan(t, s)
		w.at = time.Unix(1_700_001_000, 0)
		w.scan(t, s)
		w.at = time.Unix(1_700_000_001, 0)
		w.scan(t, s)
	}
	if got := w.rejected(t); len(got) != 3 {
		t.Errorf("rejected: %q", got)
	}
}
