//go:build unix

package plugins

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a file belongs to the user that runs us.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// holdForks keeps other goroutines from starting programs until it is released.
func holdForks() (release func()) {
	syscall.ForkLock.RLock()
	return syscall.ForkLock.RUnlock
}
