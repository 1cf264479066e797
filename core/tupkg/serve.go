package tupkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Serve has one conversation as the server, from the login to the close, in version 1
// and, where [Options].Version2 allows it and the client asks for it, in version 2.
// It closes conn, however it ends, and leaves no goroutine.
//
// It returns nil when every verdict was told and the client confirmed it, whatever
// the verdicts were; a *[Refusal] when the Host said no; a *[ProtocolError], a
// *[BrokenError] or a *[HostError] otherwise. When ctx ends, the connection closes at
// once and what arrived is kept. Deadlines are the caller's, by [Options].Phase.
func Serve(ctx context.Context, conn Conn, host Host, o Options) error {
	s := &serving{line: newLine(ctx, conn, o)}
	defer s.stop()
	defer s.hangUp()
	login, session, err := s.login(ctx, host)
	if err != nil {
		return s.refuse(ctx, err)
	}
	if login.Version == 2 {
		return serve2(ctx, s.line, session)
	}
	return s.session(ctx, session, login.hint)
}

// serving is one conversation of version 1, at the server's end.
type serving struct {
	*line
	// asksReason: the client has sent a key that neither dialect has, so one more
	// key in an answer does not hurt it.
	asksReason bool
}

// login reads the first message and has it judged.
func (s *serving) login(ctx context.Context, host Host) (parsedLogin, Session, error) {
	body, err := s.message(s.o.Limits.LoginBytes)
	if err != nil {
		return parsedLogin{}, nil, err
	}
	p, err := parseLogin(body, s.o.Limits)
	if err != nil {
		return p, nil, err
	}
	s.asksReason = p.asksReason
	answer := "result=PASS"
	if p.version2 && s.o.Version2 {
		p.Version, answer = 2, answer+"&tupkg=2"
	}
	session, err := host.Authenticate(ctx, p.Login)
	if err != nil {
		return p, nil, s.hostSaid(err)
	}
	s.known = true
	return p, session, s.say(answer)
}

