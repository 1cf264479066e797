//go:build unix

package main

import (
	"os/exec"
	"os/signal"
	"syscall"
)

// surviveHangup goes on when the pusher has gone: a publish that is decided is done.
func surviveHangup() { signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) }

// ownSession makes a program one that nobody's terminal and nobody's connection ends.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
