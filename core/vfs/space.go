package vfs

import (
	"errors"
	"io/fs"
	"syscall"
)

// Space is the room on a file system, in bytes.
type Space struct {
	Total int64
	// Free is what an ordinary user may still take.
	Free int64
}

// Measurer is what an FS can be if its file system has a size.
type Measurer interface {
	Space() (Space, error)
}

// SpaceOf returns the room on the file system of an FS; the error is
// errors.ErrUnsupported if that has no size.
func SpaceOf(fsys FS) (Space, error) {
	if m, ok := fsys.(Measurer); ok {
		return m.Space()
	}
	return Space{}, errors.ErrUnsupported
}

// IsFull reports whether an error says that the disk, or somebody's share of it, had no
// room for a call that may be made again. A failed sync may not: it is final, whatever
// its cause.
func IsFull(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return false
	}
	call, ok := errors.AsType[*fs.PathError](err)
	return !ok || call.Op != "sync" && call.Op != "syncdir"
}
