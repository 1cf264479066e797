package pipeline

import (
	"context"
	"errors"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// staged is where an upload's files wait for the commit; a dry run has none.
type staged struct {
	dir   string
	stage *repo.Stage
	// settling makes its files durable; nil if they are.
	settling *upload.Settling
	// stages are where it comes from, if not nil, and goes to when it is empty again.
	stages *Stages
	empty  bool
	// notes tell what the staging cost.
	notes []report.Finding
}

// settle returns when all files are durable.
func (s staged) settle() error {
	if s.settling == nil {
		return nil
	}
	return s.settling.Wait()
}

func (s staged) discard() {
	// Nobody needs them any more.
	_ = s.settle()
	if s.empty && s.stages.keep(s.stage) {
		return
	}
	if s.stage != nil {
		// What cannot be deleted now is swept by the next commit.
		_ = s.stage.Discard()
	}
}

// bring reads the upload once, into a stage of the repository; a dry run reads it
// in the same way and keeps nothing.
func bring(ctx context.Context, r *repo.Repo, req Request) (upload.Upload, staged, error) {
	opt := upload.Options{Limits: limitsOf(req.Options, r), Progress: req.Progress}
	if req.DryRun {
		u, err := upload.Inspect(ctx, req.Upload, []string{r.Arch}, opt)
		return u, staged{}, err
	}
	u, s, err := stageUpload(ctx, r, req, opt)
	if !vfs.IsFull(err) {
		return u, s, err
	}
	notes, roomErr := makeRoom(ctx, r, req)
	if roomErr != nil || notes == nil {
		return u, s, errors.Join(err, roomErr)
	}
	u, s, err = stageUpload(ctx, r, req, opt)
	s.notes = notes
	return u, s, err
}

// stageUpload reads the upload into a stage; a failed one leaves none.
func stageUpload(ctx context.Context, r *repo.Repo, req Request, opt upload.Options) (upload.Upload, staged, error) {
	stage, err := req.Stages.take(r)
	if err != nil {
		return upload.Upload{}, staged{}, err
	}
	s := staged{dir: stage.Dir, stage: stage, stages: req.Stages}
	if req.Later {
		s.settling = upload.NewSettling()
		opt.Settling = s.settling
	}
	u, err := upload.Stage(ctx, req.Upload, r.FS, stage.Dir, r.Arch, opt)
	if err != nil {
		s.discard()
		return upload.Upload{}, staged{}, err
	}
	return u, s, nil
}

// makeRoom frees, on a full disk, what an upload needs, and tells what that cost; nil
// is nothing.
func makeRoom(ctx context.Context, r *repo.Repo, req Request) ([]report.Finding, error) {
	tx, err := begin(ctx, r, req.Options)
	if err != nil {
		return nil, err
	}
	_, err = tx.MakeRoom(roomFor(req.Upload, r.Arch), nil)
	return tx.Notes, errors.Join(err, tx.Close())
}

// roomFor is what the files of an upload take.
func roomFor(u upload.Upload, arch string) commit.Room {
	packages := u.Manifest.Packages(arch)
	need := commit.Room{Bytes: 1<<20 + u.Manifest.Source.Size, Files: len(packages) + 8}
	for _, p := range packages {
		need.Bytes += p.File.Size
	}
	return need
}

// limitsOf are the limits on archives: the caller's, else those of the repository's
// settings; without a repository the default.
func limitsOf(opt Options, r *repo.Repo) archive.Limits {
	switch {
	case opt.Limits != archive.Limits{}:
		return opt.Limits
	case r != nil:
		return r.Settings.Limits
	}
	return archive.DefaultLimits()
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
	return commit.Begin(ctx, r, CommitOptions(opt))
}

// CommitOptions are how a commit in an mmpack repository begins, for callers that
// only want it recovered.
func CommitOptions(opt Options) commit.Options {
	return commit.Options{LockWait: opt.LockWait, Program: opt.Program, Waiting: opt.Waiting, Who: opt.Who, Replan: replanner(opt), Open: Open}
}

func notExpired(err error) report.Finding {
	return report.Finding{
		Code: report.CodeDisk, Severity: report.SeverityWarning,
		Message: "files that are no longer needed could not be deleted: " + err.Error(),
		Hint:    "the publish itself is complete; the next one tries again",
	}
}
