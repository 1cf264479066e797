package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// Verifier is one check of an upload beyond the built-in ones, such as a
// signature, a licence or a size policy.
//
// A finding is an answer: it refuses the upload, or warns, by its severity. An
// error means that the check itself broke, and the publish fails closed. Verify
// gets only an upload that the built-in checks have found sound: each file was
// read and is what the manifest declares. It must not change u, it may be called
// by several goroutines at once, and it returns soon after ctx ends.
type Verifier interface {
	Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error)
}

// PlanVerifier is what a [Verifier] can be besides, if its rule needs to know
// what is published and what would change. It is called before the lock and, if
// the repository has moved, once more under it: there everybody waits for it.
type PlanVerifier interface {
	VerifyPlan(ctx context.Context, v index.View, p plan.Plan) ([]report.Finding, error)
}

// Named is a verifier with the name under which its findings are told.
type Named struct {
	Name     string
	Verifier Verifier
	// Version says which version of it answers, for the history; empty if that is not
	// to be recorded.
	Version string
	// Warn has it refuse nothing: its findings become warnings, and so does its own
	// failure.
	Warn bool
}

// ask puts a question to each of the verifiers, all at once. The findings are in
// the order of the verifiers; the error is of the first of them that broke.
func ask(verifiers []Named, question func(Named) ([]report.Finding, error)) ([]report.Finding, error) {
	answers := make([][]report.Finding, len(verifiers))
	errs := make([]error, len(verifiers))
	var all sync.WaitGroup
	for i, v := range verifiers {
		all.Go(func() { answers[i], errs[i] = guard(v, question) })
	}
	all.Wait()
	var findings []report.Finding
	for i, v := range verifiers {
		if err := errs[i]; err != nil && (!v.Warn || interrupted(err)) {
			return findings, broken(v.Name, err)
		} else if err != nil {
			answers[i] = []report.Finding{{Code: report.CodeOf(err), Message: broken(v.Name, err).Err.Error()}}
		}
		for _, f := range answers[i] {
			f.Verifier = v.Name
			if v.Warn && f.Refuses() {
				f.Severity = report.SeverityWarning
			}
			findings = append(findings, f)
		}
	}
	return findings, nil
}

// interrupted reports whether it was the caller who ended the work.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// broken is about a verifier that gave no answer. What it says itself of its failure
// holds.
func broken(name string, err error) *report.Error {
	e := &report.Error{Stage: "verify", Code: report.CodeOf(err), Kind: report.KindOf(err),
		Err:  fmt.Errorf("the verifier %s broke: %w", name, err),
		Hint: "nothing is published without an answer of every verifier; repair it, or take it out of the configuration"}
	if told, ok := errors.AsType[*report.Error](err); ok && told.Hint != "" {
		e.Hint = told.Hint
	}
	return e
}

// guard turns a panic into an error: one verifier's defect does not take a server
// down.
func guard(v Named, question func(Named) ([]report.Finding, error)) (answer []report.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("defect: %v", p)
		}
	}()
	return question(v)
}
