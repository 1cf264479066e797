package vfs

import (
	"errors"
	"io/fs"
	"time"
)

// Op is one call through an observed FS.
type Op struct {
	// Kind is the method: "open", "create", "lock-open", "append", "mkdir",
	// "rename", "link", "remove", "symlink", "readlink", "lstat", "readdir", "syncdir", "chmod", "chtimes",
	// and of files "read", "write", "sync", "truncate", "fchmod", "fstat",
	// "trylock", "clone", "close".
	Kind string
	// Name is the first name of the call.
	Name string
}

// Writes reports whether the call changes what is on the disk, or what of it is
// durable.
func (o Op) Writes() bool {
	switch o.Kind {
	case "open", "readlink", "lstat", "readdir", "read", "fstat", "trylock", "close":
		return false
	}
	return true
}

// ErrSkipped is what an observer returns to have a Sync or SyncDir left out and called a
// success, as by a disk that lies. On other calls it is an error like any other.
var ErrSkipped = errors.New("left out")

// Observe returns an FS that calls before ahead of each call through it; an error
// that it returns fails the call, which then does nothing. A folder opened as a
// file is observed too.
func Observe(fsys FS, before func(Op) error) FS {
	return &observed{fsys, before}
}

type observed struct {
	fsys   FS
	before func(Op) error
}

func (o *observed) open(kind, name string, call func() (File, error)) (File, error) {
	if err := o.before(Op{kind, name}); err != nil {
		return nil, &fs.PathError{Op: kind, Path: name, Err: err}
	}
	f, err := call()
	if err != nil {
		return nil, err
	}
	return &observedFile{f, name, o.before}, nil
}

func (o *observed) do(kind, name string, call func() error) error {
	if err := o.before(Op{kind, name}); err != nil {
		return &fs.PathError{Op: kind, Path: name, Err: err}
	}
	return call()
}

// Space measures where the FS below can.
func (o *observed) Space() (Space, error) { return SpaceOf(o.fsys) }

// Abs implements [Neighbour] where the FS below does.
func (o *observed) Abs() (string, error) {
	if n, ok := o.fsys.(Neighbour); ok {
		return n.Abs()
	}
	return "", errors.ErrUnsupported
}

// OpenFolder implements [Neighbour] where the FS below does; the other folder is
// observed, too.
func (o *observed) OpenFolder(name string) (FS, func() error, error) {
	n, ok := o.fsys.(Neighbour)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	fsys, done, err := n.OpenFolder(name)
	if err != nil {
		return nil, nil, err
	}
	return Observe(fsys, o.before), done, nil
}

func (o *observed) Open(name string) (File, error) {
	return o.open("open", name, func() (File, error) { return o.fsys.Open(name) })
}

func (o *observed) Create(name string, mode fs.FileMode) (File, error) {
	return o.open("create", name, func() (File, error) { return o.fsys.Create(name, mode) })
}

func (o *observed) OpenLock(name string, mode fs.FileMode) (File, error) {
	return o.open("lock-open", name, func() (File, error) { return o.fsys.OpenLock(name, mode) })
}

func (o *observed) Append(name string, mode fs.FileMode) (File, error) {
	return o.open("append", name, func() (File, error) { return o.fsys.Append(name, mode) })
}

func (o *observed) Mkdir(name string, mode fs.FileMode) error {
	return o.do("mkdir", name, func() error { return o.fsys.Mkdir(name, mode) })
}

func (o *observed) Rename(from, to string) error {
	return o.do("rename", from, func() error { return o.fsys.Rename(from, to) })
}

// Link links where the underlying FS can.
func (o *observed) Link(from, to string) error {
	return o.do("link", from, func() error {
		if l, ok := o.fsys.(Linker); ok {
			return l.Link(from, to)
		}
		return errors.ErrUnsupported
	})
}

func (o *observed) Remove(name string) error {
	return o.do("remove", name, func() error { return o.fsys.Remove(name) })
}

func (o *observed) SyncDir(name string) error {
	err := o.do("syncdir", name, func() error { return o.fsys.SyncDir(name) })
	return unskipped(err)
}

func unskipped(err error) error {
	if errors.Is(err, ErrSkipped) {
		return nil
	}
	return err
}

func (o *observed) Chmod(name string, mode fs.FileMode) error {
	return o.do("chmod", name, func() error { return o.fsys.Chmod(name, mode) })
}

func (o *observed) Chtimes(name string, mtime time.Time) error {
	return o.do("chtimes", name, func() error { return o.fsys.Chtimes(name, mtime) })
}

func (o *observed) Symlink(target, name string) error {
	return o.do("symlink", name, func() error { return o.fsys.Symlink(target, name) })
}

func (o *observed) Readlink(name string) (target string, err error) {
	err = o.do("readlink", name, func() error { target, err = o.fsys.Readlink(name); return err })
	return target, err
}

func (o *observed) Lstat(name string) (info Info, err error) {
	err = o.do("lstat", name, func() error { info, err = o.fsys.Lstat(name); return err })
	return info, err
}

func (o *observed) ReadDir(name string) (list []Info, err error) {
	err = o.do("readdir", name, func() error { list, err = o.fsys.ReadDir(name); return err })
	return list, err
}

type observedFile struct {
	File
	name   string
	before func(Op) error
}

func (f *observedFile) see(kind string) error {
	if err := f.before(Op{kind, f.name}); err != nil {
		return &fs.PathError{Op: kind, Path: f.name, Err: err}
	}
	return nil
}

func (f *observedFile) Read(p []byte) (int, error) {
	if err := f.see("read"); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f *observedFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.see("read"); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *observedFile) Write(p []byte) (int, error) {
	if err := f.see("write"); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *observedFile) Sync() error {
	if err := f.see("sync"); err != nil {
		return unskipped(err)
	}
	return f.File.Sync()
}

func (f *observedFile) Truncate(size int64) error {
	if err := f.see("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *observedFile) Chmod(mode fs.FileMode) error {
	if err := f.see("fchmod"); err != nil {
		return err
	}
	return f.File.Chmod(mode)
}

func (f *observedFile) Stat() (Info, error) {
	if err := f.see("fstat"); err != nil {
		return Info{}, err
	}
	return f.File.Stat()
}

func (f *observedFile) TryLock() error {
	if err := f.see("trylock"); err != nil {
		return err
	}
	return f.File.TryLock()
}

// CloneFrom clones where the two underlying files can.
func (f *observedFile) CloneFrom(src File) error {
	if err := f.see("clone"); err != nil {
		return err
	}
	if s, ok := src.(*observedFile); ok {
		src = s.File
	}
	if c, ok := f.File.(Cloner); ok {
		return c.CloneFrom(src)
	}
	return fs.ErrInvalid
}

// Close closes the file even if the observer fails the call: a process that
// lives on gives its descriptors back.
func (f *observedFile) Close() error {
	seen := f.see("close")
	if err := f.File.Close(); err != nil {
		return err
	}
	return seen
}
