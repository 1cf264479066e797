package report

import "errors"

// Kind is the class of a failure; each has one exit code of the command line.
type Kind int

// The kinds, in the order of the exit codes that cmd/mmpush gives them.
const (
	// KindInternal: a defect of ours, or a machine that misbehaves (exit 1).
	KindInternal Kind = iota
	// KindUsage: the call or a configuration is wrong (exit 2).
	KindUsage
	// KindRejected: verification or policy says no (exit 3).
	KindRejected
	// KindConflict: the same name is there with other bytes (exit 4).
	KindConflict
	// KindDenied: authentication or rights (exit 5).
	KindDenied
	// KindTransport: the way to the repository failed; resumable (exit 6).
	KindTransport
	// KindBusy: a lock, a quota or a clock says: try later (exit 7).
	KindBusy
)

// Error says that the work could not go on: at which stage, with which file,
// why, and what to do next. A file that is wrong is not an Error but a
// [Finding].
type Error struct {
	// Stage names the step of the line: "manifest", "stage", "verify", "plan",
	// "lock", "recover", "commit".
	Stage string
	// Code is the stable code that `mmpush explain` knows.
	Code Code
	Kind Kind
	// File is the path that the error is about, as the user would write it.
	File string
	// Err is the cause; never nil.
	Err error
	// Hint is what to do next.
	Hint string
}

// Error is the cause with its file; the hint is for the renderer.
func (e *Error) Error() string {
	if e.File != "" {
		return e.File + ": " + e.Err.Error()
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain; an error that
// nobody has classified is internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}

// CodeOf returns the code of the first *Error in err's chain; [CodeInternal] if
// nobody has classified it.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return CodeInternal
}
