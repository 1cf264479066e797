package tupkg

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/mmpush/mmpush/core/report"
)

// Password is a text that no formatting shows: %v, %q, %#v, JSON and slog give
// "[hidden]". Convert it to string where it is compared or hashed.
type Password string

const hidden = "[hidden]"

// Format hides the password from every verb.
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText hides the password from JSON and the like.
func (p Password) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the password from slog.
func (p Password) LogValue() slog.Value { return slog.StringValue(hidden) }

// Login is one attempt to log in.
type Login struct {
	// User is valid UTF-8 without control characters, of 1 to 255 bytes.
	User string
	// Passwords are the readings of the one password that was sent, the likeliest
	// first: one, or up to three when it holds '+' or '%', which the two dialects
	// read differently. Any of them may match; all together are one attempt.
	Passwords []Password
	// Version is the version of the protocol that the connection goes on with.
	Version int
}

// Host is who the conversations are for: the accounts of a server.
type Host interface {
	// Authenticate says who it is, or returns a *[Refusal]. Its Reason reaches the
	// client: it must not tell an unknown user from a wrong password.
	Authenticate(ctx context.Context, login Login) (Session, error)
}

// Session is one user who is logged in, on one connection.
type Session interface {
	// Declare takes, or refuses with a *[Refusal], a set of files before the first
	// byte of them. A declaration of no files is a question of what is there to talk
	// to, and is never passed on.
	Declare(ctx context.Context, d Declaration) (Intake, error)
}

// Located is what a [Session] can be if it knows for which architectures it publishes;
// a client of version 2 is told, and sends nothing for others.
type Located interface {
	Architectures() []string
}

// Intake receives the files of one declaration. Its methods are called one after the
// other by one goroutine, Receive in the order of the files and only for those that
// are not held whole.
type Intake interface {
	// Held is the number of bytes that are there already, for each file: 0 to its
	// size.
	Held() []int64
	// Receive stores what r gives as the rest of file i: exactly size less held
	// bytes, then io.EOF. When r fails, what came before is worth keeping, and the
	// error of r is what Receive returns. A *[Refusal] stops the upload.
	Receive(ctx context.Context, i int, r io.Reader) error
	// Verdict judges the files when all of them are there. In a dry run it says what
	// can be said without them. tell may be called at any time until it returns, by
	// any goroutine; version 1 has no way to pass it on. ctx ends when the client
	// cancels; a connection that breaks does not end it.
	Verdict(ctx context.Context, tell func(Progress)) (Verdict, error)
	// Close is called exactly once, last.
	Close() error
}

// Declaration is a set of files that a client wants to send.
type Declaration struct {
	Files []Declared
	// Manifest is the content of the file of the set that Files[ManifestFile]
	// declares, its SHA-256 checked, or nil. Only version 2 has it before the data.
	Manifest     []byte
	ManifestFile int
	// DryRun asks for the verdict without a byte of data; Receive is not called.
	DryRun bool
	// Wishes are what the publisher asks for; version 1 cannot ask.
	Wishes Wishes
	// Abort ends the upload from outside, at any time, by any goroutine; the cause is
	// best a *[Refusal] with [CodeReplaced] or [CodeShutdown].
	Abort context.CancelCauseFunc
}

// Wishes are what a publisher asks for beyond the ordinary; rights and the
// repository's settings decide.
type Wishes struct {
	Rebuild   bool `json:"rebuild,omitempty"`
	Downgrade bool `json:"downgrade,omitempty"`
	TakeOver  bool `json:"take_over,omitempty"`
}

// Declared is what a client says about one file.
type Declared struct {
	// Name satisfies [CheckName] and is there once in its declaration.
	Name string
	// Size is in bytes, 0 to [Limits].FileBytes.
	Size int64
	// MD5 is set in version 1: lower-case hexadecimal, at most 32 digits. One with
	// fewer matches no content; the protocol's own example has such.
	MD5 string
	// SHA256 is set in version 2: 64 lower-case hexadecimal digits.
	SHA256 string
}

// Progress is where a server's work, or a client's sending, stands.
type Progress struct {
	// Stage is "send" at the client, else the server's word for what it does, such
	// as "verify" or "commit".
	Stage string `json:"stage"`
	// File is the base name of the file at work, if it is one.
	File string `json:"file,omitempty"`
	// Done and Total count the stage's units: bytes when sending.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Skipped are the bytes that the server held already; they are not in Done,
	// and Done goes up to Total less Skipped.
	Skipped int64 `json:"skipped,omitempty"`
}

// Verdict is what a server says about an upload.
type Verdict struct {
	// Files are the results of the files, in the order of the declaration.
	Files []FileVerdict
	// Report is the whole answer with all findings; version 1 cannot carry it.
	Report report.Report
}

// FileVerdict is the result of one file.
type FileVerdict struct {
	Pass bool `json:"pass"`
	// Reason says why not, in one sentence.
	Reason string `json:"reason,omitempty"`
}

// Pass reports whether there are files and every one of them passed.
func (v Verdict) Pass() bool {
	for _, f := range v.Files {
		if !f.Pass {
			return false
		}
	}
	return len(v.Files) > 0
}
