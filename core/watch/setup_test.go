package watch

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// mounted is a drop folder in which one entry is on another device.
type mounted struct {
	vfs.FS
	name string
}

func (m mounted) Lstat(name string) (vfs.Info, error) {
	info, err := m.FS.Lstat(name)
	if name == m.name {
		info.Dev++
	}
	return info, err
}

// TestOtherFileSystem: a watcher is not started if uploads could not leave.
func TestOtherFileSystem(t *testing.T) {
	t.Parallel()
	for _, name := range Folders() {
		w := newWorld(t)
		opt := w.options()
		opt.Drop = mounted{opt.Drop, name}
		if _, err := New(opt); report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), name+" in it is on another file system") {
			t.Errorf("%s: started: %v", name, err)
		}
		// Nothing holds the folder.
		must(t, w.watch(t).Close())
	}
}

// TestOpenToOthers: what others may write to is not believed.
func TestOpenToOthers(t *testing.T) {
	t.Parallel()
	for _, name := range Folders() {
		for _, mode := range []fs.FileMode{0o777, 0o775, 0o757} {
			w := newWorld(t)
			must(t, w.watch(t).Close())
			must(t, w.drop.Chmod(name, mode))
			if _, err := New(w.options()); report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "others may write to "+name) {
				t.Errorf("%s, %o: started: %v", name, mode, err)
			}
			must(t, w.drop.Chmod(name, 0o755))
			must(t, w.watch(t).Close())
		}
	}
}

// TestReportOfTheLeft: the report for people tells which files are elsewhere.
func TestReportOfTheLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.put(t, u.Source.Name, make([]byte, u.Source.Size))
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "drop" && op == (vfs.Op{Kind: "rename", Name: u.Source.Name}) {
			return fs.ErrPermission
		}
		return nil
	}
	w.run(t, s, time.Minute)
	v := w.expect(t, u.Manifest.Name, report.Rejected)
	text, err := vfs.ReadFile(w.drop, v.Rejected+"/report.txt", 1<<20)
	must(t, err)
	if !strings.Contains(string(text), "not in this folder:\n    "+u.Source.Name+": it could not be moved") {
		t.Errorf("report:\n%s", text)
	}
}
