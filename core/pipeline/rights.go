package pipeline

import (
	"context"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// Rights judges, as one of the verifiers of a [Request], what a plan would do to what
// is published: before the lock and, if the repository has moved, under it. The
// declaration is judged before anything is read, with [DeclaredNeeds].
type Rights struct {
	Who access.Identity
	// Source is the uploaded source, Arch the repository's architecture.
	Source, Arch string
}

var (
	_ verify.Verifier     = Rights{}
	_ verify.PlanVerifier = Rights{}
)

// DeclaredNeeds are the rights that the upload of a source asks for by what it says.
func DeclaredNeeds(source, arch string) []access.Need {
	return []access.Need{{Action: access.Publish, Source: source, Arch: arch}}
}

// Verify implements [verify.Verifier]; the declaration was judged before.
func (Rights) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// VerifyPlan implements [verify.PlanVerifier].
func (r Rights) VerifyPlan(_ context.Context, _ index.View, p plan.Plan) ([]report.Finding, error) {
	return access.Check(r.Who, r.needs(p)), nil
}

// needs are the rights that a plan takes: over the uploaded source, and over every
// source whose packages it replaces or drops.
func (r Rights) needs(p plan.Plan) []access.Need {
	list := DeclaredNeeds(r.Source, r.Arch)
	found := func(a access.Action, source string) {
		list = append(list, access.Need{Action: a, Source: source, Arch: r.Arch, Found: true})
	}
	for _, line := range p.Packages {
		switch {
		case line.Action == report.ActionRebuild:
			found(access.Rebuild, r.Source)
		case line.Action == report.ActionDowngrade:
			found(access.Downgrade, r.Source)
		case line.Action == report.ActionRemove && line.Kind == report.Binary:
			// A package of this very version that the upload does not have.
			found(access.Rebuild, r.Source)
		}
	}
	for _, d := range p.Dropped {
		from := r.Source
		switch {
		case d.Binary != nil:
			from = d.Binary.Binary.Source
		case d.Source != nil:
			from = d.Source.Source.Name
		}
		if from != r.Source {
			found(access.TakeOver, r.Source)
			found(access.TakeOver, from)
		}
	}
	return list
}

// UndoRights judges, as one of the verifiers of an [UndoRequest], what an undo takes
// out and brings back: the right to undo is needed over each source of both.
type UndoRights struct {
	Who  access.Identity
	Arch string
}

var (
	_ verify.Verifier     = UndoRights{}
	_ verify.PlanVerifier = UndoRights{}
)

// Verify implements [verify.Verifier]; an undo has no upload.
func (UndoRights) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// VerifyPlan implements [verify.PlanVerifier].
func (r UndoRights) VerifyPlan(_ context.Context, _ index.View, p plan.Plan) ([]report.Finding, error) {
	var list []access.Need
	seen := map[string]bool{}
	need := func(source string) {
		if !seen[source] {
			seen[source] = true
			list = append(list, access.Need{Action: access.Undo, Source: source, Arch: r.Arch, Found: true})
		}
	}
	for _, d := range p.Dropped {
		if d.Binary != nil {
			need(d.Binary.Binary.Source)
		} else {
			need(d.Source.Source.Name)
		}
	}
	for _, a := range p.Added {
		if a.Kind == report.Binary {
			need(a.Source)
		} else {
			need(a.Name)
		}
	}
	return access.Check(r.Who, list), nil
}
