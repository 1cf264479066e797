package syncdb

import (
	"context"
	"io"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Request is what somebody wants changed in a pacman repository.
type Request struct {
	Add    []Source
	Remove []string
	// PreventDowngrade refuses versions that are older than what is published.
	PreventDowngrade bool
	// TakeOver asks for packages whose names belong to another pkgbase.
	TakeOver bool
	Options
}

// Options are how a change is made.
type Options struct {
	// Who and Transport go into the history.
	Who, Transport string
	// DryRun ends ahead of the lock and writes nothing.
	DryRun bool
	// LockWait bounds the waiting for the lock, and for the clock.
	LockWait time.Duration
	// Program names us to those who wait; Waiting is told who holds the lock, nil is
	// allowed.
	Program string
	Waiting func(holder string)
	// Limits bound what archives may hold; the zero value is what the settings say.
	Limits archive.Limits
	// Sign makes a detached, binary OpenPGP signature of what it reads. Nil: the databases
	// are not signed, and those that are signed are not replaced; [Unsigned] says that they
	// are not to be signed any more.
	Sign Signer
	// Signers makes the Signer for the key that the repository's settings name, where Sign
	// is nil; for no key it is nil.
	Signers func(key string) Signer
	// Rights says what somebody who brings a package lacks for it; nil is nothing. It is
	// asked on what the package says of itself, and on what it replaces.
	Rights func(who string, needs []access.Need) []report.Finding
	// Required makes the verifiers that the repository's settings ask for; nil: a
	// repository that asks for any is not changed.
	Required func(*repo.Repo) ([]Named, error)
	// KeepOld is how many older versions of each package stay beyond the grace time; nil
	// is the repository's setting.
	KeepOld *int
}

// Signer makes a detached, binary OpenPGP signature of a text.
type Signer func(ctx context.Context, text io.Reader) ([]byte, error)

// Unsigned is the [Signer] that makes none.
func Unsigned(context.Context, io.Reader) ([]byte, error) { return nil, nil }

// Outcome is the report, and which of the sources are settled: their packages are
// served now, so that whoever keeps them waiting can let them go.
type Outcome struct {
	report.Report
	Settled []Settled `json:"-"`
}

// Settled is a source whose package is served, and the files that were read.
type Settled struct {
	Source
	Package, Signature repo.Identity
}
