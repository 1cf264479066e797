package scratch

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// lockFile is held as long as the owner of a folder lives.
const lockFile = "lock"

// sweepAge keeps the sweeper off folders that are being made.
const sweepAge = time.Minute

// Folder is a folder of one owner's own. Path is absolute if base was.
type Folder struct {
	Path string
	Dir  *vfs.Dir
	lock vfs.File
}

// Make makes a folder in base, with a name that begins with prefix, and folders of these
// names in it. What owners that were killed have left in base goes first.
func Make(base, prefix string, folders ...string) (*Folder, error) {
	sweep(base, prefix)
	at, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return nil, err
	}
	f := &Folder{Path: at}
	if err := f.prepare(folders); err != nil {
		f.Remove()
		return nil, err
	}
	return f, nil
}

func (f *Folder) prepare(folders []string) (err error) {
	if f.Dir, err = vfs.OpenDir(f.Path); err != nil {
		return err
	}
	if f.lock, err = f.Dir.OpenLock(lockFile, 0o600); err != nil {
		return err
	}
	if err := f.lock.TryLock(); err != nil {
		return err
	}
	for _, name := range folders {
		if err := f.Dir.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes the folder. What cannot be deleted now is swept later.
func (f *Folder) Remove() {
	f.Abandon()
	RemoveAll(f.Path)
}

// Abandon leaves the folder to whoever sweeps next.
func (f *Folder) Abandon() {
	if f.lock != nil {
		_ = f.lock.Close()
	}
	if f.Dir != nil {
		_ = f.Dir.Close()
	}
}

// RemoveAll deletes a folder of ours, with those in it that cannot be written to, as far as
// that can be done.
func RemoveAll(at string) {
	_ = filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(at)
}

// sweep deletes folders whose owner has died: nobody holds their lock.
func sweep(base, prefix string) {
	all, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	if err != nil {
		return
	}
	for _, at := range all {
		info, err := os.Lstat(at)
		if err == nil && info.IsDir() && ours(info) && time.Since(info.ModTime()) > sweepAge && free(at) {
			RemoveAll(at)
		}
	}
}

// free reports whether nobody holds the lock of a folder.
func free(at string) bool {
	dir, err := vfs.OpenDir(at)
	if err != nil {
		return false
	}
	defer dir.Close()
	lock, err := dir.OpenLock(lockFile, 0o600)
	if err != nil {
		return false
	}
	defer lock.Close()
	return lock.TryLock() == nil
}
