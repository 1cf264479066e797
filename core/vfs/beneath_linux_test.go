package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// grove is a folder with one of everything below a few folders, beside a secret. Nothing in
// it leads to anywhere but there: what goes astray does no harm.
func grove(t *testing.T) string {
	t.Helper()
	// In memory, if there is such a place: this makes and deletes many files.
	top, err := os.MkdirTemp("/dev/shm", "mmpush-*")
	if err != nil {
		top = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	dir := filepath.Join(top, "root")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.MkdirAll(filepath.Join(dir, "a/b/c/empty"), 0o755))
	do(os.WriteFile(filepath.Join(top, "secret"), []byte("secret"), 0o600))
	do(os.WriteFile(filepath.Join(dir, "a/b/c/file"), []byte("text"), 0o640))
	do(os.Chmod(filepath.Join(dir, "a/b"), 0o2750|os.ModeSetgid))
	do(syscall.Mkfifo(filepath.Join(dir, "a/b/c/pipe"), 0o600))
	do(syscall.Mknod(filepath.Join(dir, "a/b/c/socket"), syscall.S_IFSOCK|0o600, 0))
	for link, to := range map[string]string{
		"a/b/c/inside": "file", "a/b/c/folder": "../../b", "a/b/c/nowhere": "not/there", "a/b/c/loop": "loop", "a/here": ".",
		"a/b/c/out": "../../../../secret", "a/b/c/absolute": filepath.Join(top, "secret"), "a/b/up": "../../..", "a/b/top": top,
		"a/b/absolutely-inside": filepath.Join(dir, "a/b/c"),
	} {
		do(os.Symlink(to, filepath.Join(dir, link)))
	}
	return dir
}

// groveNames lead to all that is there, and elsewhere.
func groveNames() []string {
	list := []string{"a", "a/b/c", "a/b/c/", "a/b/c/.", "a/b/c/..", "a/../a/b/c/file", "a/b/c/file/x", "a/b/../../../secret", "../secret", "", ".", "a//b/c/file", "a/b/c/missing", "a/missing/x"}
	for _, folder := range []string{"a/b/c", "a/here/b/c", "a/b/c/folder/c", "a/b/absolutely-inside", "a/b/up", "a/b/top"} {
		for _, name := range []string{"file", "empty", "pipe", "socket", "inside", "folder", "nowhere", "loop", "out", "absolute", "secret", "root/a/b/c/file"} {
			list = append(list, folder+"/"+name)
		}
	}
	return list
}

// deed is what is done with a name; it returns what came of it.
type deed func(d *Dir, name string) (any, error)

func deeds() map[string]deed {
	text := func(f File, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if i, err := f.Stat(); err != nil || !i.IsRegular() {
			return sameInfo(i), err
		}
		return io.ReadAll(f)
	}
	return map[string]deed{
		"lstat": func(d *Dir, name string) (any, error) {
			i, err := d.Lstat(name)
			return sameInfo(i), err
		},
		"open": func(d *Dir, name string) (any, error) {
			f, err := d.Open(name)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			i, err := f.Stat()
			return sameInfo(i), err
		},
		"read": func(d *Dir, name string) (any, error) {
			if i, err := d.Lstat(name); err == nil && i.Mode.IsDir() {
				return nil, nil
			}
			return text(d.Open(name))
		},
		"readdir": func(d *Dir, name string) (any, error) {
			list, err := d.ReadDir(name)
			var same []string
			for _, i := range list {
				same = append(same, sameInfo(i))
			}
			return same, err
		},
		"create":   func(d *Dir, name string) (any, error) { return text(d.Create(name, 0o600)) },
		"append":   func(d *Dir, name string) (any, error) { return text(d.Append(name, 0o600)) },
		"lock":     func(d *Dir, name string) (any, error) { return text(d.OpenLock(name, 0o600)) },
		"remove":   func(d *Dir, name string) (any, error) { return nil, d.Remove(name) },
		"away":     func(d *Dir, name string) (any, error) { return nil, d.Rename(name, "moved") },
		"back":     func(d *Dir, name string) (any, error) { return nil, d.Rename("a/b/c/file", name) },
		"link":     func(d *Dir, name string) (any, error) { return nil, d.Link(name, "a/b/c/linked") },
		"link to":  func(d *Dir, name string) (any, error) { return nil, d.Link("a/b/c/file", name) },
		"sync dir": func(d *Dir, name string) (any, error) { return nil, d.SyncDir(name) },
	}
}

// sameInfo leaves out what differs between two groves that are the same.
func sameInfo(i Info) string {
	return fmt.Sprint(i.Name, " ", i.Mode, " ", i.Links, " ", i.UID, " ", i.GID, " ", i.Owned, " ", i.Dev, " ", i.Mode.IsRegular() && i.Size == 4, " ", i.ChangeTime.IsZero(), i.ModTime.IsZero())
}

// kind is what callers ask an error for.
func kind(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, fs.ErrNotExist):
		return "not there"
	case errors.Is(err, fs.ErrExist):
		return "there"
	}
	return "refused"
}

// tree is all that is beside and below a grove.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	top := filepath.Dir(dir)
	err := filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		list = append(list, fmt.Sprint(rel, " ", info.Mode(), " ", info.Mode().IsRegular() && info.Size() > 0))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestBeneath: whatever is done with whatever name, it comes to the same as by way of an
// os.Root, one folder after the other.
func TestBeneath(t *testing.T) {
	t.Parallel()
	d, err := OpenDir(grove(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := d.beneath.lstat("a/b/c/file"); !done || err != nil {
		programtest.Check(t, "openat2", errors.Join(err, errors.New("it does not find a file")))
	}
	_ = d.Close()
	for what, do := range deeds() {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for _, name := range groveNames() {
				quick, slow := did(t, do, name, false), did(t, do, name, true)
				if !slices.Equal(quick, slow) {
					t.Errorf("%q:\n%q\none folder after the other:\n%q", name, quick, slow)
				}
			}
		})
	}
}

// did is what comes of a deed, and what there is then.
func did(t *testing.T, do deed, name string, without bool) []string {
	t.Helper()
	dir := grove(t)
	d, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.beneath.without.Store(without)
	result, err := do(d, name)
	return append(tree(t, dir), fmt.Sprintf("%v %s", result, kind(err)))
}
