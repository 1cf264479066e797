package repo

import (
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// Identity tells whether a file is still the one that was seen before, without
// reading it. The zero Identity is a file that is not there.
type Identity struct {
	Ino  uint64 `json:"ino,omitempty"`
	Size int64  `json:"size,omitempty"`
	// ModTime and ChangeTime are in nanoseconds since 1970.
	ModTime    int64 `json:"mtime,omitempty"`
	ChangeTime int64 `json:"ctime,omitempty"`
}

// IdentityOf returns the identity of what an Info describes.
func IdentityOf(i vfs.Info) Identity {
	return Identity{i.Ino, i.Size, i.ModTime.UnixNano(), i.ChangeTime.UnixNano()}
}

// Identify returns the identity of a file; the zero one if there is none.
func Identify(fsys vfs.FS, name string) (Identity, error) {
	info, err := fsys.Lstat(name)
	if isNotExist(err) {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, err
	}
	return IdentityOf(info), nil
}

// SameFile reports whether both are one file with one content as far as inode,
// size and modification time tell; a rename changes the change time only.
func (i Identity) SameFile(o Identity) bool {
	return i.Ino == o.Ino && i.Size == o.Size && i.ModTime == o.ModTime
}

// Time is the modification time.
func (i Identity) Time() time.Time { return time.Unix(0, i.ModTime) }
