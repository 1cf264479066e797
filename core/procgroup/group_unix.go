//go:build unix

package procgroup

import (
	"os/exec"
	"syscall"
)

// Make makes a program and all that it starts a group that ends as one. It is called
// ahead of the start.
func Make(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// End ends what a program has left running.
func End(cmd *exec.Cmd) {
	if cmd.Process != nil {
		// No such group is what it should be.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
