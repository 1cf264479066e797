package ssh

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	wire "github.com/mmpush/mmpush/core/tupkg"
)

var _ wire.Carrier = (*Conn)(nil)

// carriage is a pipe of our own between a file and the pipe to ssh. What is loaded stays in
// the system's memory, and its length is known before the first byte of it is sent.
type carriage struct {
	in, out *os.File
	loaded  int
}

// newCarriage is nil where there is none to be had.
func newCarriage() *carriage {
	out, in, err := os.Pipe()
	if err != nil {
		return nil
	}
	NewPipe(in)
	return &carriage{in: in, out: out}
}

func (g *carriage) close() {
	if g != nil {
		_ = g.in.Close()
		_ = g.out.Close()
	}
}

// Load implements [wire.Carrier].
func (c *Conn) Load(file syscall.Conn, at int64, n int) int {
	if c.carriage == nil {
		return 0
	}
	// An error is for who reads the file instead.
	_ = c.carriage.load(file, at, n)
	return c.carriage.loaded
}

// Send implements [wire.Carrier].
func (c *Conn) Send(head []byte) error {
	c.in.makeRoom(len(head) + c.carriage.loaded)
	_, err := c.in.File.Write(head)
	if err == nil {
		err = c.carriage.unload(c.in.File)
	}
	return c.explain(0, err)
}

// load fills the carriage up to n bytes, or as far as the file goes or the carriage holds.
func (g *carriage) load(file syscall.Conn, at int64, n int) error {
	from, err := file.SyscallConn()
	if err != nil {
		return err
	}
	to, err := g.in.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = from.Control(func(rfd uintptr) {
		failed = to.Control(func(wfd uintptr) {
			for g.loaded < n {
				moved, err := splice(rfd, wfd, &at, n-g.loaded)
				if err != nil || moved == 0 {
					return
				}
				g.loaded += moved
			}
		})
	})
	return errors.Join(err, failed)
}

// unload moves all that is loaded, and waits while the pipe is full.
func (g *carriage) unload(pipe *os.File) error {
	from, err := g.out.SyscallConn()
	if err != nil {
		return err
	}
	to, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = to.Write(func(wfd uintptr) bool {
		failed = nil
		closed := from.Control(func(rfd uintptr) {
			for g.loaded > 0 && failed == nil {
				var moved int
				moved, failed = splice(rfd, wfd, nil, g.loaded)
				g.loaded -= moved
			}
		})
		failed = errors.Join(failed, closed)
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err != nil {
		return fmt.Errorf("splice: %w (%w)", os.ErrClosed, err)
	}
	return os.NewSyscallError("splice", failed)
}

// splice moves at most n bytes from one descriptor, from its offset at on where it is no
// pipe, to the other. It does not wait for a pipe.
func splice(rfd, wfd uintptr, at *int64, n int) (int, error) {
	for {
		moved, err := unix.Splice(int(rfd), at, int(wfd), nil, n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		if !errors.Is(err, unix.EINTR) {
			return int(max(moved, 0)), err
		}
	}
}
