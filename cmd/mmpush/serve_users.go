package main

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// usersFile is the users file of a server, read again when it has changed.
type usersFile struct {
	path string
	auth *access.Authenticator
	log  *slog.Logger
	mu   sync.Mutex
	// broken is the state of the file that could not be read, to tell it once.
	broken access.Stamp
	// told is why it could not be read at last, told once too.
	told string
}

func openUsers(path string, log *slog.Logger) (*usersFile, error) {
	file, stamp, err := readUsers(path)
	if err != nil {
		return nil, err
	}
	return &usersFile{path: path, auth: access.NewAuthenticator(file, stamp, access.Options{}), log: log}, nil
}

// refresh reads the file if it is another one than before.
func (u *usersFile) refresh() { u.read(false) }

// force reads it anyhow.
func (u *usersFile) force() { u.read(true) }

// read keeps the old users while the file cannot be read: half a file, saved by an
// editor, shall lock nobody out.
func (u *usersFile) read(anyhow bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	stamp, f, err := openStamped(u.path)
	if err == nil {
		_ = f.Close()
		if !anyhow && (!u.auth.Changed(stamp) || stamp == u.broken) {
			return
		}
	}
	file, stamp, err := readUsers(u.path)
	if err != nil {
		u.broken = stamp
		if err.Error() == u.told && !anyhow {
			return
		}
		u.told = err.Error()
		u.log.Error("the users file cannot be read; the users stay as they were", "error", err)
		return
	}
	u.told = ""
	u.auth.Replace(file, stamp)
	u.log.Info("users read again", "file", u.path)
}

// openStamped opens the file and says which one it is.
func openStamped(path string) (access.Stamp, vfs.File, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return access.Stamp{}, nil, usersError(path, err)
	}
	folder, err := vfs.OpenDir(filepath.Dir(real))
	if err != nil {
		return access.Stamp{}, nil, usersError(path, err)
	}
	defer folder.Close()
	f, err := folder.Open(filepath.Base(real))
	if err != nil {
		return access.Stamp{}, nil, usersError(path, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = access.CheckMode(path, info.Mode)
	} else {
		err = usersError(path, err)
	}
	if err != nil {
		_ = f.Close()
		return access.Stamp{}, nil, err
	}
	return access.Stamp{Dev: info.Dev, Inode: info.Ino, Size: info.Size, ModTime: info.ModTime, ChangeTime: info.ChangeTime}, f, nil
}

func readUsers(path string) (*access.File, access.Stamp, error) {
	stamp, f, err := openStamped(path)
	if err != nil {
		return nil, stamp, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, access.MaxFile+1))
	if err != nil {
		return nil, stamp, usersError(path, err)
	}
	file, err := access.Parse(path, text)
	return file, stamp, err
}

func usersError(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	e := &report.Error{Stage: "users", Code: report.CodeUsers, Kind: report.KindUsage, File: path, Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Hint = "mmpush user add NAME --users " + quote(path) + " makes it"
	}
	return e
}
