package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Dir is a folder of the operating system.
type Dir struct {
	root *os.Root
	path string
	// beneath is asked first.
	beneath beneath
}

var (
	_ FS        = (*Dir)(nil)
	_ Neighbour = (*Dir)(nil)
)

// OpenDir opens an existing folder. Close it when nobody uses it any more.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root, path: name}
	if err := d.beneath.open(root); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

// openFile opens or makes a file.
func (d *Dir) openFile(name string, flags int, mode fs.FileMode) (*os.File, error) {
	if f, done, err := d.beneath.openFile(name, flags, mode); done {
		return f, err
	}
	return d.root.OpenFile(name, flags, mode)
}

// Path is the name that the folder was opened with.
func (d *Dir) Path() string { return d.path }

// Abs implements [Neighbour].
func (d *Dir) Abs() (string, error) { return filepath.Abs(d.path) }

// OpenFolder implements [Neighbour].
func (d *Dir) OpenFolder(name string) (FS, func() error, error) {
	other, err := OpenDir(name)
	if err != nil {
		return nil, nil, err
	}
	return other, other.Close, nil
}

// Close gives the folder's descriptors back.
func (d *Dir) Close() error { return errors.Join(d.beneath.close(), d.root.Close()) }

// Open implements [FS].
func (d *Dir) Open(name string) (File, error) {
	f, err := d.openFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("is a %s, not an ordinary file", TypeName(info.Mode()))}
	}
	return &osFile{File: f}, nil
}

// Create implements [FS].
func (d *Dir) Create(name string, mode fs.FileMode) (File, error) {
	return d.openExact(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// OpenLock implements [FS].
func (d *Dir) OpenLock(name string, mode fs.FileMode) (File, error) {
	return d.openOrMake(name, os.O_RDWR|nonBlocking, mode)
}

// openOrMake opens a file, or makes it. If somebody else makes it in between, theirs
// is opened; a link to nowhere is there and cannot be opened, however often.
func (d *Dir) openOrMake(name string, flags int, mode fs.FileMode) (File, error) {
	var made error
	for range 3 {
		f, err := d.openFile(name, flags, 0)
		if err == nil {
			return &osFile{File: f}, nil
		}
		if !os.IsNotExist(err) {
			return nil, err
		}
		var created File
		created, made = d.openExact(name, flags|os.O_CREATE|os.O_EXCL, mode)
		if !os.IsExist(made) {
			return created, made
		}
	}
	return nil, made
}

// Append implements [FS].
func (d *Dir) Append(name string, mode fs.FileMode) (File, error) {
	return d.openOrMake(name, os.O_RDWR|os.O_APPEND|nonBlocking, mode)
}

// CopyOwner implements [OwnerCopier].
func (d *Dir) CopyOwner(from, to string) error {
	info, err := d.root.Lstat(from)
	if err != nil {
		return err
	}
	uid, gid, ok := ownerOf(info)
	if !ok {
		return errors.ErrUnsupported
	}
	err = d.root.Lchown(to, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		// Not a member of the group; the owner may still be right.
		return d.root.Lchown(to, uid, -1)
	}
	return err
}

// openExact makes a file and gives it exactly that mode: the umask may have
// taken bits away.
func (d *Dir) openExact(name string, flags int, mode fs.FileMode) (File, error) {
	f, err := d.openFile(name, flags, mode.Perm())
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		f.Close()
		return nil, err
	}
	return &osFile{File: f}, nil
}

// Mkdir implements [FS].
func (d *Dir) Mkdir(name string, mode fs.FileMode) error {
	if err := d.root.Mkdir(name, mode.Perm()); err != nil {
		return err
	}
	return d.root.Chmod(name, mode)
}

// Rename implements [FS].
func (d *Dir) Rename(from, to string) error {
	if d.beneath.rename(from, to) {
		return nil
	}
	return d.root.Rename(from, to)
}

// Link implements [Linker].
func (d *Dir) Link(from, to string) error {
	if d.beneath.link(from, to) {
		return nil
	}
	return d.root.Link(from, to)
}

// Remove implements [FS].
func (d *Dir) Remove(name string) error {
	if d.beneath.remove(name) {
		return nil
	}
	return d.root.Remove(name)
}

// Readlink implements [FS].
func (d *Dir) Readlink(name string) (string, error) { return d.root.Readlink(name) }

// Symlink implements [FS].
func (d *Dir) Symlink(target, name string) error { return d.root.Symlink(target, name) }

// Chmod implements [FS].
func (d *Dir) Chmod(name string, mode fs.FileMode) error { return d.root.Chmod(name, mode) }

// Chtimes implements [FS].
func (d *Dir) Chtimes(name string, mtime time.Time) error {
	return d.root.Chtimes(name, mtime, mtime)
}

// Lstat implements [FS].
func (d *Dir) Lstat(name string) (Info, error) {
	if i, done, err := d.beneath.lstat(name); done {
		return i, err
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	return infoOf(info), nil
}

// ReadDir implements [FS]. Entries that vanish while it reads are left out. They are looked
// at from their folder: its name is gone through once, not once for each of them.
func (d *Dir) ReadDir(name string) ([]Info, error) {
	if entries, done, err := d.beneath.readDir(name); done {
		return entries, err
	}
	folder, err := d.openFolder(name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := namesIn(folder)
	if err != nil {
		return nil, err
	}
	entries := make([]Info, 0, len(names))
	for _, n := range names {
		info, err := folder.Lstat(n)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, infoOf(info))
	}
	return entries, nil
}

// openFolder opens a folder; what is none is not waited for, such as a pipe that nobody
// writes to.
func (d *Dir) openFolder(name string) (*os.Root, error) {
	info, err := d.root.Stat(name)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("is a %s, not a folder", TypeName(info.Mode()))}
	}
	if err != nil {
		return nil, err
	}
	return d.root.OpenRoot(name)
}

