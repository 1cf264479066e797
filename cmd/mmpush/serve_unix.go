//go:build unix

package main

import (
	"os"
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

// freeBytes asks for the room on the disk of a folder.
func freeBytes(folder string) func() (int64, error) {
	return func() (int64, error) {
		var s syscall.Statfs_t
		err := syscall.Statfs(folder, &s)
		return int64(s.Bavail) * int64(s.Bsize), err
	}
}
