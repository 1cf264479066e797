package pipeline

import (
	"context"
	"path"
	"reflect"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// Removal is what to take out of the indexes.
type Removal struct {
	// Patterns are [path.Match]'s, for names of binary packages. A source goes with its
	// last binary.
	Patterns []string
	// Sources picks whole sources, if there are no patterns.
	Sources index.Selector
	// Purge deletes the files at once, with no grace time. No undo brings them back.
	Purge bool
	// Agreed, if not nil, are the lines of the report that somebody has agreed to: if
	// it has become something else, nothing is removed.
	Agreed []report.Package
}

// Remove takes the sources that sel picks, with all their binaries, out of the
// indexes. Their files stay for the grace time.
func Remove(ctx context.Context, r *repo.Repo, sel index.Selector, opt Options) (report.Report, error) {
	return RemovePackages(ctx, r, Removal{Sources: sel}, opt)
}

// RemovePackages carries a removal out. Its findings warn of packages that stay and
// depend on one that goes.
func RemovePackages(ctx context.Context, r *repo.Repo, rm Removal, opt Options) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: r.Path, Architecture: r.Arch}
	intent, refused, err := rm.intent(r)
	if err != nil {
		return rep, err
	}
	if len(refused) > 0 {
		rep.Result, rep.Findings = report.Rejected, refused
		return rep, nil
	}
	verifiers, err := opt.verifiers(r, rm.verifiers(r.Arch))
	if err != nil {
		return rep, err
	}
	return edit(ctx, r, fixed(step{Intent: intent, Folder: ".", Purge: rm.Purge}), verifiers, opt, rep)
}

// Heal writes the indexes anew, every stanza in a form that the real client reads.
func Heal(ctx context.Context, r *repo.Repo, opt Options) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: r.Path, Architecture: r.Arch}
	return edit(ctx, r, fixed(step{Intent: plan.Intent{Heal: &plan.Healing{}}, Folder: "."}), nil, opt, rep)
}

// edit makes a change that places no file.
func edit(ctx context.Context, r *repo.Repo, p proposal, verifiers []verify.Named, opt Options, rep report.Report) (report.Report, error) {
	one := &part{repo: r, opt: opt, proposal: p, verifiers: verifiers, rep: rep}
	if !opt.DryRun {
		if err := r.Prepare(); err != nil {
			return rep, err
		}
		stage, err := r.NewStage()
		if err != nil {
			return rep, err
		}
		one.staged = staged{dir: stage.Dir, stage: stage}
		defer one.staged.discard()
	}
	err := change(ctx, []*part{one})
	return one.rep, err
}

// intent finds the packages that the patterns mean now; a pattern that means none
// refuses.
func (rm Removal) intent(r *repo.Repo) (plan.Intent, []report.Finding, error) {
	if len(rm.Patterns) == 0 {
		return plan.Intent{Remove: &rm.Sources}, nil, nil
	}
	view, err := index.Open(r.FS)
	if err != nil {
		return plan.Intent{}, nil, r.Tell("plan", err)
	}
	var d plan.Drop
	met := make([]bool, len(rm.Patterns))
	for b, err := range view.All() {
		if err != nil {
			return plan.Intent{}, nil, r.Tell("plan", err)
		}
		for i, p := range rm.Patterns {
			if ok, err := path.Match(p, b.Name); ok && err == nil {
				met[i] = true
				if !slices.Contains(d.Names, b.Name) {
					d.Names = append(d.Names, b.Name)
				}
			}
		}
	}
	return plan.Intent{Drop: &d}, unmet(rm.Patterns, met), nil
}

// unmet refuses each pattern that meets no package.
func unmet(patterns []string, met []bool) []report.Finding {
	var refused []report.Finding
	for i, p := range patterns {
		if !met[i] {
			refused = append(refused, report.Finding{
				Code: report.CodeNoMatch, Severity: report.SeverityError,
				Message: "no package is published with a name like " + p,
				Hint:    "`mmpush list` shows what is published",
			})
		}
	}
	return refused
}

func (rm Removal) verifiers(arch string) []verify.Named {
	if rm.Agreed == nil {
		return nil
	}
	return []verify.Named{{Name: "agreed", Verifier: agreed{rm.Agreed, arch}}}
}

// agreed refuses a plan that is not the one that somebody has agreed to.
type agreed struct {
	lines []report.Package
	arch  string
}

var _ verify.PlanVerifier = agreed{}

// Verify implements [verify.Verifier].
func (agreed) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

// VerifyPlan implements [verify.PlanVerifier].
func (a agreed) VerifyPlan(_ context.Context, _ index.View, p plan.Plan) ([]report.Finding, error) {
	lines := slices.Clone(p.Packages)
	for i := range lines {
		if lines[i].Kind == report.Binary {
			lines[i].Architecture = a.arch
		}
	}
	if reflect.DeepEqual(lines, a.lines) {
		return nil, nil
	}
	return []report.Finding{{
		Code: report.CodeMoved, Severity: report.SeverityError,
		Message: "the repository has changed since the question was asked, so it would be something else that goes",
		Hint:    "run the same command again, and look at what it shows",
	}}, nil
}
