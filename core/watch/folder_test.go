package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestUnreadable: a file that may not be read yet is waited for.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo")
	for _, f := range u.Files() {
		w := newWorld(t)
		s := w.watch(t)
		w.bring(t, u.Files())
		w.ahead = func(disk string, op vfs.Op) error {
			if op == (vfs.Op{Kind: "open", Name: f.Name}) {
				return syscall.EACCES
			}
			return nil
		}
		w.run(t, s, time.Minute)
		v := w.expect(t, u.Manifest.Name, Waiting)
		if len(v.Findings) != 1 || !strings.Contains(v.Findings[0].Message, f.Name+" may not be read") {
			t.Errorf("told: %v", v.Findings)
		}
		w.ahead = nil
		must(t, w.drop.Chmod(f.Name, 0o644))
		w.run(t, s, time.Minute)
		w.expect(t, u.Manifest.Name, report.Published)
	}
}

// TestVanished: a manifest that is taken away again is nobody's trouble.
func TestVanished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.put(t, u.Manifest.Name, u.Manifest.Data)
	w.ahead = func(disk string, op vfs.Op) error {
		if op == (vfs.Op{Kind: "open", Name: u.Manifest.Name}) {
			w.ahead = nil
			must(t, w.drop.Remove(u.Manifest.Name))
		}
		return nil
	}
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, "")
	if w.log.Len() > 0 || s.Totals() != (Totals{}) {
		t.Errorf("totals %+v, log:\n%s", s.Totals(), &w.log)
	}
}

// TestUndeletable: an upload that may not be taken away is published once, and not
// again and again.
func TestUndeletable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.ahead = func(disk string, op vfs.Op) error {
		if op.Kind == "rename" && op.Name == u.Manifest.Name {
			return syscall.EPERM
		}
		return nil
	}
	w.run(t, s, time.Hour)
	v := w.expect(t, u.Manifest.Name, report.Published)
	if len(v.Left) != 1 || v.Left[0].File != u.Manifest.Name || w.logged("msg=published") != 1 || s.Totals() != (Totals{Published: 1}) {
		t.Errorf("left %+v, %+v\n%s", v.Left, s.Totals(), &w.log)
	}
	// Another manifest of that name is a new upload.
	w.bring(t, u.Files())
	w.ahead = nil
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Unchanged)
	equal(t, "left", w.files(t))
}

func TestOneWatcher(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	if _, err := New(w.options()); report.KindOf(err) != report.KindBusy {
		t.Errorf("a second one: %v", err)
	}
	must(t, s.Close())
	must(t, w.watch(t).Close())
}

func TestNotTheRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opt := w.options()
	opt.Drop = w.disk
	if _, err := New(opt); report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "repository itself") {
		t.Errorf("started: %v", err)
	}
	if _, err := w.disk.Lstat(privateDir); err == nil {
		t.Error("it left something in the repository")
	}
}

// TestInTheWay: something else under the name of one of our folders is no folder of
// ours.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{privateDir, RejectedDir, VerdictDir} {
		w := newWorld(t)
		w.put(t, name, nil)
		if _, err := New(w.options()); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: started: %v", name, err)
		}
	}
	w := newWorld(t)
	s := w.watch(t)
	must(t, vfs.RemoveAll(w.drop, VerdictDir))
	w.put(t, VerdictDir, nil)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	equal(t, "published", w.published(t))
	must(t, w.drop.Remove(VerdictDir))
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	foo, bar := uploadOf("foo", "1.0", "foo"), uploadOf("bar", "1.0", "bar")
	w.bring(t, foo.Files())
	w.bring(t, bar.Files())
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && strings.Contains(op.Name, "bar_") {
			return syscall.EIO
		}
		return nil
	}
	w.run(t, s, time.Minute)
	w.expect(t, foo.Manifest.Name, report.Published)
	w.skip(verdictAge - 10*time.Minute)
	w.scan(t, s)
	w.expect(t, foo.Manifest.Name, report.Published)
	w.skip(2 * time.Hour)
	w.scan(t, s)
	w.expect(t, foo.Manifest.Name, "")
	w.expect(t, bar.Manifest.Name, Waiting)
}

// TestLongNames: a manifest may have as long a name as a file system takes.
func TestLongNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	for i := range 2 {
		name := fmt.Sprint(strings.Repeat("ß", 116), i, "x", manifestSuffix)
		if len(name) < 248 || len(name) > 255 {
			t.Fatal(len(name))
		}
		w.bring(t, u.Files())
		must(t, w.drop.Rename(u.Manifest.Name, name))
		w.run(t, s, time.Minute)
		w.expect(t, name, []report.Result{report.Published, report.Unchanged}[i])
		if len(VerdictFile(name)) > 255 || len(VerdictFile(name)+newSuffix)-len(VerdictDir) > 256 {
			t.Error(VerdictFile(name))
		}
		w.put(t, name, []byte("nothing\n"))
		w.run(t, s, DefaultSettle+time.Minute)
		if v := w.expect(t, name, report.Rejected); len(v.Rejected) > 240 {
			t.Error(v.Rejected)
		}
	}
	// Two by name, two by content, and what the folder is for.
	if got := filesIn(t, w.drop, VerdictDir); len(got) != 5 {
		t.Errorf("verdicts: %q", got)
	}
}

// TestDamagedJournals: a journal that makes no sense, or was put there by somebody,
// does nothing.
func TestDamagedJournals(t *testing.T) {
	t.Parallel()
	const victim = `"files":[{"name":"../victim"}]`
	for _, text := range []string{
		"", "{", "null", `{"verdict":{"id":"id","manifest":"x"},` + victim + `}`,
		`{"verdict":{"id":"id","manifest":"../x"}}`, `{"verdict":{"id":"id","manifest":"x"},"to":"../../x"}`,
		`{"verdict":{"id":"other","manifest":"x"}}`, `{"verdict":{"id":"id","manifest":"x"},"files":[{"name":"."}]}`,
		`{"verdict":{"id":"id","manifest":"x"},"files":[{"name":"rejected/y"}]}`,
	} {
		w := newWorld(t)
		must(t, w.watch(t).Close())
		w.put(t, privateDir+"/id", []byte(text))
		w.put(t, privateDir+"/id2.new", []byte(text))
		w.put(t, privateDir+"/id3.0.aside", []byte("an original that nobody knows of"))
		u := uploadOf("foo", "1.0", "foo")
		w.bring(t, u.Files())
		s := w.watch(t)
		w.run(t, s, time.Minute)
		w.expect(t, u.Manifest.Name, report.Published)
		equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), "id3.0.aside", lockName)
		if w.logged("is damaged and is dropped") != 1 {
			t.Errorf("%q: log:\n%s", text, &w.log)
		}
	}
}

// TestMoreThanOneScan: what is more than is looked at in one scan gets its turn.
func TestMoreThanOneScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	for i := range uploadsAtOnce + 5 {
		w.put(t, fmt.Sprintf("%04d%s", i, manifestSuffix), []byte("half of a manif"))
	}
	w.skip(time.Second)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.scan(t, s)
	if len(s.arrivals) != uploadsAtOnce {
		t.Errorf("%d uploads are followed", len(s.arrivals))
	}
	w.run(t, s, DefaultSettle+time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
	if manifest.MaxSize > 1<<20 {
		t.Error("memory is not what doc.go says")
	}
}

// TestGone: a watcher whose folder was removed says so.
func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "drop" {
			return syscall.ENOENT
		}
		return nil
	}
	if _, err := s.Scan(context.Background()); !errors.Is(err, errGone) {
		t.Errorf("error: %v", err)
	}
}
