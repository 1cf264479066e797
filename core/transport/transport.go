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
	// Progress is told how far the reading of the upload is, now and then; nil is
	// allowed.
	Progress func(upload.Progress)
	// Sending is told how far its way to another machine is; nil is allowed.
	Sending func(Sending)
	// Notice is told, in one sentence, what the user should know while the work goes
	// on, such as that a lost connection is tried again; nil is allowed.
	Notice func(text string)
}

// Sending is how far an upload is on its way.
type Sending struct {
	// Stage is empty while bytes are sent, then the other side's word for what it
	// does with them, such as "verify".
	Stage string
	// File is the base name of the file at work; Number is its place among Files,
	// from 1; both may be unknown.
	File          string
	Number, Files int
	// Done and Total are bytes over all files; what need not be sent is in neither.
	Done, Total int64
	// Skipped are the bytes that the other side had already.
	Skipped int64
}
