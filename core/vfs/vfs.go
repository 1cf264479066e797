package vfs

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// Info is what the file system says of one entry, links not followed.
type Info struct {
	Name string
	Size int64
	Mode fs.FileMode
	// ModTime and ChangeTime have the file system's own resolution.
	ModTime    time.Time
	ChangeTime time.Time
	// Dev and Ino name the inode; two open descriptors with equal ones are the
	// same file.
	Dev, Ino uint64
	// Links is how many names the inode has; 0 is unknown.
	Links uint64
	// UID and GID are the owner and the group, if Owned is set.
	UID, GID uint32
	Owned    bool
}

// IsRegular reports whether the entry is an ordinary file.
func (i Info) IsRegular() bool { return i.Mode.IsRegular() }

// TypeName is what people call an entry of that mode.
func TypeName(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// ErrLocked is returned by [File.TryLock] when another process, or another
// descriptor, holds the lock.
var ErrLocked = errors.New("locked by another process")

// File is an open file or folder.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.Closer
	// Stat describes the open file itself, whatever its name is now.
	Stat() (Info, error)
	// Sync makes the content (for a folder: its entries) durable. A failed Sync
	// is final: the kernel may have dropped the pages, so a caller never tries
	// again but gives the file up.
	Sync() error
	// Truncate cuts the file to size bytes.
	Truncate(size int64) error
	// Chmod sets the mode of the open file, exactly.
	Chmod(mode fs.FileMode) error
	// TryLock takes an exclusive lock (flock) or returns [ErrLocked] at once.
	// Close, and the death of the process, release it.
	TryLock() error
}

// BlockingLocker is what a File can be if it can wait in the system's own queue.
type BlockingLocker interface {
	// Lock takes the exclusive lock, however long that takes. Whoever polls beside
	// one who waits comes too late whenever the lock is free for a moment only.
	Lock() error
}

// OwnerCopier is what an FS can be if its files have owners.
type OwnerCopier interface {
	// CopyOwner gives the file to the owner of the file from, and to its group if
	// we may.
	CopyOwner(from, to string) error
}

// Linker is what an FS can be if its files can have several names.
type Linker interface {
	// Link gives the file from one more name and fails with fs.ErrExist if that is
	// taken. Never link what somebody else may write to.
	Link(from, to string) error
}

// FS is one folder and everything below it. Names are relative, with forward
// slashes, and never lead outside: "..", absolute names and links that point
// out are errors of the implementation, not a check that callers must make.
type FS interface {
	// Open opens a file for reading, or a folder for Sync and TryLock. It never
	// blocks on a pipe: what is neither a regular file nor a folder is an error.
	Open(name string) (File, error)
	// Create makes a new file for writing and fails with fs.ErrExist if the name
	// is taken. The mode is exact, whatever the umask.
	Create(name string, mode fs.FileMode) (File, error)
	// OpenLock opens name for locking, makes it with that mode if it is not
	// there, and never truncates it.
	OpenLock(name string, mode fs.FileMode) (File, error)
	// Append opens name for appending, and for truncating; makes it if it is not
	// there.
	Append(name string, mode fs.FileMode) (File, error)
	// Mkdir makes a folder and fails with fs.ErrExist if the name is taken. The
	// mode is exact, whatever the umask.
	Mkdir(name string, mode fs.FileMode) error
	// Rename moves a file or folder, over an existing file if there is one.
	Rename(from, to string) error
	// Remove deletes a file or an empty folder.
	Remove(name string) error
	// Lstat describes an entry without following a link.
	Lstat(name string) (Info, error)
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]Info, error)
	// SyncDir makes the entries of a folder durable.
	SyncDir(name string) error
	// Chmod sets the mode of a file or folder.
	Chmod(name string, mode fs.FileMode) error
	// Chtimes sets the modification time; the access time is set to the same.
	Chtimes(name string, mtime time.Time) error
	// Symlink makes a link that says target, and fails with fs.ErrExist if the name is
	// taken. Wherever it leads, nobody who comes by way of this FS gets out.
	Symlink(target, name string) error
	// Readlink returns what a link says.
	Readlink(name string) (string, error)
}

// Neighbour is what an FS can be if it is a folder of a machine that has others. Only
// who is trusted with a repository may say which: names in uploads never get here.
type Neighbour interface {
	// Abs is the folder's absolute name.
	Abs() (string, error)
	// OpenFolder opens another folder by its absolute name; done gives it back.
	OpenFolder(name string) (fsys FS, done func() error, err error)
}

// Cloner is what a File can be if its file system shares blocks between files.
type Cloner interface {
	// CloneFrom makes the empty file a copy of src without copying bytes; an
	// error means that the caller has to copy.
	CloneFrom(src File) error
}
