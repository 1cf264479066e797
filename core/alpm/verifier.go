package alpm

import (
	"context"
	"io"

	"github.com/mmpush/mmpush/core/report"
)

// Arrived is a package that somebody wants published, read and found sound.
type Arrived struct {
	*Package
	// Name is that of its file, Size the file's in bytes.
	Name        string
	Size        int64
	Compression Compression
	// Signature is the detached, binary OpenPGP signature; empty if there is none.
	Signature []byte
	// Open reads the file's bytes again, from the first on: those that are published.
	Open func() (io.ReadCloser, error)
}

// Verifier is a rule about packages, ahead of the lock. A finding is an answer; an error
// means that the check itself broke.
type Verifier interface {
	VerifyPackage(ctx context.Context, p Arrived) ([]report.Finding, error)
}

// Change is what is about to become of one package.
type Change struct {
	report.Package
	// Source is the pkgbase, and Was that of the package which it takes the place of; it
	// is empty if there is none.
	Source, Was string
	// New: nothing that was built from the pkgbase is published yet.
	New bool
}

// ChangeVerifier is what a Verifier can be that has rules about what happens to published
// packages: it is asked ahead of the lock, and under it if the plan is another.
type ChangeVerifier interface {
	Verifier
	VerifyChanges(ctx context.Context, list []Change) ([]report.Finding, error)
}
