package scratch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func there(at string) bool {
	_, err := os.Lstat(at)
	return err == nil
}

// TestSweep: what a killed owner has left goes with the next folder that is made; what is
// in use, being made or somebody else's does not.
func TestSweep(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	one := func() *Folder {
		f, err := Make(base, "mine-", "home")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	used, left, young := one(), one(), one()
	left.Abandon()
	young.Abandon()
	other := filepath.Join(base, "other-1")
	err := errors.Join(
		os.Mkdir(other, 0o700), os.WriteFile(filepath.Join(left.Path, "home", "file"), nil, 0o400), os.Chmod(filepath.Join(left.Path, "home"), 0o500))
	old := time.Now().Add(-2 * sweepAge)
	for _, at := range []string{used.Path, left.Path, other} {
		err = errors.Join(err, os.Chtimes(at, old, old))
	}
	if err != nil {
		t.Fatal(err)
	}
	next := one()
	if there(left.Path) || !there(used.Path) || !there(young.Path) || !there(other) {
		t.Errorf("left %v, used %v, young %v, other %v", there(left.Path), there(used.Path), there(young.Path), there(other))
	}
	for _, f := range []*Folder{used, next} {
		if info, err := os.Stat(filepath.Join(f.Path, "home")); err != nil || !info.IsDir() {
			t.Error(err)
		}
		if f.Remove(); there(f.Path) {
			t.Errorf("%s is left", f.Path)
		}
	}
}

// TestMakeFails: of a folder that cannot be made whole nothing is left.
func TestMakeFails(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	if _, err := Make(base, "mine-", "a", "a"); err == nil {
		t.Error("a folder is there twice")
	}
	if list, _ := os.ReadDir(base); len(list) > 0 {
		t.Errorf("left: %v", list)
	}
	if _, err := Make(filepath.Join(base, "none"), "mine-"); err == nil {
		t.Error("made where nothing is")
	}
}
