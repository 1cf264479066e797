package archive

import (
	"errors"
	"fmt"
	"io"
)

// ErrFormat is in the chain of every error that means: these bytes are not a
// whole, unambiguous archive of that kind.
var ErrFormat = errors.New("not a valid archive")

// ErrLimit is in the chain of every [LimitError].
var ErrLimit = errors.New("over a limit")

// Limit names one of the [Limits].
type Limit string

// The limits that an archive can exceed.
const (
	// LimitDecoded is DecodedBase + DecodedRatio * compressed size, in bytes.
	LimitDecoded Limit = "decoded size"
	// LimitWindow is Window, in bytes.
	LimitWindow Limit = "window"
	// LimitMembers is Members.
	LimitMembers Limit = "members"
	// LimitHeader is HeaderBytes.
	LimitHeader Limit = "header"
	// LimitNames is NameBytes.
	LimitNames Limit = "names"
)

// LimitError says which limit an archive exceeds.
type LimitError struct {
	Limit Limit
	// Max is the limit's value, in bytes or members.
	Max int64
}

// Error is one sentence with the value.
func (e *LimitError) Error() string {
	switch e.Limit {
	case LimitDecoded:
		return fmt.Sprintf("%v: it decodes to more than %d bytes", ErrLimit, e.Max)
	case LimitWindow:
		return fmt.Sprintf("%v: decoding it needs a window of more than %d bytes", ErrLimit, e.Max)
	case LimitMembers:
		return fmt.Sprintf("%v: it has more than %d members", ErrLimit, e.Max)
	case LimitHeader:
		return fmt.Sprintf("%v: the header of one member is larger than %d bytes", ErrLimit, e.Max)
	default:
		return fmt.Sprintf("%v: the names of its members take more than %d bytes", ErrLimit, e.Max)
	}
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }

// SourceError means that the underlying reader failed. The archive may be fine.
type SourceError struct {
	// Err is what the reader returned.
	Err error
}

// Error is the reader's own message.
func (e *SourceError) Error() string { return "read: " + e.Err.Error() }

// Unwrap returns the reader's error.
func (e *SourceError) Unwrap() error { return e.Err }

// formatError is an [ErrFormat] with what is wrong.
func formatError(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrFormat, fmt.Errorf(format, a...))
}

// source remembers how the underlying reader ended, because codecs turn its
// errors into their own, or into a clean end.
type source struct {
	r io.Reader
	// n is the number of bytes read.
	n int64
	// err is the first error other than io.EOF, already classified.
	err error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = sourceError(err)
		err = s.err
	}
	return n, err
}

// sourceError classifies what a reader returned: the errors of another decoder
// of ours keep their meaning when readers are stacked.
func sourceError(err error) error {
	if _, ok := errors.AsType[*SourceError](err); ok || errors.Is(err, ErrFormat) || errors.Is(err, ErrLimit) {
		return err
	}
	return &SourceError{err}
}
