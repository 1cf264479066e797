package tupkg

import (
	"errors"
	"fmt"

	"github.com/mmpush/mmpush/core/report"
)

// What went wrong, for errors.Is.
var (
	// ErrRefused: the server said no.
	ErrRefused = errors.New("refused")
	// ErrLogin: the server said no to the login. Such an error is ErrRefused too.
	ErrLogin = errors.New("login refused")
	// ErrProtocol: the other side sent what the protocol does not allow.
	ErrProtocol = errors.New("protocol violation")
	// ErrBroken: the connection ended or failed too early; the upload can be
	// resumed.
	ErrBroken = errors.New("connection broken")
	// ErrVersion: version 2 was asked for in the login, and the server took the
	// login without it.
	ErrVersion = errors.New("the server speaks version 1 of the protocol only")
	// ErrLocal: a file of the client's own could not be read, or cannot be sent.
	ErrLocal = errors.New("the file cannot be sent")
)

// Code says why a server refuses. It is what stands in a version 2 ERROR.
type Code string

// The codes. A client treats one that it does not know as [CodeRefused].
const (
	// CodeDenied: login or rights.
	CodeDenied Code = "denied"
	// CodeRefused: verification or policy.
	CodeRefused Code = "refused"
	// CodeLimit: more files, bytes or characters than the server takes.
	CodeLimit Code = "limit"
	// CodeBusy: a quota, a lock or a full disk; later it may work.
	CodeBusy Code = "busy"
	// CodeReplaced: a newer session of the same user sends the same files.
	CodeReplaced Code = "replaced"
	// CodeCancelled: the client asked for it.
	CodeCancelled Code = "cancelled"
	// CodeProtocol: the client broke the protocol.
	CodeProtocol Code = "protocol"
	// CodeShutdown: the server stops.
	CodeShutdown Code = "shutdown"
	// CodeInternal: the server failed; its log says why.
	CodeInternal Code = "internal"
)

// Refusal is a server's no. A [Host] returns one to say no; every other error of a
// Host is a failure of the server, of which the client is told nothing more than
// that. A client gets a Refusal as its error.
type Refusal struct {
	Code Code
	// Phase is when the client was told; a Host leaves it.
	Phase Phase
	// Reason is one sentence for the user; it reaches the client. Empty when a
	// version 1 server gave none.
	Reason string
	Hint   string
	// Findings are what is wrong, all at once; only version 2 carries them.
	Findings []report.Finding
}

// Error says what was refused and why.
func (r *Refusal) Error() string {
	what := "the server refused during " + r.Phase.String()
	switch {
	case r.Phase == PhaseLogin:
		what = "the server refused the login"
	case r.Phase == PhaseMetadata || r.Phase == PhaseOffers:
		what = "the server refused the declared files"
	case r.Phase == PhaseData:
		what = "the server stopped the upload"
	case r.Code == CodeCancelled:
		what = "the upload was cancelled"
	}
	if r.Reason != "" {
		return what + ": " + r.Reason
	}
	return what
}

// Is matches [ErrRefused], and [ErrLogin] for a login.
func (r *Refusal) Is(target error) bool {
	return target == ErrRefused || target == ErrLogin && r.Phase == PhaseLogin
}

// ProtocolError says what the other side did that the protocol does not allow.
type ProtocolError struct {
	Phase Phase
	// Where names the message or the key; What is what is wrong with it and what
	// was expected. Neither holds a password.
	Where, What string
}

// Error is phase, place and fault on one line.
func (e *ProtocolError) Error() string {
	if e.Where == "" {
		return fmt.Sprintf("protocol violation in %s: %s", e.Phase, e.What)
	}
	return fmt.Sprintf("protocol violation in %s: %s: %s", e.Phase, e.Where, e.What)
}

// Is matches [ErrProtocol].
func (e *ProtocolError) Is(target error) bool { return target == ErrProtocol }

// BrokenError says that the connection ended or failed before the conversation did.
type BrokenError struct {
	Phase Phase
	// Sent is the number of bytes of file data that this connection carried before:
	// written by a client, read by a server. It does not count the bytes that the
	// server held already.
	Sent int64
	// Err is the cause, such as io.ErrUnexpectedEOF or a net.OpError.
	Err error
}

// Error is phase, progress and cause on one line.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("the connection broke during %s, after %d bytes of file data: %v", e.Phase, e.Sent, e.Err)
}

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// Is matches [ErrBroken].
func (e *BrokenError) Is(target error) bool { return target == ErrBroken }

// HostError says that the server's own side failed: a [Host] returned an error that
// is no refusal, or did not keep its contract. The client was told only that.
type HostError struct {
	Phase Phase
	Err   error
}

// Error is phase and cause.
func (e *HostError) Error() string {
	return fmt.Sprintf("the server failed during %s: %v", e.Phase, e.Err)
}

// Unwrap returns the cause.
func (e *HostError) Unwrap() error { return e.Err }

// fault is a violation whose phase the conversation knows and the parser does not.
func fault(where, format string, args ...any) *ProtocolError {
	return &ProtocolError{Where: where, What: fmt.Sprintf(format, args...)}
}

// shown is a text from outside, quoted and short enough for an error.
func shown(s string) string {
	const limit = 80
	if len(s) > limit {
		return fmt.Sprintf("%q and %d bytes more", s[:limit], len(s)-limit)
	}
	return fmt.Sprintf("%q", s)
}
