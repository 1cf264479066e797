package ssh

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	wire "github.com/mmpush/mmpush/core/tupkg"
)

const (
	// exitTime is how long ssh may take to end when its streams have ended, and
	// after it was asked to.
	exitTime = 2 * time.Second
	// tailBytes is how much of what ssh says is kept for the error.
	tailBytes = 8 << 10
	// loginTime is how long the rest of a greeting may take. Its first byte may take any
	// time: ssh may be asking the user for something.
	loginTime = time.Minute
	// silentTime is how long the other side may say nothing while its answer is waited
	// for. It may have to read what it holds, or to wait for others.
	silentTime = 30 * time.Minute
)

// Conn is a running ssh: what is written goes to the program on the other side, what
// that writes is read. Its errors say what ssh has said.
type Conn struct {
	target Target
	cmd    *exec.Cmd
	in     *Pipe
	out    *os.File
	said   *tail
	// carriage brings files to in; nil where that cannot be done.
	carriage *carriage
	// heard: the other side has said something that makes sense.
	heard atomic.Bool
	// login and silent are the two waits; silence is the bound of a Read now, in
	// nanoseconds, 0 is none.
	login, silent time.Duration
	silence       atomic.Int64
	// check looks at the first bytes; nil takes any.
	check func(first []byte) error

	exited  chan struct{}
	closing sync.Once
	closed  atomic.Bool
}

// start runs ssh with this command line. What ssh and the other side write on
// standard error goes to told, too, line by line and without control characters.
func start(t Target, args, environ []string, told io.Writer) (*Conn, error) {
	c := &Conn{target: t, said: &tail{to: told}, exited: make(chan struct{}), login: loginTime, silent: silentTime}
	c.cmd = exec.Command(args[0], args[1:]...)
	c.cmd.Stderr, c.cmd.Env = c.said, environ
	// A connection that ssh shares with later ones keeps our pipes open.
	c.cmd.WaitDelay = exitTime / 4
	// Not StdinPipe, which cannot be widened; not StdoutPipe: Wait would close it under
	// the reader.
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, c.cannotStart(err)
	}
	defer theirIn.Close()
	out, theirOut, err := os.Pipe()
	if err != nil {
		_ = in.Close()
		return nil, c.cannotStart(err)
	}
	defer theirOut.Close()
	c.in, c.out, c.cmd.Stdin, c.cmd.Stdout = NewPipe(in), out, theirIn, theirOut
	if err := c.cmd.Start(); err != nil {
		_ = in.Close()
		_ = out.Close()
		return nil, c.cannotStart(err)
	}
	c.carriage = newCarriage()
	go func() {
		defer close(c.exited)
		_ = c.cmd.Wait()
		c.said.flush()
	}()
	return c, nil
}

// Enter implements the tupkg transport's Phased: how long the other side may be silent
// depends on what it is asked.
func (c *Conn) Enter(p wire.Phase) {
	var wait time.Duration
	switch p {
	case wire.PhaseLogin:
		wait = c.login
	case wire.PhaseOffers, wire.PhaseVerdict, wire.PhaseAck:
		wait = c.silent
	}
	c.silence.Store(int64(wait))
	c.extend()
}

// extend moves the deadline of reading, once the other side has said something.
func (c *Conn) extend() {
	var until time.Time
	if wait := time.Duration(c.silence.Load()); wait > 0 && c.heard.Load() {
		until = time.Now().Add(wait)
	}
	// Where pipes know no deadline, ssh's own watch over the connection has to do.
	_ = c.out.SetReadDeadline(until)
}

// Read reads what the other side has written.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.read(p)
	if n > 0 && c.silence.Load() > 0 {
		c.extend()
	}
	return n, err
}

func (c *Conn) read(p []byte) (int, error) {
	if c.heard.Load() || c.check == nil {
		n, err := c.out.Read(p)
		if n > 0 {
			c.heard.Store(true)
		}
		return n, c.explain(n, err)
	}
	n, err := io.ReadAtLeast(c.out, p, min(2, len(p)))
	if n > 0 {
		if bad := c.check(p[:n]); bad != nil {
			return 0, bad
		}
		c.heard.Store(true)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, c.explain(n, err)
}

// Write sends to the other side.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.in.Write(p)
	return n, c.explain(0, err)
}

// CloseWrite tells the other side that nothing more comes.
func (c *Conn) CloseWrite() error { return c.in.Close() }

// Close ends ssh. It may be called twice and while others read and write.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.closed.Store(true)
		_ = c.in.Close()
		_ = c.out.Close()
		c.carriage.close()
		ask := time.AfterFunc(exitTime/4, func() { terminate(c.cmd.Process) })
		kill := time.AfterFunc(exitTime, func() { _ = c.cmd.Process.Kill() })
		<-c.exited
		ask.Stop()
		kill.Stop()
	})
	return nil
}

// explain turns the end of a stream into what ssh says about it.
func (c *Conn) explain(n int, err error) error {
	if err == nil || n > 0 || c.closed.Load() {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s says nothing any more: %w", c.target.Host, err)
	}
	select {
	case <-c.exited:
	case <-time.After(exitTime):
		return err
	}
	if told := c.failure(); told != nil {
		return told
	}
	return err
}

// Why is why ssh has ended by itself; nil if it has not, or ended well.
func (c *Conn) Why() error {
	if c.closed.Load() {
		return nil
	}
	select {
	case <-c.exited:
	case <-time.After(exitTime):
		return nil
	}
	return c.failure()
}
