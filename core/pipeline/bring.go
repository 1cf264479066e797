package pipeline

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// staged is where an upload's files wait for the commit; a dry run has none.
type staged struct {
	dir   string
	stage *repo.Stage
}

func (s staged) discard() {
	if s.stage != nil {
		// What cannot be deleted now is swept by the next commit.
		_ = s.stage.Discard()
	}
}

// bring reads the upload once, into a stage of the repository; a dry run reads it
// in the same way and keeps nothing.
func bring(ctx context.Context, r *repo.Repo, req Request) (upload.Upload, staged, error) {
	opt := upload.Options{Limits: limitsOf(req.Options), Progress: req.Progress}
	if req.DryRun {
		u, err := upload.Inspect(ctx, req.Upload, []string{r.Arch}, opt)
		return u, staged{}, err
	}
	if err := r.Prepare(); err != nil {
		return upload.Upload{}, staged{}, err
	}
	stage, err := r.NewStage()
	if err != nil {
		return upload.Upload{}, staged{}, err
	}
	s := staged{stage.Dir, stage}
	u, err := upload.Stage(ctx, req.Upload, r.FS, stage.Dir, r.Arch, opt)
	if err != nil {
		s.discard()
		return upload.Upload{}, staged{}, err
	}
	return u, s, nil
}

// limitsOf are the limits on archives.
func limitsOf(opt Options) archive.Limits {
	if opt.Limits == (archive.Limits{}) {
		return archive.DefaultLimits()
	}
	return opt.Limits
}

// addition is what a verified upload wants published.
func addition(u upload.Upload, arch string, requests plan.Requests) *plan.Addition {
	packages := map[string]*mpk.Package{}
	for _, f := range u.Received {
		if f.Arch == arch {
			packages[f.PackageName] = f.Package
		}
	}
	a := plan.NewAddition(u.Manifest, u.Name, arch, packages, requests)
	return &a
}

// begin takes the lock and recovers.
func begin(ctx context.Context, r *repo.Repo, opt Options) (*commit.Tx, error) {
	return commit.Begin(ctx, r, CommitOptions(r, opt))
}

// CommitOptions are how a commit in an mmpack repository begins, for callers that
// only want it recovered.
func CommitOptions(r *repo.Repo, opt Options) commit.Options {
	return commit.Options{LockWait: opt.LockWait, Program: opt.Program, Waiting: opt.Waiting, Replan: replanner(r, opt)}
}

// unfinished reports whether an interrupted change waits for somebody to finish
// it: then what the indexes say is not the last word.
func unfinished(r *repo.Repo) bool {
	_, err := r.FS.Lstat(repo.JournalFile)
	return !errors.Is(err, fs.ErrNotExist)
}

func notExpired(err error) report.Finding {
	return report.Finding{
		Code: report.CodeDisk, Severity: report.SeverityWarning,
		Message: "files that are no longer needed could not be deleted: " + err.Error(),
		Hint:    "the publish itself is complete; the next one tries again",
	}
}
