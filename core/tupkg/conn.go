package tupkg

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// Conn is the connection of a conversation, such as a net.Conn or the two pipes of
// an SSH session. Close must end a Read and a Write in progress, as a net.Conn's
// does, and must be safe to call twice. A method CloseWrite() error, where there is
// one, is used for half-closing.
type Conn = io.ReadWriteCloser

// line is a connection under way: it knows the phase, counts the file data, and ends
// with its context.
type line struct {
	Conn
	o     Options
	phase Phase
	// data is the number of bytes of file data that this connection carried.
	data int64
	// known: the other side has logged in; what it still sends is read more patiently.
	known   bool
	closing sync.Once
	stop    func() bool
}

// newLine binds a connection to a context: when it ends, the connection closes.
func newLine(ctx context.Context, conn Conn, o Options) *line {
	l := &line{Conn: conn, o: o.withDefaults()}
	l.stop = context.AfterFunc(ctx, l.hangUp)
	l.o.Phase(PhaseLogin)
	return l
}

// enter tells the caller of a new phase.
func (l *line) enter(p Phase) {
	l.phase = p
	l.o.Phase(p)
}

// hangUp closes the connection now.
func (l *line) hangUp() { l.closing.Do(func() { _ = l.Conn.Close() }) }

// goodbye closes the connection so that what was written last arrives: a close with
// unread bytes makes TCP throw both directions away.
func (l *line) goodbye() {
	l.enter(PhaseClose)
	l.halfClose()
	_ = l.within(l.o.DrainTime, l.drain)
	l.hangUp()
}

// halfClose says that nothing more comes from here, where the connection can.
func (l *line) halfClose() {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		l.hangUp()
	}
}

// drain reads and throws away; io.EOF when there is no more, or enough of it.
func (l *line) drain() error {
	if _, err := io.CopyN(io.Discard, l.Conn, l.drainBytes()); err != nil {
		return err
	}
	return io.EOF
}

// drainBytes is less for strangers.
func (l *line) drainBytes() int64 {
	const strangers = 64 << 10
	if l.known {
		return l.o.DrainBytes
	}
	return min(strangers, l.o.DrainBytes)
}

// within bounds what f does with the connection: after d it is closed.
func (l *line) within(d time.Duration, f func() error) error {
	limit := time.AfterFunc(d, l.hangUp)
	defer limit.Stop()
	return f()
}

// blame turns an error of the connection or of a parser into one that says where the
// conversation was. The end of ctx explains a connection that was closed by it.
func (l *line) blame(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*ProtocolError](err); ok {
		placed := *p
		placed.Phase = l.phase
		return &placed
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		told := *r
		told.Phase = l.phase
		return &told
	}
	if _, ok := errors.AsType[*HostError](err); ok || errors.Is(err, ErrLocal) || errors.Is(err, ErrVersion) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &BrokenError{Phase: l.phase, Sent: l.data, Err: err}
}

// message reads one frame of version 1.
func (l *line) message(limit int) ([]byte, error) { return readFrame(l.Conn, limit) }

// say writes one frame of version 1.
func (l *line) say(body string) error { return writeFrame(l.Conn, body) }
