package server

import (
	"context"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// mayDeclare judges the rights on what is declared, before anything else is looked at.
func (in *intake) mayDeclare() error {
	if !in.who.IsOperator() && len(in.who.Rights()) == 0 {
		return &tupkg.Refusal{
			Code: tupkg.CodeDenied, Reason: "you have no right to publish anything here",
			Hint: "ask whoever runs the server for rights (`mmpush user rights`)",
		}
	}
	if in.manifest == nil {
		return nil
	}
	if found := access.Check(in.who, declaredNeeds(in.manifest, in.s.arch)); report.Refused(found) {
		return &tupkg.Refusal{Code: tupkg.CodeDenied, Reason: found[0].Message, Hint: found[0].Hint, Findings: found}
	}
	return nil
}

// declaredNeeds are the rights that a manifest asks for by what it says.
func declaredNeeds(m *manifest.Manifest, arch string) []access.Need {
	return []access.Need{{Action: access.Publish, Source: m.Name, Arch: arch}}
}

// planRights judges the rights on what a plan would do to what is published. It runs
// before the lock and, if the repository has moved, under it.
type planRights struct {
	who    access.Identity
	source string
	arch   string
}

var (
	_ verify.Verifier     = planRights{}
	_ verify.PlanVerifier = planRights{}
)

// Verify implements [verify.Verifier]; the declaration was judged before.
func (planRights) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// VerifyPlan implements [verify.PlanVerifier].
func (r planRights) VerifyPlan(_ context.Context, _ index.View, p plan.Plan) ([]report.Finding, error) {
	return access.Check(r.who, r.needs(p)), nil
}

// needs are the rights that a plan takes: over the uploaded source, and over every
// source whose packages it replaces or drops.
func (r planRights) needs(p plan.Plan) []access.Need {
	list := []access.Need{{Action: access.Publish, Source: r.source, Arch: r.arch}}
	found := func(a access.Action, source string) {
		list = append(list, access.Need{Action: a, Source: source, Arch: r.arch, Found: true})
	}
	for _, line := range p.Packages {
		switch {
		case line.Action == report.ActionRebuild:
			found(access.Rebuild, r.source)
		case line.Action == report.ActionDowngrade:
			found(access.Downgrade, r.source)
		case line.Action == report.ActionRemove && line.Kind == report.Binary:
			// A package of this very version that the upload does not have.
			found(access.Rebuild, r.source)
		}
	}
	for _, d := range p.Dropped {
		from := r.source
		switch {
		case d.Binary != nil:
			from = d.Binary.Binary.Source
		case d.Source != nil:
			from = d.Source.Source.Name
		}
		if from != r.source {
			found(access.TakeOver, r.source)
			found(access.TakeOver, from)
		}
	}
	return list
}
