package ssh

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Pipe is one end of a pipe that much goes through. It holds more than others, and who finds
// too little in it, or too little room, looks again a moment later: the other side would
// wake him for each of its small pieces, which costs more than carrying them.
type Pipe struct {
	*os.File
	// holds is how many bytes it takes; 0: it is no pipe, or a narrow one, and nobody pauses.
	holds int
	conn  syscall.RawConn
}

// NewPipe widens a pipe. Where that is not to be had, all works as well.
func NewPipe(f *os.File) *Pipe {
	p := &Pipe{File: f}
	conn, err := f.SyscallConn()
	if err != nil {
		return p
	}
	_ = conn.Control(func(fd uintptr) {
		if holds, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeBytes); err == nil {
			p.holds, p.conn = holds, conn
		}
	})
	return p
}

// Read implements [io.Reader].
func (p *Pipe) Read(b []byte) (int, error) {
	if p.holds > 0 && len(b) >= much && p.queued() < len(b) {
		time.Sleep(moment)
	}
	return p.File.Read(b)
}

// Write implements [io.Writer].
func (p *Pipe) Write(b []byte) (int, error) {
	p.makeRoom(len(b))
	return p.File.Write(b)
}

// makeRoom gives the reader a moment if n bytes would not go in now.
func (p *Pipe) makeRoom(n int) {
	if p.holds > 0 && n >= much && p.holds-p.queued() < n {
		time.Sleep(moment)
	}
}

// queued is how many bytes are in the pipe.
func (p *Pipe) queued() (n int) {
	_ = p.conn.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
}
