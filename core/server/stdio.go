package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// ServeSession has the conversation of version 2, without a login, with a user whom
// something else has identified, such as SSH by a forced command; conn is the two pipes
// of it. Where there are Users, name is one of them and has the rights that stand there;
// without them, name is the local operator, who has all rights. It closes conn, whose
// Close must end a Read and a Write in progress, and may be called twice. A name that is
// no user's is told to the client and returned as a *[tupkg.Refusal].
//
// When it is over, it deletes what has expired if nobody has done so for an hour.
func (s *Server) ServeSession(ctx context.Context, name string, conn io.ReadWriteCloser) error {
	defer conn.Close()
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	v := &visit{s: s, id: newID(), private: true, version: 2, idle: true, hangUp: hangUp}
	v.log = s.Log.With("id", v.id, "user", name)
	p := &paced{Conn: deadlines(conn), limits: s.Limits}
	o := s.conversation(v, p)
	err := s.admitVisit(v, name)
	if err != nil {
		v.log.Warn("session refused", "error", err)
		return tupkg.Refuse2(ctx, p, err, o)
	}
	func() {
		defer s.depart(v)
		v.log.Info("session")
		err = tupkg.ServeSession(ctx, p, v, o)
		v.log.Info("closed", "error", err)
	}()
	if serr := s.sweepIfDue(ctx); serr != nil {
		s.Log.Error("failed", "during", "expiry", "error", serr)
	}
	return err
}

// admitVisit lets a user in who needs no login.
func (s *Server) admitVisit(v *visit, name string) error {
	s.Refresh()
	if err := access.ValidName(name); err != nil {
		return &report.Error{Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, Err: err}
	}
	if _, err := s.identity(name); err != nil {
		return err
	}
	if why := s.register(v); why != nil {
		s.unregister(v)
		return why
	}
	if v.acc = s.enter(name); v.acc == nil {
		s.unregister(v)
		return s.tooManySessions()
	}
	return nil
}

// identity is what a user may do now.
func (s *Server) identity(name string) (access.Identity, error) {
	if s.Users == nil {
		return access.Operator(name), nil
	}
	who, err := s.Users.Identity(name)
	if err != nil {
		return who, lapsed()
	}
	return who, nil
}

func lapsed() *tupkg.Refusal {
	return &tupkg.Refusal{Code: tupkg.CodeDenied, Reason: "there is no account of this name, or it or what was logged in with may not be used any more"}
}

func (s *Server) tooManySessions() error {
	return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: fmt.Sprintf("you have %d sessions already", s.Limits.UserSessions)}
}

// deadlines makes a net.Conn of any connection: where it has no deadlines of its own,
// one that passes closes it.
func deadlines(conn io.ReadWriteCloser) net.Conn {
	if c, ok := conn.(net.Conn); ok {
		return c
	}
	t := &timed{ReadWriteCloser: conn}
	t.read.expired, t.write.expired = t.expire, t.expire
	return t
}

// timed is a connection without deadlines.
type timed struct {
	io.ReadWriteCloser
	read, write watched
	// late: a deadline has closed it.
	late atomic.Bool
}

var _ net.Conn = (*timed)(nil)

func (t *timed) Read(b []byte) (int, error) {
	return t.explain(t.read.do(func() (int, error) { return t.ReadWriteCloser.Read(b) }))
}

func (t *timed) Write(b []byte) (int, error) {
	return t.explain(t.write.do(func() (int, error) { return t.ReadWriteCloser.Write(b) }))
}

func (t *timed) expire() {
	t.late.Store(true)
	_ = t.Close()
}

// explain says that it was a deadline, of whichever direction.
func (t *timed) explain(n int, err error) (int, error) {
	if err != nil && t.late.Load() {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// CloseWrite closes our half where the connection can.
func (t *timed) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (t *timed) SetReadDeadline(at time.Time) error  { t.read.set(at); return nil }
func (t *timed) SetWriteDeadline(at time.Time) error { t.write.set(at); return nil }
func (t *timed) LocalAddr() net.Addr                 { return nil }
func (t *timed) RemoteAddr() net.Addr                { return nil }

func (t *timed) SetDeadline(at time.Time) error {
	t.read.set(at)
	t.write.set(at)
	return nil
}

// watched is one direction of a timed connection.
type watched struct {
	// expired ends the call when its deadline has passed.
	expired func()

	mu    sync.Mutex
	at    time.Time
	timer *time.Timer
	// busy: a call is under way.
	busy bool
}

// set moves the deadline, also of a call that is under way.
func (w *watched) set(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
	w.arm()
}

// arm lets the timer run as long as a call is under way, under mu.
func (w *watched) arm() {
	if w.timer != nil {
		w.timer.Stop()
	}
	switch {
	case !w.busy || w.at.IsZero():
	case w.timer == nil:
		w.timer = time.AfterFunc(time.Until(w.at), w.expire)
	default:
		w.timer.Reset(time.Until(w.at))
	}
}

// expire ends the call, unless it has ended or got more time in the meantime.
func (w *watched) expire() {
	w.mu.Lock()
	over := w.busy && !w.at.IsZero() && !time.Now().Before(w.at)
	w.mu.Unlock()
	if over {
		w.expired()
	}
}

func (w *watched) do(call func() (int, error)) (int, error) {
	w.mu.Lock()
	w.busy = true
	w.arm()
	w.mu.Unlock()
	n, err := call()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = false
	w.arm()
	return n, err
}
