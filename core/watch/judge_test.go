package watch

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// finish goes on until the folder is empty, or nothing more can happen.
func (w *world) finish(t testing.TB, s *Scanner) {
	t.Helper()
	for end := w.now().Add(2 * DefaultSettle); w.now().Before(end); {
		w.run(t, s, quietTime)
		if len(w.files(t)) == 0 && len(filesIn(t, w.drop, privateDir)) == 1 {
			return
		}
		w.skip(time.Minute)
	}
}

// judge starts a new watcher on what is left and looks at what it comes to.
func (c scene) judge(t testing.TB, w *world) error {
	t.Helper()
	s, err := New(w.options())
	if err != nil {
		return err
	}
	w.finish(t, s)
	if err := s.Close(); err != nil {
		return err
	}
	return c.verdictOn(t, w)
}

// verdictOn judges a state that has come to rest: everything has left in the right
// direction, once, and nothing is lost.
func (c scene) verdictOn(t testing.TB, w *world) error {
	if got := w.published(t); !slices.Equal(got, c.index) {
		return fmt.Errorf("published: %q", got)
	}
	if got := filesIn(t, w.drop, privateDir); !slices.Equal(got, []string{lockName}) {
		return fmt.Errorf("unfinished: %q", got)
	}
	if left := filesIn(t, w.drop, "."); len(left) > 0 {
		return fmt.Errorf("left in the folder: %q", left)
	}
	manifests := uint64(0)
	for _, f := range c.files {
		if isManifest(f.Name) {
			manifests++
			if v := w.told(t, f.Name); v.Result != c.want && (c.want != report.Published || v.Result != report.Unchanged) {
				return fmt.Errorf("the verdict on %s is %q", f.Name, v.Result)
			}
		}
	}
	folders := w.rejected(t)
	if c.want == report.Published {
		if g := w.generation(t); g != manifests || len(folders) > 0 {
			return fmt.Errorf("%d generations, rejected %q", g, folders)
		}
		return c.inRepository(w)
	}
	if len(folders) != 1 || w.generation(t) != 0 {
		return fmt.Errorf("rejected: %q", folders)
	}
	for _, f := range c.files {
		if err := holds(w.drop, path.Join(RejectedDir, folders[0], f.Name), f.Data); err != nil {
			return err
		}
	}
	for _, name := range []string{"report.json", "report.txt"} {
		if text, err := vfs.ReadFile(w.drop, path.Join(RejectedDir, folders[0], name), 1<<20); err != nil || !bytes.HasSuffix(text, []byte("\n")) {
			return fmt.Errorf("%s: %q, %w", name, text, err)
		}
	}
	return nil
}

// inRepository finds every file but the manifests in the repository.
func (c scene) inRepository(w *world) error {
	for _, f := range c.files {
		if isManifest(f.Name) {
			continue
		}
		if err := holds(w.disk, f.Name, f.Data); err != nil {
			return err
		}
	}
	return nil
}

func holds(fsys vfs.FS, name string, want []byte) error {
	text, err := vfs.ReadFile(fsys, name, 1<<20)
	if err != nil || !bytes.Equal(text, want) {
		return fmt.Errorf("%s is lost: %d bytes, %w", name, len(text), err)
	}
	return nil
}

// nothingLost finds the bytes of every file somewhere, before anybody has repaired
// anything: in the drop folder, or published.
func (c scene) nothingLost(w *world) error {
	kept := map[string]bool{}
	if err := contents(w.drop, ".", kept); err != nil {
		return err
	}
	view, err := index.Open(w.disk)
	if err != nil {
		return err
	}
	complete := true
	for _, f := range c.files {
		named, err := view.Names(f.Name)
		if err != nil {
			return err
		}
		if named {
			if err := holds(w.disk, f.Name, f.Data); err != nil {
				return err
			}
			continue
		}
		if !isManifest(f.Name) && !kept[string(f.Data)] {
			return fmt.Errorf("%s is in neither place", f.Name)
		}
		complete = complete && isManifest(f.Name)
	}
	for _, f := range c.files {
		if isManifest(f.Name) && !complete && !kept[string(f.Data)] && len(c.index) == 0 {
			return fmt.Errorf("%s is lost", f.Name)
		}
	}
	return nil
}

func contents(fsys vfs.FS, dir string, into map[string]bool) error {
	list, err := fsys.ReadDir(dir)
	for _, i := range list {
		name := path.Join(dir, i.Name)
		if i.Mode.IsDir() {
			err = errors.Join(err, contents(fsys, name, into))
			continue
		}
		text, rerr := vfs.ReadFile(fsys, name, 1<<22)
		err = errors.Join(err, rerr)
		into[string(text)] = true
	}
	return err
}
