package transport

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// Transport brings uploads to one target.
type Transport interface {
	// Push publishes the upload, or finds out why not. A refusal is a report; an
	// error means that the way there failed, or the machine at one of its ends.
	Push(ctx context.Context, u upload.Upload) (report.Report, error)
}

// Options are what a publisher can ask for, by whatever transport.
type Options struct {
	// Rebuild, Downgrade and TakeOver ask for what the repository's settings do
	// not allow unasked.
	Rebuild, Downgrade, TakeOver bool
	// DryRun does everything but publish.
	DryRun bool
	// LockWait bounds the waiting for the repository.
	LockWait time.Duration
	// Program names the caller to others who wait for the repository.
	Program string
	// Waiting is told who keeps the repository busy, once it takes noticeable time;
	// nil is allowed.
	Waiting func(holder string)
	// Progress is called now and then; nil is allowed.
	Progress func(upload.Progress)
}
