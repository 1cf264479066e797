package archive

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// Verdict turns what reading an archive ended with into a finding, if the archive is to
// blame; any other error comes back as it is. builder is the program that makes such
// archives. The finding has no File and no Field.
func Verdict(err error, builder string) (*report.Finding, error) {
	if _, ok := errors.AsType[*SourceError](err); ok {
		return nil, err
	}
	switch {
	case errors.Is(err, ErrLimit):
		return &report.Finding{
			Code:    report.CodeLimit,
			Message: "the package is " + err.Error(),
			Hint:    "if the package is meant to be like this, raise the limit in the repository's settings",
		}, nil
	case errors.Is(err, ErrFormat):
		return &report.Finding{
			Code:    report.CodePackage,
			Message: "the package cannot be read: " + strings.TrimPrefix(err.Error(), ErrFormat.Error()+": "),
			Hint:    "build the package again with " + builder + ", or copy it again",
		}, nil
	}
	return nil, err
}

// WithContext returns a reader that fails when ctx is done.
func WithContext(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
