//go:build unix

package main

import (
	"errors"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"os/signal"
	"syscall"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

// stdio is the conversation's connection: standard input and output, in a mode in
// which closing them ends a Read.
func (a *app) stdio() io.ReadWriteCloser {
	// Else a client that is gone would kill us in the middle of a publish that we owe
	// it: the write of a progress message would.
	signal.Ignore(syscall.SIGPIPE)
	return &stdio{in: ssh.NewPipe(pollable(os.Stdin, "standard input")), out: pollable(os.Stdout, "standard output")}
}

// pollable is the same descriptor, with waits that a Close ends.
func pollable(f *os.File, name string) *os.File {
	fd := f.Fd()
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return f
	}
	return os.NewFile(fd, name)
}

type stdio struct {
	in  *ssh.Pipe
	out *os.File
}

func (s *stdio) Read(p []byte) (int, error)  { return s.in.Read(p) }
func (s *stdio) Write(p []byte) (int, error) { return s.out.Write(p) }

// CloseWrite says that nothing more comes: sshd gives either a socket for both, or two
// pipes.
func (s *stdio) CloseWrite() error {
	if err := syscall.Shutdown(int(syscall.Stdout), syscall.SHUT_WR); err == nil {
		return nil
	}
	return s.out.Close()
}

func (s *stdio) Close() error {
	if err := errors.Join(s.in.Close(), s.out.Close()); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// log is where a session writes what happens: not to standard error, which the client
// would see.
func (c *receiveCmd) log() (log *slog.Logger, done func(), err error) {
	if c.Log != "" {
		f, err := os.OpenFile(c.Log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
		if err != nil {
			return nil, nil, &report.Error{Stage: "receive", Code: report.CodeUsage, Kind: report.KindUsage, File: c.Log, Err: err}
		}
		return slog.New(slog.NewTextHandler(f, nil)), func() { _ = f.Close() }, nil
	}
	w, err := syslog.New(syslog.LOG_INFO|syslog.LOG_DAEMON, "mmpush")
	if err != nil {
		// A machine without a system's log gets none.
		return slog.New(slog.DiscardHandler), func() {}, nil
	}
	return slog.New(slog.NewTextHandler(w, nil)), func() { _ = w.Close() }, nil
}
