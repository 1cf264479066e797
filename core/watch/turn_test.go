package watch

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestJunkDoesNotStarve: a good upload gets its turn long before more junk than is
// looked at in one scan is refused, and the junk is refused in the end.
func TestJunkDoesNotStarve(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	for i := range uploadsAtOnce * 11 / 10 {
		w.put(t, fmt.Sprintf("%04d%s", i, manifestSuffix), []byte("half of a manif"))
	}
	w.skip(time.Second)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	w.expect(t, u.Manifest.Name, report.Published)
	if len(s.arrivals) > uploadsAtOnce {
		t.Errorf("%d uploads are followed", len(s.arrivals))
	}
	w.run(t, s, DefaultSettle)
	if n := s.Totals().Rejected; n < stuckUploads {
		t.Errorf("%d are rejected", n)
	}
}

// TestTroubleIsToldToAll: every upload that a busy repository holds back has a
// verdict, without a hint at a flag that the watcher does not have.
func TestTroubleIsToldToAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	uploads := []mpktest.Built{uploadOf("foo", "1.0", "foo"), uploadOf("bar", "1.0", "bar"), uploadOf("baz", "1.0", "baz")}
	for _, u := range uploads {
		w.bring(t, u.Files())
	}
	lock, err := w.disk.OpenLock("lock", 0o644)
	must(t, err, lock.TryLock())
	w.scan(t, s)
	w.skip(quietTime)
	w.scan(t, s)
	for _, u := range uploads {
		v := w.expect(t, u.Manifest.Name, Waiting)
		if v.Error == nil || v.Error.Code != report.CodeLocked || v.Error.Hint == "" || strings.Contains(v.Error.Hint, "--") {
			t.Errorf("%s: told %+v", u.Manifest.Name, v.Error)
		}
	}
	must(t, lock.Close())
}

// TestToldOnceItIsWritten: what could not be told is told later, and logged once.
func TestToldOnceItIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	w.put(t, "half"+manifestSuffix, []byte("half"))
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "drop" && op.Kind == "create" {
			return syscall.ENOSPC
		}
		return nil
	}
	w.run(t, s, time.Minute)
	if v := w.told(t, "half"+manifestSuffix); v.Result != "" {
		t.Fatalf("told: %+v", v)
	}
	if n := w.logged("the verdict could not be written"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	w.ahead = nil
	w.run(t, s, time.Minute)
	w.expect(t, "half"+manifestSuffix, Waiting)
}

// oddName is a folder that has a manifest with a name that is not UTF-8.
type oddName struct {
	vfs.FS
	name string
}

func (o oddName) ReadDir(name string) ([]vfs.Info, error) {
	list, err := o.FS.ReadDir(name)
	if name == "." {
		list = append(list, vfs.Info{Name: o.name, Size: 10})
	}
	return list, err
}

func (o oddName) Open(name string) (vfs.File, error) {
	if name == o.name {
		return nil, fs.ErrInvalid
	}
	return o.FS.Open(name)
}

// TestNameNotUTF8: such a manifest is not taken up, which is said once.
func TestNameNotUTF8(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opt := w.options()
	opt.Drop = oddName{opt.Drop, "\xff\xfe" + manifestSuffix}
	s, err := New(opt)
	must(t, err)
	w.run(t, s, time.Hour)
	if len(s.arrivals) > 0 || w.logged("not UTF-8") != 1 || w.logged("level=ERROR") > 0 {
		t.Errorf("%d followed, log:\n%s", len(s.arrivals), &w.log)
	}
	equal(t, "verdicts", filesIn(t, w.drop, VerdictDir), path.Base(AboutFile))
}
