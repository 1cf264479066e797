package pipeline

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
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
	// Later is for Prepare: what is staged becomes durable by [Prepared.Settle].
	Later bool
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
	// Views, if not nil, is what [Prepare] looks into, and what [CommitGroup] tells that
	// it is at work.
	Views *Views
	// Stages, if not nil, are where [Prepare] stages an upload.
	Stages *Stages
	// oneChange makes one change of the history of all steps.
	oneChange bool
	// own: the upload will be one of a group.
	own bool
	// named are the files of a repository of which only the indexes are at hand.
	named map[string]plan.Taken
}

// Target is one of several repositories, and what it is to take of an upload.
type Target struct {
	Repo *repo.Repo
	Request
}

// Publish is the line. A refusal is a report with the result rejected and the
// findings that refuse; an error means that the work could not be done.
func Publish(ctx context.Context, r *repo.Repo, req Request) (report.Report, error) {
	if kind := r.Format.Kind(); kind != (Mmpack{}).Kind() {
		return report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: req.Upload.Name, Architecture: r.Arch, Findings: []report.Finding{{
			Code: report.CodeNoRepo, Severity: report.SeverityError, File: req.Upload.Name,
			Message: "the repository holds packages of " + kind + ", and takes no manifest", Hint: "push it to a repository of kind mmpack",
		}}}, nil
	}
	reports, err := PublishAll(ctx, []Target{{r, req}})
	return reports[0], err
}

// PublishAll is the line for several repositories, each of its own architecture, as one
// decision: all of them serve their part of an upload afterwards, or none does. The
// reports are in the order of the targets; if one is refused, all are.
func PublishAll(ctx context.Context, targets []Target) ([]report.Report, error) {
	parts := make([]*part, len(targets))
	defer discard(parts)
	for i, t := range targets {
		var err error
		if parts[i], err = receive(ctx, t.Repo, t.Request); err != nil {
			return reports(parts), err
		}
	}
	if refused(parts) {
		return rejected(parts), nil
	}
	err := change(ctx, parts)
	return reports(parts), err
}

// receive is the first half of the line, for one repository: it brings the upload and
// verifies it.
func receive(ctx context.Context, r *repo.Repo, req Request) (*part, error) {
	p := &part{repo: r, opt: req.Options}
	verifiers, err := req.verifiers(r, req.Verifiers)
	if err != nil {
		return p, err
	}
	if req.Views == nil {
		p.reading = startReading(r)
	}
	u, s, err := bring(ctx, r, req)
	if err != nil {
		return p, err
	}
	p.staged, p.verifiers = s, verifiers
	p.rep = report.Report{Schema: report.Schema, Manifest: u.Name, Repository: r.Path, Architecture: r.Arch}
	found, err := verify.Run(ctx, u, r.Arch, verifiers)
	p.rep.Findings = append(s.notes, found...)
	if err != nil {
		return p, err
	}
	add := step{Intent: plan.Intent{Add: addition(u, r.Arch, req.Requests)}, Folder: ".", Who: req.Who, Transport: req.Transport, Own: req.own}
	add.judged(verifiers, found)
	p.proposal = fixed(add)
	return p, nil
}

// change takes steps from the plan to the report: the second half of the line, for
// whatever wants to change one repository or several.
func change(ctx context.Context, parts []*part) error {
	defer closeDrafts(parts)
	for _, p := range parts {
		if err := p.draw(ctx); err != nil {
			return err
		}
	}
	if parts[0].opt.DryRun || refused(parts) || settled(parts) {
		return tell(parts)
	}
	g, err := commit.BeginAll(ctx, repositories(parts), CommitOptions(parts[0].opt))
	if err != nil {
		return err
	}
	defer g.Close()
	for i, p := range parts {
		if err := p.again(ctx, g.Txs[i]); err != nil {
			return err
		}
	}
	if refused(parts) || idle(parts) {
		return tell(parts)
	}
	changes := make([]commit.Change, len(parts))
	for i, p := range parts {
		if changes[i], err = p.change(); err != nil {
			return err
		}
	}
	generations, err := g.Commit(ctx, changes)
	if err != nil {
		dropCaches(parts, err)
		return err
	}
	for i, p := range parts {
		p.published(g.Txs[i], changes[i], generations[i])
	}
	return nil
}
