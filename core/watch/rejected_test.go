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
		w.set(time.Unix(1_700_001_000, 0))
		w.scan(t, s)
		w.set(time.Unix(1_700_000_001, 0))
		w.scan(t, s)
	}
	if got := w.rejected(t); len(got) != 3 {
		t.Errorf("rejected: %q", got)
	}
}
