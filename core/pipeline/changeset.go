package pipeline

import (
	"context"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// ChangeSet is several changes that become visible at once, or not at all: additions
// and removals, each planned on what those before it leave, and one commit. It holds
// the repository's lock from its beginning to its end.
type ChangeSet struct {
	// Notes tell what recovery did at the beginning.
	Notes []report.Finding

	repo  *repo.Repo
	opt   Options
	tx    *commit.Tx
	stage staged
	draft *draft
	taken *taken
	// settling makes durable what was staged.
	settling *upload.Settling
	shelf    *shelf
}

// BeginChanges takes the lock. The change set ends with Commit or Rollback, one of
// which has to be called.
func BeginChanges(ctx context.Context, r *repo.Repo, opt Options) (*ChangeSet, error) {
	if err := r.Prepare(); err != nil {
		return nil, err
	}
	stage, err := r.NewStage()
	if err != nil {
		return nil, err
	}
	opt.oneChange = true
	c := &ChangeSet{repo: r, opt: opt, stage: staged{dir: stage.Dir, stage: stage}, taken: newTaken(r.FS), settling: upload.NewSettling(), shelf: newShelf()}
	if c.tx, err = begin(ctx, r, opt); err != nil {
		c.stage.discard()
		return nil, err
	}
	c.Notes = c.tx.Notes
	if c.draft, err = newDraft(r); err == nil {
		err = c.draft.complete(r)
	}
	if err != nil {
		c.Rollback()
		return nil, err
	}
	return c, nil
}

// Add verifies an upload and plans it into the change set. A refused one, and one
// that fails, leaves nothing of itself.
func (c *ChangeSet) Add(ctx context.Context, a *Arrival) (report.Report, error) {
	rep, err := c.add(ctx, a)
	if err != nil || rep.Result == report.Rejected {
		c.drop(a)
	}
	return rep, err
}

func (c *ChangeSet) add(ctx context.Context, a *Arrival) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Manifest: a.req.Upload.Name, Repository: c.repo.Path, Architecture: c.repo.Arch}
	if vfs.IsFull(a.err) {
		rep.Findings = c.readAgain(ctx, a)
	}
	if a.err != nil {
		return rep, a.err
	}
	verifiers, err := c.opt.verifiers(c.repo, a.req.Verifiers)
	if err != nil {
		return rep, err
	}
	found, err := verify.Run(ctx, a.upload, c.repo.Arch, verifiers)
	rep.Findings = append(rep.Findings, found...)
	if err != nil {
		return rep, err
	}
	if report.Refused(rep.Findings) {
		rep.Result = report.Rejected
		return rep, nil
	}
	add := step{Intent: plan.Intent{Add: addition(a.upload, c.repo.Arch, a.req.Requests)}, Folder: a.folder}
	add.judged(verifiers, found)
	return c.plan(ctx, add, verifiers, rep)
}

// Remove plans the removal of the sources that sel picks.
func (c *ChangeSet) Remove(ctx context.Context, sel index.Selector) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: c.repo.Path, Architecture: c.repo.Arch}
	verifiers, err := c.opt.verifiers(c.repo, nil)
	if err != nil {
		return rep, err
	}
	return c.plan(ctx, step{Intent: plan.Intent{Remove: &sel}, Folder: "."}, verifiers, rep)
}

// plan adds a step to the draft, or leaves the draft as it was.
func (c *ChangeSet) plan(ctx context.Context, s step, verifiers []verify.Named, rep report.Report) (report.Report, error) {
	next := c.draft.fork()
	if err := next.add(ctx, c.repo, s, c.taken, verifiers); err != nil {
		return rep, err
	}
	rep = next.last().report(rep, c.opt)
	if !next.refused() {
		c.draft = next
	}
	return rep, nil
}

// Commit publishes the change set and gives the lock back. A change set that changes
// nothing has generation 0.
func (c *ChangeSet) Commit(ctx context.Context) (report.Report, error) {
	defer c.Rollback()
	return c.commit(ctx)
}

func (c *ChangeSet) commit(ctx context.Context) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: c.repo.Path, Architecture: c.repo.Arch, Findings: c.Notes}
	if c.draft.idle() {
		rep.Result = report.Unchanged
		return rep, nil
	}
	change, err := c.draft.change(c.repo, c.stage.dir, c.opt)
	if err != nil {
		return rep, err
	}
	change.Settled = c.settling.Wait
	told := len(c.tx.Notes)
	generation, err := c.tx.Commit(ctx, change)
	if err != nil {
		dropCache(c.repo, err)
		return rep, err
	}
	c.draft.saveCache(c.repo)
	rep = c.draft.report(rep, c.opt)
	rep.Result, rep.Generation, rep.Time = report.Published, generation.Number, generation.Time
	if change.Foreign != nil {
		rep.Findings = append(rep.Findings, foreignNote(generation.Number))
	}
	if err := c.tx.Expire(); err != nil {
		rep.Findings = append(rep.Findings, notExpired(err))
	}
	rep.Findings = append(rep.Findings, c.tx.Notes[told:]...)
	return rep, nil
}

// Rollback forgets what is not committed and gives the lock back.
func (c *ChangeSet) Rollback() {
	// What is wrong with a file is said to whoever commits.
	_ = c.settling.Wait()
	// Closing gives the lock back even if the system complains about it.
	_ = c.tx.Close()
	if c.draft != nil {
		c.draft.close()
	}
	c.stage.discard()
}
