//go:build unix

package ssh

import (
	"os"
	"syscall"
)

// terminate asks a process to end: ssh takes its helpers with it.
func terminate(p *os.Process) { _ = p.Signal(syscall.SIGTERM) }
