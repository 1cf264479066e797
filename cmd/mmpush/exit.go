package main

import (
	"context"
	"errors"
	"slices"

	"github.com/mmpush/mmpush/core/report"
)

// The exit codes. They are stable.
const (
	// exitDone: done, or already identical.
	exitDone = 0
	// exitInternal: a defect of mmpush, or a machine that misbehaves.
	exitInternal = 1
	// exitUsage: the command line, or a configuration, is wrong.
	exitUsage = 2
	// exitRejected: verification or policy says no.
	exitRejected = 3
	// exitConflict: the same name and version is there with other bytes, or
	// belongs to another source.
	exitConflict = 4
	// exitDenied: authentication or rights.
	exitDenied = 5
	// exitTransport: the way to the repository failed; it can be resumed.
	exitTransport = 6
	// exitBusy: a lock, a quota or a clock says: try later.
	exitBusy = 7
	// exitAccepted: the files have arrived; they are not public yet, or nobody can tell.
	exitAccepted = 8
	// exitStopped: interrupted.
	exitStopped = 130
)

// exitMeaning says what a code means.
type exitMeaning struct {
	code  int
	means string
}

// exitMeanings are those of all codes, for people.
func exitMeanings() []exitMeaning {
	return []exitMeaning{
		{exitDone, "Done, or already identical."},
		{exitInternal, "A defect of mmpush, or a machine that misbehaves."},
		{exitUsage, "The command line or the configuration is wrong."},
		{exitRejected, "Rejected by verification or policy."},
		{exitConflict, "A conflict: published already with other bytes, or by another source."},
		{exitDenied, "Authentication or rights."},
		{exitTransport, "The way to the repository failed; run it again to resume."},
		{exitBusy, "Busy, such as a lock or a quota: try later."},
		{exitAccepted, "Accepted, and not yet public."},
		{exitStopped, "Interrupted."},
	}
}

// severity is the order of the exit codes for a run with several manifests: the
// worst last. What says least about the uploads that were not reached is worst; a
// refusal, which says all, is the mildest.
func severity(code int) int {
	return slices.Index([]int{
		exitDone, exitAccepted, exitRejected, exitConflict, exitBusy, exitTransport, exitDenied, exitUsage, exitInternal, exitStopped,
	}, code)
}

// worse returns the worse of two exit codes.
func worse(a, b int) int {
	if severity(a) > severity(b) {
		return a
	}
	return b
}

// exitOfKind is the exit code of a class of failure.
func exitOfKind(k report.Kind) int {
	switch k {
	case report.KindUsage:
		return exitUsage
	case report.KindRejected:
		return exitRejected
	case report.KindConflict:
		return exitConflict
	case report.KindDenied:
		return exitDenied
	case report.KindTransport:
		return exitTransport
	case report.KindBusy:
		return exitBusy
	}
	return exitInternal
}

// exitOfError is the exit code of an error.
func exitOfError(err error) int {
	if stopped(err) {
		return exitStopped
	}
	return exitOfKind(report.KindOf(err))
}

// stopped reports whether the work ended because somebody interrupted it.
func stopped(err error) bool {
	return errors.Is(err, context.Canceled) || report.CodeOf(err) == report.CodeStopped
}

// exitOfReport is the exit code of an answer: a refusal is one for lack of rights, or a
// conflict, only if nothing else refuses.
func exitOfReport(rep report.Report) int {
	switch rep.Result {
	case report.Accepted:
		return exitAccepted
	case report.Rejected:
	default:
		return exitDone
	}
	code := exitConflict
	for _, f := range rep.Findings {
		if !f.Refuses() {
			continue
		}
		switch f.Code.Kind() {
		case report.KindConflict:
		case report.KindDenied:
			code = exitDenied
		default:
			return exitRejected
		}
	}
	return code
}
