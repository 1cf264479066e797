package ssh

import (
	"os"
	"syscall"
)

const (
	// pipeBytes is what any user may let a pipe hold, unless the system is set up
	// otherwise.
	pipeBytes = 1 << 20
	// setPipeSize is F_SETPIPE_SZ of fcntl(2).
	setPipeSize = 1031
)

// Widen lets a pipe hold more, so that its two ends wait for each other less often. Where
// that is not to be had, all works as well.
func Widen(f *os.File) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) { _, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, pipeBytes) })
}
