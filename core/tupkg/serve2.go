package tupkg

import (
	"context"
	"errors"
	"io"
	"time"
)

// Serve2 has one conversation of version 2 as the server, when both sides know before
// the first byte that it is version 2: the connection chose it by ALPN. The client
// logs in by a LOGIN message.
//
// It returns nil when the client ended the connection between two uploads, whatever
// became of the uploads; else as [Serve]. It closes conn and leaves no goroutine.
func Serve2(ctx context.Context, conn Conn, host Host, o Options) error {
	l := newLine(ctx, conn, o)
	defer l.stop()
	defer l.hangUp()
	session, err := l.login2(ctx, host)
	if err != nil {
		err = l.blame(ctx, err)
		if !errors.Is(err, ErrBroken) {
			l.lastWord2(0, err)
		}
		return err
	}
	return serve2(ctx, l, session)
}

// ServeSession is Serve2 without a login, where something else has said already who
// the client is, such as SSH.
func ServeSession(ctx context.Context, conn Conn, session Session, o Options) error {
	l := newLine(ctx, conn, o)
	defer l.stop()
	defer l.hangUp()
	return serve2(ctx, l, session)
}

// Refuse2 is ServeSession for a client that is not let in: it is told why, in the place
// of the WELCOME. The error is what it was told as a *[Refusal], or a *[HostError].
func Refuse2(ctx context.Context, conn Conn, why error, o Options) error {
	l := newLine(ctx, conn, o)
	defer l.stop()
	defer l.hangUp()
	err := l.blame(ctx, l.hostSaid(why))
	l.lastWord2(0, err)
	return err
}

// login2 reads a LOGIN and has it judged.
func (l *line) login2(ctx context.Context, host Host) (Session, error) {
	m, err := readMessage2(l.Conn, l.o.Limits.LoginBytes, nil)
	if err != nil {
		return nil, err
	}
	if m.kind != kindLogin {
		return nil, fault(m.kind.String(), "a %s was expected", kindLogin)
	}
	var login loginMessage2
	if err := decode(m, &login); err != nil {
		return nil, err
	}
	if err := checkUser(login.User); err != nil {
		return nil, fault("LOGIN", "%v", err)
	}
	session, err := host.Authenticate(ctx, Login{User: login.User, Passwords: []Password{Password(login.Password)}, Version: 2})
	return session, l.hostSaid(err)
}

// lastWord2 says what went wrong, before the reader of the connection runs, and closes.
func (l *line) lastWord2(id uint32, err error) {
	w := &wire2{line: l}
	if l.within(l.o.DrainTime, func() error { return w.sendRefusal(id, refusalFor(err)) }) == nil {
		l.goodbye()
	}
}

// refusalFor is what a client of version 2 is told of an error.
func refusalFor(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	code := CodeInternal
	if errors.Is(err, ErrProtocol) {
		code = CodeProtocol
	}
	return &Refusal{Code: code, Reason: reasonFor(err)}
}

// serving2 is one connection of version 2, at the server's end, after the login.
type serving2 struct {
	*wire2
	session Session
	// last is the id of the newest upload; late counts the bytes that came for it or
	// older ones when they were over.
	last uint32
	late int64
}

// serve2 welcomes the client and serves upload after upload. The end of ctx is told to
// the client, if its cause is a refusal, before the connection closes.
func serve2(ctx context.Context, l *line, session Session) error {
	if l.stop() {
		defer context.AfterFunc(ctx, func() { time.AfterFunc(l.o.DrainTime, l.hangUp) })()
	}
	s := &serving2{wire2: startWire2(l, 1), session: session}
	defer s.end()
	err := s.blame(ctx, s.uploads(ctx))
	if err != nil && !errors.Is(err, ErrBroken) {
		if s.within(s.o.DrainTime, func() error { return s.sendRefusal(0, refusalFor(err)) }) == nil {
			s.goodbye()
		}
	}
	return err
}

