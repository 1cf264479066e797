package vfs

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// beneath finds the folder of a name below a root in one call, however deep it is, where an
// [os.Root] opens one folder after the other. The kernel holds to the same rule (openat2
// with RESOLVE_BENEATH): no name and no link leads out. What cannot be done here, and what is no
// deeper than the root itself, is not: the os.Root does it, or says why that fails.
type beneath struct {
	top  *os.File
	conn syscall.RawConn
	// without: the system has no openat2.
	without atomic.Bool
}

func (b *beneath) open(root *os.Root) error {
	top, err := root.Open(".")
	if err != nil {
		return err
	}
	if b.conn, err = top.SyscallConn(); err != nil {
		_ = top.Close()
		return err
	}
	b.top = top
	return nil
}

func (b *beneath) close() error { return b.top.Close() }

// folder is an open folder, and the name of an entry of it.
type folder struct {
	fd   int
	base string
}

func (f folder) close() { _ = unix.Close(f.fd) }

// parent opens the folder of a name; the caller closes it.
func (b *beneath) parent(name string) (folder, bool) {
	dir, base := path.Split(name)
	if dir == "" {
		dir = "."
	}
	if base == "" || base == "." || base == ".." || b.without.Load() {
		return folder{}, false
	}
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	var fd int
	var failed error
	err := b.conn.Control(func(top uintptr) {
		failed = again(func() (err error) {
			fd, err = unix.Openat2(int(top), strings.TrimSuffix(dir, "/"), &how)
			return err
		})
	})
	if failed == unix.ENOSYS || failed == unix.EPERM {
		b.without.Store(true)
	}
	return folder{fd, base}, err == nil && failed == nil
}

// deep is parent for what is quicker so: names below a folder.
func (b *beneath) deep(name string) (folder, bool) {
	if !strings.Contains(name, "/") {
		return folder{}, false
	}
	return b.parent(name)
}

// openFile opens or makes a file or folder; not one behind a link.
func (b *beneath) openFile(name string, flags int, mode fs.FileMode) (f *os.File, done bool, err error) {
	at, ok := b.deep(name)
	if !ok {
		return nil, false, nil
	}
	defer at.close()
	var fd int
	err = again(func() (err error) {
		fd, err = unix.Openat(at.fd, at.base, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode.Perm()))
		return err
	})
	switch {
	case err == unix.ELOOP || err == unix.ENOTDIR:
		return nil, false, nil
	case err != nil:
		return nil, true, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), true, nil
}

func (b *beneath) lstat(name string) (i Info, done bool, err error) {
	at, ok := b.deep(name)
	if !ok {
		return Info{}, false, nil
	}
	defer at.close()
	if i, err = statAt(at.fd, at.base); err != nil {
		err = &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	return i, true, err
}

// remove deletes a file or an empty folder.
func (b *beneath) remove(name string) (done bool) {
	at, ok := b.deep(name)
	if !ok {
		return false
	}
	defer at.close()
	err := again(func() error { return unix.Unlinkat(at.fd, at.base, 0) })
	if err == unix.EISDIR {
		err = again(func() error { return unix.Unlinkat(at.fd, at.base, unix.AT_REMOVEDIR) })
	}
	return err == nil
}

func (b *beneath) rename(from, to string) (done bool) {
	return b.pair(from, to, func(from, to folder) error { return unix.Renameat(from.fd, from.base, to.fd, to.base) })
}

func (b *beneath) link(from, to string) (done bool) {
	return b.pair(from, to, func(from, to folder) error { return unix.Linkat(from.fd, from.base, to.fd, to.base, 0) })
}

// pair does something with two names, of which one may be in the root itself.
func (b *beneath) pair(from, to string, do func(from, to folder) error) (done bool) {
	if !strings.Contains(from+to, "/") {
		return false
	}
	source, ok := b.parent(from)
	if !ok {
		return false
	}
	defer source.close()
	target, ok := b.parent(to)
	if !ok {
		return false
	}
	defer target.close()
	return again(func() error { return do(source, target) }) == nil
}

// readDir lists a folder. Entries that vanish meanwhile are left out.
func (b *beneath) readDir(name string) (entries []Info, done bool, err error) {
	f, done, err := b.openFile(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil || !done {
		return nil, done, err
	}
	defer f.Close()
	names, err := sortedNames(f)
	if err != nil {
		return nil, true, err
	}
	entries = make([]Info, 0, len(names))
	fd := int(f.Fd())
	for _, n := range names {
		i, err := statAt(fd, n)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return nil, true, &fs.PathError{Op: "lstat", Path: path.Join(name, n), Err: err}
		}
		entries = append(entries, i)
	}
	return entries, true, nil
}

// statAt is Lstat of an entry.
func statAt(fd int, name string) (Info, error) {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return Info{}, err
	}
	return Info{
		Name: name, Size: st.Size, Mode: modeOf(st.Mode), ModTime: time.Unix(st.Mtim.Unix()), ChangeTime: time.Unix(st.Ctim.Unix()),
		Dev: uint64(st.Dev), Ino: st.Ino, Links: uint64(st.Nlink), UID: st.Uid, GID: st.Gid, Owned: true,
	}, nil
}

// modeOf is the mode of inode(7) as package fs has it.
func modeOf(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	}
	if m&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if m&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if m&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// again repeats a call that a signal has interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