// namesIn are the names in a folder, sorted.
func namesIn(folder *os.Root) ([]string, error) {
	f, err := folder.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return sortedNames(f)
}

func sortedNames(folder *os.File) ([]string, error) {
	names, err := folder.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// SyncDir implements [FS].
func (d *Dir) SyncDir(name string) error {
	f, err := d.openFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

type osFile struct{ *os.File }

var (
	_ Cloner         = (*osFile)(nil)
	_ BlockingLocker = (*osFile)(nil)
	_ RangeCopier    = (*osFile)(nil)
	_ Mapper         = (*osFile)(nil)
	_ DirectWriter   = (*osFile)(nil)
	_ WriteStarter   = (*osFile)(nil)
)

func (f *osFile) Stat() (Info, error) {
	info, err := f.File.Stat()
	if err != nil {
		return Info{}, err
	}
	return infoOf(info), nil
}

func (f *osFile) CloneFrom(src File) error {
	from, ok := src.(*osFile)
	if !ok {
		return fs.ErrInvalid
	}
	return cloneFile(f.File, from.File)
}

func (f *osFile) CopyRange(src File, from, n int64) (int64, error) {
	s, ok := src.(*osFile)
	if !ok {
		return 0, fs.ErrInvalid
	}
	return copyRange(f.File, s.File, from, n)
}

func (f *osFile) Map(n int64) ([]byte, func(), error) { return mapFile(f.File, n) }

// WriteDirect implements [DirectWriter].
func (f *osFile) WriteDirect(direct bool) error { return writeDirect(f.File, direct) }

// StartWriting implements [WriteStarter].
func (f *osFile) StartWriting() { startWriting(f.File) }

func (f *osFile) TryLock() error { return tryLock(f.File) }

func (f *osFile) Lock() error { return lock(f.File) }

func infoOf(info fs.FileInfo) Info {
	i := Info{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), ModTime: info.ModTime()}
	fillSystem(&i, info)
	return i
}
