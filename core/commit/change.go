package commit

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Change is everything that one commit does.
type Change struct {
	// Stage is the folder, below the repository, that holds the files of Puts.
	Stage string
	// Intent can be planned again by [Options].Replan.
	Intent json.RawMessage
	// Puts are the files to place.
	Puts []Put
	// Settled returns when the files of Puts are durable, or says why they cannot be; nil:
	// they are.
	Settled func() error
	// Switches are the index files to replace, in that order.
	Switches []Switch
	// Retires are published files that no index names after the change.
	Retires []Retire
	// Records are the history's changes: one for each upload or removal.
	Records []repo.Change
	// Names tells what the new index files name: that stays if the disk is full and
	// retired files have to go. Nil: none goes.
	Names Names
	// Foreign, if not nil, is what somebody else has made of the indexes since the last
	// generation: it becomes a generation of its own, ahead of this change's.
	Foreign *repo.Change
	// Clock bounds the modification times of the new index files.
	Clock Clock
}

// Clock is what a format asks of the modification time of its index files.
type Clock struct {
	// Step is how much later than the replaced file's it is at least.
	Step time.Duration
	// Limit is how far ahead of the machine's clock it may be.
	Limit time.Duration
}

// Put is one file to place.
type Put struct {
	// From is its path below the stage: a name, or a name in a folder there.
	From string `json:"from"`
	// To is its path below the repository.
	To     string `json:"to"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Switch is one index file to replace.
type Switch struct {
	Index string
	// Base is the file that the plan was made on; the zero one if there is none.
	Base repo.Identity
	// Write writes the new content; several switches are written at once. The writer is a
	// [vfs.File], so that what stays as it is can be copied by the system. sum returns its
	// SHA-256; it is called while the file is synced.
	Write func(io.Writer) (sum func() (string, error), err error)
	// Link, if it is not empty, makes the index a symbolic link that says this, a path
	// below the repository; Write is not called, and Clock says nothing about it.
	Link string
}

// Retire is one file to retire.
type Retire struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// Purge: the file has no grace time; it is deleted by the next expiry.
	Purge bool `json:"purge,omitempty"`
}

// Replan plans an intent again on the repository as it is now; the files are in
// the stage or, where an earlier attempt had placed them, at their targets. It
// runs under the lock. An error of kind [report.KindRejected] or
// [report.KindConflict] says that the intent no longer plans; any other stops the
// recovery and leaves it to the next run.
type Replan func(ctx context.Context, r *repo.Repo, intent json.RawMessage, stage string) (Change, error)

// Options are how to begin.
type Options struct {
	// LockWait bounds the waiting for the lock, and for the clock.
	LockWait time.Duration
	// Program names us to those who wait.
	Program string
	// Waiting is told who holds the lock, once it takes noticeable time.
	Waiting func(holder string)
	Replan  Replan
	// Open opens another repository of the same kind, which shares a decision; nil: a
	// change that waits for one cannot be finished from here.
	Open func(fsys vfs.FS, path string) (*repo.Repo, error)
	// Forget is a shared decision that is settled without the repositories that are
	// gone; Who is noted as the one who said so.
	Forget, Who string
}

// given up, as a report that is kept beside the files.
type rejection struct {
	Transaction string           `json:"transaction"`
	Time        time.Time        `json:"time"`
	Reason      string           `json:"reason"`
	Code        report.Code      `json:"code"`
	Findings    []report.Finding `json:"findings,omitempty"`
	Records     []repo.Change    `json:"records"`
}
