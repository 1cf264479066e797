package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// usersWait is how long an edit of the users file waits for another one; each takes
// milliseconds.
const usersWait = 30 * time.Second

// usersMode is the mode of a users file.
const usersMode fs.FileMode = 0o600

// userBook is the users file on the disk: where it is once links are followed, so
// that an edit replaces the file and not the link.
type userBook struct {
	// path is as it was given, for messages.
	path string
	fsys vfs.FS
	name string
	done func()
}

// openBook opens the folder of a users file, which need not be there.
func (a *app) openBook(path string) (*userBook, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, lerr := os.Lstat(path); lerr == nil {
			return nil, usersError(path, errors.New("is a link to nowhere"))
		}
		var dir string
		dir, err = filepath.EvalSymlinks(filepath.Dir(path))
		real = filepath.Join(dir, filepath.Base(path))
	}
	if err != nil {
		return nil, usersError(path, err)
	}
	folder, err := vfs.OpenDir(filepath.Dir(real))
	if err != nil {
		return nil, usersError(path, err)
	}
	return &userBook{path, a.folder(folder), filepath.Base(real), func() { _ = folder.Close() }}, nil
}

// edition is one change of a users file: before and after it.
type edition struct {
	before, after *access.File
	// mode is the file's before the change; 0 if there was none.
	mode fs.FileMode
}

func (e edition) changed() bool { return string(e.before.Bytes()) != string(e.after.Bytes()) }

// read reads the file as it is; it has no users if it is not there.
func (b *userBook) read() (*access.File, fs.FileMode, error) {
	f, err := b.fsys.Open(b.name)
	if errors.Is(err, fs.ErrNotExist) {
		return access.New(b.path), 0, nil
	}
	if err != nil {
		return nil, 0, usersError(b.path, err)
	}
	defer f.Close()
	return b.parse(f)
}

func (b *userBook) parse(f vfs.File) (*access.File, fs.FileMode, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, usersError(b.path, err)
	}
	if !info.IsRegular() {
		return nil, 0, usersError(b.path, fmt.Errorf("is a %s; expected a file", vfs.TypeName(info.Mode)))
	}
	text, err := io.ReadAll(io.LimitReader(f, access.MaxFile+1))
	if err != nil {
		return nil, 0, usersError(b.path, err)
	}
	if len(text) == 0 {
		// Made by an edit that was killed, or by touch.
		return access.New(b.path), info.Mode, nil
	}
	file, err := access.Parse(b.path, text)
	return file, info.Mode, err
}

// edit changes the file under its lock, atomically and durably; where nothing
// changes, nothing is written. create makes the file if it is not there.
func (b *userBook) edit(ctx context.Context, create bool, change func(*access.File) (*access.File, error)) (edition, error) {
	if !create {
		if _, err := b.fsys.Lstat(b.name); err != nil {
			return edition{}, usersError(b.path, err)
		}
	}
	lock, err := b.lock(ctx)
	if err != nil {
		return edition{}, err
	}
	defer lock.Close()
	var e edition
	if e.before, e.mode, err = b.parse(lock); err != nil {
		return e, err
	}
	if e.after, err = change(e.before); err != nil || !e.changed() {
		return e, err
	}
	return e, b.write(e.after.Bytes())
}

// lock takes the lock of the file that has the name: who held it before may have put
// another one in its place.
func (b *userBook) lock(ctx context.Context) (vfs.File, error) {
	limit := time.NewTimer(usersWait)
	defer limit.Stop()
	for {
		f, err := b.fsys.OpenLock(b.name, usersMode)
		if err != nil {
			return nil, usersError(b.path, err)
		}
		err = f.TryLock()
		if err == nil && b.isCurrent(f) {
			return f, nil
		}
		_ = f.Close()
		if err != nil && !errors.Is(err, vfs.ErrLocked) {
			return nil, usersError(b.path, err)
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-limit.C:
			return nil, &report.Error{
				Stage: "users", Code: report.CodeLocked, Kind: report.KindBusy, File: b.path,
				Err: fmt.Errorf("is being changed by another program; waited %s", usersWait), Hint: "try again later",
			}
		}
	}
}

func (b *userBook) isCurrent(f vfs.File) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := b.fsys.Lstat(b.name)
	return err == nil && named.Dev == open.Dev && named.Ino == open.Ino
}

// write puts the new file in place of the old one, for the same owner: a server
// under another account than ours goes on reading it.
func (b *userBook) write(text []byte) error {
	temp := "." + b.name + ".new"
	err := b.fsys.Remove(temp)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = vfs.CreateSynced(b.fsys, temp, usersMode, text)
	}
	if err != nil {
		return writeError(b.path, err)
	}
	if o, ok := b.fsys.(vfs.OwnerCopier); ok {
		err = o.CopyOwner(b.name, temp)
	}
	if err == nil {
		err = b.fsys.Rename(temp, b.name)
	}
	if err != nil {
		return writeError(b.path, errors.Join(err, b.fsys.Remove(temp)))
	}
	if err := b.fsys.SyncDir("."); err != nil {
		return writeError(b.path, err)
	}
	return nil
}

func writeError(path string, err error) error {
	e := &report.Error{Stage: "users", Code: report.CodeDisk, File: path, Err: fmt.Errorf("the change could not be written: %w", err)}
	if errors.Is(err, fs.ErrPermission) {
		e.Hint = "run it as the owner of the file, who can also write to its folder"
	}
	return e
}

// nearestUser is the hint for a name that is no user's.
func nearestUser(f *access.File, name string) string {
	best, least := "", 4
	for _, u := range f.Users() {
		if d := report.Distance(name, u.Name); len(name) <= 128 && d < least && d < len(name) {
			best, least = u.Name, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "mmpush user list --users " + quote(f.Path()) + " shows all"
}

// rightsOf reads rights as they stand on a command line: all that is wrong at once.
func rightsOf(texts []string) ([]access.Right, error) {
	var errs []error
	var rights []access.Right
	for _, text := range texts {
		r, err := access.ParseRight(text)
		errs = append(errs, err)
		rights = append(rights, r)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, wrongUsage("such as 'lib*', 'tool:amd64-debian' or '*:*:publish,rebuild'", "%w", err)
	}
	return access.AddRights(nil, rights), nil
}

// userNames are checked before a password is asked for.
func checkNames(names ...string) error {
	for _, name := range names {
		if err := access.ValidName(name); err != nil {
			return wrongUsage("a name is what the user logs in with, such as bfinch@example.net", "%q: %w", visible(name), err)
		}
	}
	return nil
}

// userOf is one user of a file that has it.
func userOf(f *access.File, name string) access.User {
	users := f.Users()
	if i := slices.IndexFunc(users, func(u access.User) bool { return u.Name == name }); i >= 0 {
		return users[i]
	}
	return access.User{Name: name}
}
