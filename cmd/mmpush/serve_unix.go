//go:build unix

package main

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// onHangup calls f at each SIGHUP, until stop is called.
func onHangup(f func()) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// ownGroup puts a program and what it starts in a process group, that ends as one.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// freeBytes asks for the room on the disk of a folder.
func freeBytes(folder string) func() (int64, error) {
	return func() (int64, error) {
		var s syscall.Statfs_t
		err := syscall.Statfs(folder, &s)
		return int64(s.Bavail) * int64(s.Bsize), err
	}
}
