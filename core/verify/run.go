package verify

import (
	"context"
	"fmt"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// Run checks an upload that has been read: the built-in checks for the packages of
// one architecture, or, if arch is empty, of all that were read; then, if nothing
// refuses the upload, the extra verifiers.
//
// The error is a *[report.Error] of stage "verify": a verifier broke, ctx ended, or
// u was not read for that architecture. Then the upload is not verified, whatever
// the findings say.
func Run(ctx context.Context, u upload.Upload, arch string, extra []Named) ([]report.Finding, error) {
	findings, err := builtin(u, arch)
	if err != nil {
		return nil, &report.Error{Stage: "verify", Code: report.CodeInternal, File: u.Name, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return findings, stopped(u.Name, err)
	}
	if report.Refused(findings) {
		return findings, nil
	}
	more, err := ask(extra, func(v Named) ([]report.Finding, error) { return v.Verifier.Verify(ctx, u) })
	return append(findings, more...), err
}

// RunPlan asks those of the verifiers that are a [PlanVerifier] about a plan; v is
// the published state that p was made on. Errors are as in [Run].
func RunPlan(ctx context.Context, v index.View, p plan.Plan, extra []Named) ([]report.Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, stopped("", err)
	}
	var able []Named
	for _, e := range extra {
		if _, ok := e.Verifier.(PlanVerifier); ok {
			able = append(able, e)
		}
	}
	return ask(able, func(e Named) ([]report.Finding, error) {
		return e.Verifier.(PlanVerifier).VerifyPlan(ctx, v, p)
	})
}

func stopped(file string, err error) error {
	return &report.Error{Stage: "verify", Code: report.CodeStopped, Kind: report.KindInternal, File: file, Err: err}
}

// errNotRead is about a caller that wants an upload verified which nobody has read.
func errNotRead(what string) error {
	return fmt.Errorf("%s was not read, so it cannot be verified", what)
}
