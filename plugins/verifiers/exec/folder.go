package exec

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	folderPrefix = "mmpush-exec-"
	filesDir     = "files"
	scratchDir   = "scratch"
	lockFile     = "lock"
	// sweepAge keeps the sweeper off folders that are being made.
	sweepAge = time.Minute
	copySize = 1 << 20
)

// folder is the private folder of one run. Its lock tells those that come later that it
// is in use.
type folder struct {
	path string
	dir  *vfs.Dir
	lock vfs.File
}

func newFolder(temp string) (*folder, error) {
	sweep(temp)
	at, err := os.MkdirTemp(temp, folderPrefix)
	if err != nil {
		return nil, err
	}
	f := &folder{path: at}
	if f.dir, err = vfs.OpenDir(at); err == nil {
		f.lock, err = f.dir.OpenLock(lockFile, 0o600)
	}
	if err == nil {
		err = f.lock.TryLock()
	}
	for _, name := range []string{filesDir, scratchDir} {
		if err == nil {
			err = f.dir.Mkdir(name, 0o700)
		}
	}
	if err != nil {
		f.remove()
		return nil, err
	}
	return f, nil
}

func (f *folder) files() string   { return filepath.Join(f.path, filesDir) }
func (f *folder) scratch() string { return filepath.Join(f.path, scratchDir) }

// show puts copies of the upload's files there: the program runs as the user that we
// are, and could write through a link into what will be published.
func (f *folder) show(ctx context.Context, u upload.Upload) error {
	for _, r := range u.Received {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.Found {
			continue
		}
		if err := f.copy(u, r); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	if err := f.write(u.Name, bytes.NewReader(u.Text)); err != nil {
		return err
	}
	for _, s := range u.Signatures {
		if err := f.write(s.Name, bytes.NewReader(s.Text)); err != nil {
			return err
		}
	}
	return f.dir.Chmod(filesDir, 0o500)
}

// copy copies one file, which has to be what was read before.
func (f *folder) copy(u upload.Upload, r upload.Received) error {
	src, err := u.FS.Open(path.Join(u.Dir, r.Name))
	if err != nil {
		return err
	}
	defer src.Close()
	h := sha256.New()
	err = f.write(r.Name, io.TeeReader(io.LimitReader(src, r.ActualSize+1), h))
	if errors.Is(err, fs.ErrExist) {
		// Two architectures share a file.
		return nil
	}
	if err == nil && hex.EncodeToString(h.Sum(nil)) != r.ActualSHA256 {
		err = errors.New("has changed since it was read")
	}
	return err
}

func (f *folder) write(name string, from io.Reader) error {
	to, err := f.dir.Create(path.Join(filesDir, name), 0o400)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, from, make([]byte, copySize))
	return errors.Join(err, to.Close())
}

// remove deletes the folder, whatever the program has left in it. What cannot be deleted
// now is swept later.
func (f *folder) remove() {
	if f.lock != nil {
		_ = f.lock.Close()
	}
	if f.dir != nil {
		_ = f.dir.Close()
	}
	removeAll(f.path)
}

func removeAll(at string) {
	_ = filepath.WalkDir(at, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(at)
}

// sweep deletes the folders of runs that were killed: nobody holds their lock.
func sweep(temp string) {
	all, err := filepath.Glob(filepath.Join(temp, folderPrefix+"*"))
	if err != nil {
		return
	}
	for _, at := range all {
		info, err := os.Lstat(at)
		if err == nil && info.IsDir() && ours(info) && time.Since(info.ModTime()) > sweepAge && free(at) {
			removeAll(at)
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