func (s *serving2) uploads(ctx context.Context) error {
	l := s.o.Limits
	welcome := welcomeMessage{Version: 2, Agent: s.o.Agent, Limits: limits2{
		Files: l.UploadFiles, FileBytes: l.FileBytes, UploadBytes: l.UploadBytes, MessageBytes: l.MessageBytes,
	}}
	if at, ok := s.session.(Located); ok {
		welcome.Architectures = at.Architectures()
	}
	err := s.send(kindWelcome, welcome)
	for err == nil {
		s.enter(PhaseMetadata)
		var m message2
		select {
		case m = <-s.in:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		switch {
		case errors.Is(m.err, io.EOF):
			return nil
		case m.err != nil:
			return m.err
		case m.kind == kindUpload:
			err = s.upload(ctx, m)
		default:
			err = s.ignoreLate(m)
		}
	}
	return err
}

// upload serves one upload. Its error ends the connection; a refusal does not.
func (s *serving2) upload(ctx context.Context, m message2) error {
	u, err := decodeUpload(m, s.o.Limits)
	if u.ID <= s.last {
		if err == nil || errors.Is(err, ErrProtocol) {
			err = fault("UPLOAD", "its id %d is not greater than the last one, %d", u.ID, s.last)
		}
		return err
	}
	s.last, s.late = u.ID, 0
	if err != nil {
		return s.sendRefusal(u.ID, refusalFor(s.blame(ctx, err)))
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	s.enter(PhaseOffers)
	v, err := s.take(ctx, u, abort)
	s.letGo()
	if err == nil {
		return s.send(kindVerdict, verdictMessage{ID: u.ID, Files: v.Files, Report: v.Report})
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return s.sendRefusal(u.ID, r)
	}
	return err
}

// take offers, receives and judges one upload.
func (s *serving2) take(ctx context.Context, u uploadMessage, abort context.CancelCauseFunc) (v Verdict, err error) {
	files := u.declared()
	intake, err := s.session.Declare(ctx, Declaration{
		Files: files, Manifest: u.Manifest, ManifestFile: u.ManifestFile, DryRun: u.DryRun, Wishes: u.Wishes, Abort: abort,
	})
	if err != nil {
		return v, s.declined(ctx, err)
	}
	defer func() {
		if cerr := intake.Close(); err == nil && cerr != nil {
			err = s.hostSaid(cerr)
		}
	}()
	held, err := heldOf(intake, files)
	if err != nil {
		return v, s.hostSaid(err)
	}
	if err := s.send(kindOffer, offerMessage{ID: u.ID, Held: held}); err != nil {
		return v, err
	}
	if !u.DryRun {
		s.enter(PhaseData)
		err := s.hand(ctx, intake, files, held, func(i int, m *missing) io.Reader {
			return &dataReader{missing: m, s: s, ctx: ctx, id: u.ID, file: uint32(i)}
		})
		if err != nil {
			return v, err
		}
	}
	s.enter(PhaseVerdict)
	return s.judge(ctx, abort, intake, u.ID, files)
}

// judge asks for the verdict, and meanwhile listens for a CANCEL.
func (s *serving2) judge(ctx context.Context, abort context.CancelCauseFunc, intake Intake, id uint32, files []Declared) (Verdict, error) {
	stop, violation := make(chan struct{}), make(chan error, 1)
	go func() { violation <- s.listen(id, abort, stop) }()
	v, err := intake.Verdict(ctx, func(p Progress) {
		// A client that is gone is noticed when the verdict cannot be written.
		_ = s.send(kindProgress, progressMessage{ID: id, Progress: p})
	})
	close(stop)
	if bad := <-violation; bad != nil {
		return v, bad
	}
	return s.judged(ctx, v, files, err)
}

// listen reads while the server judges. The end of the connection is nothing to it:
// what has arrived whole is judged and published.
func (s *serving2) listen(id uint32, abort context.CancelCauseFunc, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		case m := <-s.in:
			err := m.err
			if err != nil && !errors.Is(err, ErrProtocol) {
				return nil
			}
			if err == nil && cancels(m, id) {
				abort(cancelled())
				continue
			}
			if err == nil {
				err = s.ignoreLate(m)
			}
			if err != nil {
				abort(err)
				return err
			}
		}
	}
}

// ignoreLate takes a DATA or CANCEL that was on its way when its upload ended. There
// cannot be many of them, and nothing else is allowed now.
func (s *serving2) ignoreLate(m message2) error {
	id := uint32(0)
	switch m.kind {
	case kindData:
		var err error
		if id, _, _, err = splitData(m.body); err != nil {
			return err
		}
		s.late += int64(len(m.body))
	case kindCancel:
		var c cancelMessage
		if err := decode(m, &c); err != nil {
			return err
		}
		id = c.ID
		s.late += headBytes
	}
	if id == 0 || id > s.last || s.late > s.o.DrainBytes {
		return fault(m.kind.String(), "it has no place here")
	}
	if m.kind == kindData {
		s.recycle(m.body)
	}
	return nil
}

// cancels reports whether the message is the CANCEL of this upload.
func cancels(m message2, id uint32) bool {
	var c cancelMessage
	return m.kind == kindCancel && decode(m, &c) == nil && c.ID == id
}

func cancelled() *Refusal {
	return &Refusal{Code: CodeCancelled, Phase: PhaseVerdict, Reason: "the client asked for it"}
}
