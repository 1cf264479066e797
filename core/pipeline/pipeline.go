package pipeline

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// Request is one upload on its way into one repository.
type Request struct {
	Upload   upload.Upload
	Requests plan.Requests
	// Verifiers run after the checks that cannot be switched off.
	Verifiers []verify.Named
	Options
}

// Options are how a change is made, whatever it is.
type Options struct {
	// Who and Transport go into the history.
	Who, Transport string
	// DryRun ends the line before the lock.
	DryRun bool
	// LockWait bounds the waiting for the lock.
	LockWait time.Duration
	// Program names us to those who wait.
	Program string
	// Waiting is told who holds the lock, once it takes noticeable time; nil is
	// allowed.
	Waiting func(holder string)
	// Limits bound what archives may hold; the zero value is what the settings say.
	Limits archive.Limits
	// Progress is called now and then while files are read; nil is allowed.
	Progress func(upload.Progress)
	// Required makes the verifiers that the repository's settings ask for, and whatever
	// else is asked about every change; nil: a repository that asks for any is not
	// changed.
	Required func(*repo.Repo) ([]verify.Named, error)
	// oneChange makes one change of the history of all steps.
	oneChange bool
	// named are the files of a repository of which only the indexes are at hand.
	named map[string]plan.Taken
}

// Publish is the line. A refusal is a report with the result rejected and the
// findings that refuse; an error means that the work could not be done.
func Publish(ctx context.Context, r *repo.Repo, req Request) (report.Report, error) {
	verifiers, err := req.verifiers(r, req.Verifiers)
	if err != nil {
		return report.Report{}, err
	}
	u, stage, err := bring(ctx, r, req)
	if err != nil {
		return report.Report{}, err
	}
	defer stage.discard()

	rep := report.Report{Schema: report.Schema, Manifest: u.Name, Repository: r.Path, Architecture: r.Arch}
	found, err := verify.Run(ctx, u, r.Arch, verifiers)
	rep.Findings = append(stage.notes, found...)
	if err != nil {
		return rep, err
	}
	if report.Refused(rep.Findings) {
		rep.Result = report.Rejected
		return rep, nil
	}
	add := step{Intent: plan.Intent{Add: addition(u, r.Arch, req.Requests)}, Folder: "."}
	add.judged(verifiers, found)
	return change(ctx, r, fixed(add), verifiers, stage.dir, req.Options, rep)
}

// change takes steps from the plan to the report: the second half of the line, for
// whatever wants to change a repository.
func change(ctx context.Context, r *repo.Repo, p proposal, verifiers []verify.Named,
	stage string, opt Options, rep report.Report) (report.Report, error) {
	taken := newTaken(r.FS)
	taken.named = opt.named
	d, err := draw(ctx, r, p, taken, verifiers)
	if err != nil {
		return rep, err
	}
	defer func() { d.close() }()
	if opt.DryRun || d.refused() || d.idle() && !unfinished(r) {
		return d.report(rep, opt), nil
	}

	tx, err := begin(ctx, r, opt)
	if err != nil {
		return rep, err
	}
	defer tx.Close()
	told := len(tx.Notes)
	rep.Findings = append(rep.Findings, tx.Notes...)
	if d, err = d.again(ctx, r, taken, verifiers); err != nil {
		return rep, err
	}
	if d.refused() || d.idle() {
		return d.report(rep, opt), nil
	}
	c, err := d.change(r, stage, opt)
	if err != nil {
		return rep, err
	}
	generation, err := tx.Commit(ctx, c)
	if err != nil {
		dropCache(r, err)
		return rep, err
	}
	d.saveCache(r)
	rep = d.report(rep, opt)
	rep.Generation, rep.Time = generation.Number, generation.Time
	if c.Foreign != nil {
		rep.Findings = append(rep.Findings, foreignNote(generation.Number))
	}
	if err := tx.Expire(); err != nil {
		rep.Findings = append(rep.Findings, notExpired(err))
	}
	rep.Findings = append(rep.Findings, tx.Notes[told:]...)
	return rep, nil
}
