package tupkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

// Transport pushes to one server over TCP or TLS.
type Transport struct {
	Server      Server
	Credentials wire.Credentials
	// AllowPlaintext sends the password over a connection that others can read.
	AllowPlaintext bool
	// Memory tells servers that speak version 2 from those that never did.
	Memory Memory
	// Agent names the program to the server, such as "mmpush/1.0".
	Agent     string
	Deadlines Deadlines
	Patience  Patience
	Options   transport.Options
	// Wrap, if not nil, is put around each connection, below TLS.
	Wrap func(net.Conn) net.Conn
}

var _ transport.Transport = (*Transport)(nil)

// Push implements [transport.Transport]. It speaks version 2, and version 1 only if the
// target asks for it, or, with a warning, if the server has never spoken version 2.
func (t *Transport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	if t.Credentials.User == "" || t.Credentials.Password == "" {
		return report.Report{}, NoCredentials(t.Server, t.Credentials.User)
	}
	if t.Server.Version1 {
		return t.push1(ctx, u)
	}
	rep, err := Resume(ctx, t.dial2, u, t.options2())
	if !errors.Is(err, wire.ErrVersion) {
		return rep, err
	}
	if err := t.mayFallBack(err); err != nil {
		return report.Report{}, err
	}
	warning := t.oldServer()
	t.notice("warning: " + warning.Message)
	rep, err = t.push1(ctx, u)
	rep.Findings = append([]report.Finding{warning}, rep.Findings...)
	return rep, err
}

// options2 are those of a conversation of version 2.
func (t *Transport) options2() Options {
	start := wire.StartInBand
	if t.Server.TLS {
		start = wire.StartLogin
	}
	return Options{
		Options: t.Options, Target: t.Server.String(), Patience: t.Patience,
		Login: wire.ConnectOptions{Options: wire.Options{Agent: t.Agent}, Credentials: t.Credentials, Start: start},
	}
}

// dial2 is a connection on which version 2 is spoken.
func (t *Transport) dial2(ctx context.Context) (io.ReadWriteCloser, error) {
	l, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	if t.Server.TLS && !l.alpn {
		_ = l.Close()
		return nil, &olderError{l.certificate}
	}
	l.welcome = func() { t.learn(l, Record{Version: 2}) }
	return l, nil
}

// olderError is an [wire.ErrVersion] of a server that has shown a certificate.
type olderError struct{ certificate string }

func (*olderError) Error() string {
	return "the server has not chosen version 2 of the protocol over TLS"
}
func (*olderError) Unwrap() error { return wire.ErrVersion }

// learn remembers something about the server, by its address and its certificate.
func (t *Transport) learn(l *link, r Record) {
	r.Since = time.Now().UTC().Truncate(time.Second)
	for _, server := range []string{t.address(), l.certificate} {
		r.Server = server
		if err := t.Memory.Keep(r); err != nil {
			t.notice(fmt.Sprintf("warning: what was learned about the server cannot be remembered: %v", err))
			return
		}
	}
}

// address names the server in the memory.
func (t *Transport) address() string {
	s := t.Server
	s.User = ""
	return s.String()
}

// mayFallBack refuses version 1 towards a server that has spoken version 2, at this
// address or elsewhere with this certificate: somebody in between would like the
// password in the older form. cause is the ErrVersion.
func (t *Transport) mayFallBack(cause error) error {
	known := []string{t.address()}
	if older, ok := errors.AsType[*olderError](cause); ok {
		known = append(known, older.certificate)
	}
	e := &report.Error{
		Stage: "connect", Code: report.CodeProtocol, Kind: report.KindTransport, File: t.Server.String(),
		Hint: "ask whoever runs the server; if it is meant, add ?v=1 to the target",
	}
	for _, server := range known {
		r, err := t.Memory.Recall(server)
		if err != nil {
			e.Err = fmt.Errorf("the server speaks version 1 only, and whether it has ever spoken version 2 cannot be read: %w", err)
			return e
		}
		if r.Version >= 2 {
			e.Err = fmt.Errorf("the server has spoken version 2 before (learned on %s), and now speaks version 1 only: "+
				"it was replaced, or somebody is in between", r.Since.Format(time.DateOnly))
			return e
		}
	}
	return nil
}

// oldServer is the warning about a fall-back.
func (t *Transport) oldServer() report.Finding {
	return report.Finding{
		Code: report.CodeProtocol, Severity: report.SeverityWarning,
		Message: "the server speaks version 1 of the protocol only: nobody can tell before the upload what it would do, and its files are checked by MD5",
		Hint:    "if that is expected, ?v=1 in the target says so; else ask whoever runs the server",
	}
}

func (t *Transport) notice(text string) {
	if t.Options.Notice != nil {
		t.Options.Notice(text)
	}
}
