//go:build unix

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// nonBlocking keeps open from waiting for the other end of a pipe.
const nonBlocking = syscall.O_NONBLOCK

func tryLock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		}
		return err
	}
}

func lock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func fillSystem(i *Info, info fs.FileInfo) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		i.Dev = uint64(st.Dev)
		i.Ino = st.Ino
		i.Links = uint64(st.Nlink)
		i.UID, i.GID, i.Owned = st.Uid, st.Gid, true
		i.ChangeTime = changeTime(st)
	}
}

func ownerOf(info fs.FileInfo) (uid, gid int, ok bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// mapFile shows the beginning of a file.
func mapFile(f *os.File, n int64) ([]byte, func(), error) {
	if int64(int(n)) != n {
		return nil, nil, syscall.EFBIG
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(n), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, err
	}
	return data, func() { _ = syscall.Munmap(data) }, nil
}
