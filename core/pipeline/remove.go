package pipeline

import (
	"context"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Remove takes the sources that sel picks, with all their binaries, out of the
// indexes. Their files stay for the grace time.
func Remove(ctx context.Context, r *repo.Repo, sel index.Selector, opt Options) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: r.Path, Architecture: r.Arch}
	remove := step{plan.Intent{Remove: &sel}, "."}
	if opt.DryRun {
		return change(ctx, r, remove, nil, "", opt, rep)
	}
	if err := r.Prepare(); err != nil {
		return rep, err
	}
	stage, err := r.NewStage()
	if err != nil {
		return rep, err
	}
	defer staged{dir: stage.Dir, stage: stage}.discard()
	return change(ctx, r, remove, nil, stage.Dir, opt, rep)
}
