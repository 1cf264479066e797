//go:build unix

package exec

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup makes a program and all that it starts a group that can be ended at once.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// killGroup ends what a program has left running.
func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		// No such group is what it should be.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

// ours reports whether a file belongs to the user that runs us.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}
