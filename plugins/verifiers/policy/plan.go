package policy

import (
	"context"
	"fmt"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
)

// VerifyPlan implements [verify.PlanVerifier].
func (v *Verifier) VerifyPlan(ctx context.Context, view index.View, p plan.Plan) ([]report.Finding, error) {
	if len(v.Changes) == 0 {
		return nil, nil
	}
	r := &refusals{v: v}
	after, before := sources(p)
	for _, line := range p.Packages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		was, now := before[line.Name], after[line.Name]
		if line.Kind == report.Source {
			was, now = line.Name, line.Name
		}
		if now == "" {
			now = was
		}
		switch line.Action {
		case report.ActionDowngrade:
			r.add(now, downgrade, line.Name, fmt.Sprintf("%s would go back from %s to %s", line.Name, line.Previous, line.Version))
		case report.ActionRebuild:
			r.add(now, rebuild, line.Name, fmt.Sprintf("%s %s is published with other bytes", line.Name, line.Version))
		case report.ActionRemove:
			r.add(was, remove, line.Name, fmt.Sprintf("%s %s would be removed", line.Name, line.Version))
		}
		if was != "" && now != was {
			r.add(was, takeOver, line.Name, fmt.Sprintf("%s belongs to the source %s, and would go to %s", line.Name, was, now))
		}
	}
	for _, s := range append(p.Edit.AppendSources[:len(p.Edit.AppendSources):len(p.Edit.AppendSources)], inserted(p.Edit)...) {
		known, err := view.Sources(index.Selector{Name: s.Name})
		if err != nil {
			return nil, err
		}
		if len(known) == 0 {
			r.add(s.Name, isNew, s.Name, fmt.Sprintf("no source named %s is published yet", s.Name))
		}
	}
	return r.findings, nil
}

// refusals are what the rules about changes forbid.
type refusals struct {
	v        *Verifier
	findings []report.Finding
}

func (r *refusals) add(source, what, field, message string) {
	if r.v.forbids(source, what) {
		r.findings = append(r.findings, report.Finding{
			Code: report.CodePolicyChange, Severity: report.SeverityError, Field: field, Expected: "no " + what + " of " + source,
			Message: message, Hint: "the rule is in the repository's settings (changes of the verifier policy); no flag lifts it",
		})
	}
}

// sources are those that binary packages belong to, by the package's name, after the
// change and before it.
func sources(p plan.Plan) (after, before map[string]string) {
	after, before = map[string]string{}, map[string]string{}
	for _, list := range [][]index.Binary{p.Edit.ReplaceBinaries, p.Edit.AppendBinaries} {
		for _, b := range list {
			after[b.Name] = b.Source
		}
	}
	for _, i := range p.Edit.InsertBinaries {
		after[i.Binary.Name] = i.Binary.Source
	}
	for _, d := range p.Dropped {
		if d.Binary != nil {
			before[d.Binary.Binary.Name] = d.Binary.Binary.Source
		}
	}
	return after, before
}

func inserted(e index.Edit) []index.Source {
	var list []index.Source
	for _, i := range e.InsertSources {
		list = append(list, i.Source)
	}
	return list
}