// session has the rest of the conversation, after the login.
func (s *serving) session(ctx context.Context, session Session, hint Dialect) error {
	s.enter(PhaseMetadata)
	body, err := s.message(MaxMessage)
	if err != nil {
		return s.refuse(ctx, err)
	}
	meta, err := parseMetadata(body, hint, s.o.Limits)
	if err != nil {
		return s.refuse(ctx, err)
	}
	s.asksReason = s.asksReason || meta.asksReason
	s.enter(PhaseOffers)
	if len(meta.files) == 0 {
		session = emptySession{}
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	intake, err := session.Declare(ctx, Declaration{Files: meta.files, Abort: abort})
	if err != nil {
		return s.refuse(ctx, s.declined(ctx, err))
	}
	verdict, err := s.take(ctx, intake, &meta)
	if err != nil {
		return s.failAll(ctx, err, &meta)
	}
	if err := s.say(meta.results(verdict, s.asksReason)); err != nil {
		return s.blame(ctx, err)
	}
	return s.awaitAck(ctx)
}

// take offers, receives and judges. The intake is closed before the answer goes out:
// who is slow to confirm holds nothing of the Host's.
func (s *serving) take(ctx context.Context, intake Intake, meta *metadata) (v Verdict, err error) {
	defer func() {
		if cerr := intake.Close(); err == nil && cerr != nil {
			err = s.hostSaid(cerr)
		}
	}()
	held, err := heldOf(intake, meta.files)
	if err != nil {
		return v, s.hostSaid(err)
	}
	if err := s.say(meta.offers(held)); err != nil {
		return v, err
	}
	s.enter(PhaseData)
	if err := s.receive(ctx, intake, meta.files, held); err != nil {
		return v, err
	}
	s.enter(PhaseVerdict)
	v, err = intake.Verdict(ctx, func(Progress) {})
	return s.judged(ctx, v, meta.files, err)
}

// receive reads the missing bytes of every file and hands them on.
func (s *serving) receive(ctx context.Context, intake Intake, files []Declared, held []int64) error {
	stop := context.AfterFunc(ctx, s.wake)
	defer stop()
	return s.hand(ctx, intake, files, held, func(_ int, m *missing) io.Reader { return &rest{missing: m, line: s.line} })
}

// judged holds a verdict to the contract. The end of ctx explains an error.
func (l *line) judged(ctx context.Context, v Verdict, files []Declared, err error) (Verdict, error) {
	if err != nil && context.Cause(ctx) != nil {
		return v, context.Cause(ctx)
	}
	if err == nil && len(v.Files) != len(files) {
		err = fmt.Errorf("%d results for %d files", len(v.Files), len(files))
	}
	return v, l.hostSaid(err)
}

// wake ends a Read in progress, by a deadline where the connection has them, so that
// the client can still be told.
func (s *serving) wake() {
	if d, ok := s.Conn.(interface{ SetReadDeadline(time.Time) error }); !ok || d.SetReadDeadline(time.Unix(1, 0)) != nil {
		s.hangUp()
	}
}

// awaitAck reads the client's last word. Whatever it is, the verdict stands.
func (s *serving) awaitAck(ctx context.Context) error {
	s.enter(PhaseAck)
	err := s.within(s.o.AckTime, func() error {
		body, err := s.message(len(ack))
		if err == nil && string(body) != ack {
			return fault("the last message", "it is not %q", ack)
		}
		return err
	})
	err = s.blame(ctx, err)
	s.goodbye()
	return err
}

const ack = "ack"

// refuse says FAIL, unless the connection itself is the trouble, and closes.
func (s *serving) refuse(ctx context.Context, err error) error {
	err = s.blame(ctx, err)
	if !errors.Is(err, ErrBroken) {
		answer := "result=FAIL"
		if s.asksReason {
			answer += reasonKey(reasonFor(err))
		}
		s.lastWord(answer)
	}
	return err
}

// failAll says FAIL for every file: the data phase has no other way to say no.
func (s *serving) failAll(ctx context.Context, err error, meta *metadata) error {
	err = s.blame(ctx, err)
	if errors.Is(err, ErrBroken) {
		return err
	}
	if s.phase < PhaseData {
		return s.refuse(ctx, err)
	}
	if d, ok := s.Conn.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Now().Add(s.o.DrainTime))
	}
	s.lastWord(meta.results(allFailed(len(meta.files), reasonFor(err)), s.asksReason))
	return err
}

// lastWord sends a message to a peer that may not be reading, and closes.
func (s *serving) lastWord(body string) {
	if s.within(s.o.DrainTime, func() error { return s.say(body) }) == nil {
		s.goodbye()
	}
}

// hostSaid marks what a Host returned: a refusal stays one, the rest is a failure.
func (l *line) hostSaid(err error) error {
	if _, ok := errors.AsType[*Refusal](err); ok || err == nil {
		return err
	}
	return &HostError{Phase: l.phase, Err: err}
}

// declined is hostSaid for a declaration: who is aborted while it is looked at hears
// why.
func (l *line) declined(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return l.hostSaid(err)
}

// reasonFor is what the client is told of an error.
func reasonFor(err error) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason
	}
	if p, ok := errors.AsType[*ProtocolError](err); ok {
		return p.Error()
	}
	return "the server failed; its log says why"
}

// heldOf asks for the offers and holds them to the contract.
func heldOf(intake Intake, files []Declared) ([]int64, error) {
	held := intake.Held()
	if len(held) != len(files) {
		return nil, fmt.Errorf("%d offers for %d files", len(held), len(files))
	}
	for i, n := range held {
		if n < 0 || n > files[i].Size {
			return nil, fmt.Errorf("%s: %d bytes held of %d", files[i].Name, n, files[i].Size)
		}
	}
	return held, nil
}

// emptySession answers a declaration of no files, which clients send to find out
// which dialect the server speaks.
type emptySession struct{}

func (emptySession) Declare(context.Context, Declaration) (Intake, error) { return emptyIntake{}, nil }

type emptyIntake struct{}

func (emptyIntake) Held() []int64                                            { return nil }
func (emptyIntake) Receive(context.Context, int, io.Reader) error            { return nil }
func (emptyIntake) Verdict(context.Context, func(Progress)) (Verdict, error) { return Verdict{}, nil }
func (emptyIntake) Close() error                                             { return nil }
