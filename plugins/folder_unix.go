//go:build unix

package plugins

import (
	"syscall"
)

// holdForks keeps other goroutines from starting programs until it is released.
func holdForks() (release func()) {
	syscall.ForkLock.RLock()
	return syscall.ForkLock.RUnlock
}
