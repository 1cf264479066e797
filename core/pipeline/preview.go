package pipeline

import (
	"context"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Preview is a dry run where only the indexes of a repository and its metadata are at
// hand, such as a copy of what a web server shows: the files that they name are taken to
// be there. What the repository's settings forbid is not known; a rebuild, a downgrade or
// a take-over is planned, and told.
func Preview(ctx context.Context, r *repo.Repo, req Request) (report.Report, error) {
	named, err := namedFiles(r)
	if err != nil {
		return report.Report{}, err
	}
	anything := repo.Policy{{Pattern: "*", Mode: repo.Allow}}
	r.Settings.Rebuild, r.Settings.Downgrade, r.Settings.TakeOver = anything, anything, anything
	req.DryRun, req.named = true, named
	return Publish(ctx, r, req)
}

// namedFiles are the files that the indexes name, by path.
func namedFiles(r *repo.Repo) (map[string]plan.Taken, error) {
	view, err := View(r.FS)
	if err != nil {
		return nil, inRepo(r, err)
	}
	defer view.Close()
	named := map[string]plan.Taken{}
	for b, err := range view.All() {
		if err != nil {
			return nil, inRepo(r, err)
		}
		named[b.Filename] = plan.Taken{Exists: true, Size: b.Size, SHA256: b.SHA256}
	}
	sources, err := view.Sources(index.Selector{})
	if err != nil {
		return nil, inRepo(r, err)
	}
	for _, s := range sources {
		named[s.Filename] = plan.Taken{Exists: true, Size: s.Size, SHA256: s.SHA256}
	}
	return named, nil
}
