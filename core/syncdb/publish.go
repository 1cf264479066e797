package syncdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Publish takes packages in and out. A refusal is a report with the result rejected and
// the findings that refuse; an error means that the work could not be done.
func Publish(ctx context.Context, r *repo.Repo, req Request) (Outcome, error) {
	g, out, err := begin(r, req.Options)
	if err != nil {
		return out, err
	}
	defer g.discard()
	g.wish.Remove, g.wish.PreventDowngrade, g.wish.TakeOver = req.Remove, req.PreventDowngrade, req.TakeOver
	err = g.bring(ctx, req.Add)
	out.Findings = g.findings
	if err != nil {
		return out, err
	}
	if report.Refused(out.Findings) {
		out.Result = report.Rejected
		return out, nil
	}
	err = g.change(ctx, &out)
	return out, err
}

// begin begins a change, and its report.
func begin(r *repo.Repo, opt Options) (*gensync, Outcome, error) {
	out := Outcome{Report: report.Report{Schema: report.Schema, Repository: r.Path, Architecture: r.Arch}}
	f, ok := r.Format.(Format)
	if !ok {
		return nil, out, fmt.Errorf("%s is no repository of pacman", r.Path)
	}
	if opt.Limits == (archive.Limits{}) {
		opt.Limits = r.Settings.Limits
	}
	if opt.Sign == nil && opt.Signers != nil {
		opt.Sign = opt.Signers(r.Settings.Sign)
	}
	verifiers, err := required(r, opt)
	if err != nil {
		return nil, out, err
	}
	return &gensync{Format: f, repo: r, opt: opt, verifiers: verifiers, seen: map[string]seenFile{}, wish: wish{Who: opt.Who, Transport: opt.Transport}}, out, nil
}

// gensync is one change on its way.
type gensync struct {
	Format
	repo *repo.Repo
	opt  Options
	wish wish
	// verifiers are those that the repository's settings ask for.
	verifiers []Named

	stage    *repo.Stage
	arrivals []arrival
	findings []report.Finding
	// left is why packages that stand for themselves are left out.
	left []report.Finding

	seen map[string]seenFile
	// linked: all the names are there that clients ask for.
	linked bool
	// snap and verdict are the plan, and what it was made on.
	snap    *snapshot
	verdict verdict
	// agreed are the lines of the report that somebody has agreed to; nil: nobody was
	// asked.
	agreed []report.Package
	// published is the folder of the new databases, and pieces what they are cut into.
	published string
	pieces    []piece
}

func (g *gensync) discard() {
	g.snap.close()
	if g.stage != nil {
		// What cannot be deleted now is swept by the next commit.
		_ = g.stage.Discard()
	}
}

// stageDir is the folder of the stage; empty in a dry run.
func (g *gensync) stageDir() string {
	if g.stage == nil {
		return ""
	}
	return g.stage.Dir
}

// bring reads the sources, each once, into a stage.
func (g *gensync) bring(ctx context.Context, sources []Source) error {
	var to vfs.FS
	if !g.opt.DryRun {
		if err := g.repo.Prepare(); err != nil {
			return err
		}
		var err error
		if g.stage, err = g.repo.NewStage(); err != nil {
			return err
		}
		to = g.repo.FS
	}
	before := map[string][]Source{}
	for _, s := range sources {
		a := arrival{Source: s}
		same := before[s.Name()]
		before[s.Name()] = append(same, s)
		if len(same) > 0 && !(s.Alone && same[0].Alone) {
			a.refuse(report.CodeDuplicate, "a file of this name was given before", "", s.Name())
		} else {
			folder, err := g.apart(len(same))
			if err != nil {
				return err
			}
			if a, err = take(ctx, to, path.Join(g.stageDir(), folder), s, g.opt.Limits); err != nil {
				return err
			}
			if a.candidate != nil {
				a.candidate.Apart = folder
			}
			if err := g.verify(ctx, &a); err != nil {
				return err
			}
			a.read = nil // the entry has what is needed of it
		}
		g.arrive(a)
	}
	return nil
}

// apart is the folder of the stage for files of whose names there are so many already; empty
// is the stage itself.
func (g *gensync) apart(n int) (folder string, err error) {
	if n == 0 {
		return "", nil
	}
	folder = strconv.Itoa(n)
	if g.stage == nil {
		return folder, nil
	}
	err = g.repo.FS.Mkdir(path.Join(g.stageDir(), folder), g.repo.PrivateFolderMode())
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return folder, repo.DiskError("stage", g.repo.Path, err)
	}
	return folder, nil
}

// arrive notes a source that was read. One that stands for itself refuses nothing.
func (g *gensync) arrive(a arrival) {
	for _, f := range a.findings {
		if a.Alone && f.Refuses() {
			f.Severity = report.SeverityWarning
			f.Message += "; it is left where it is"
		}
		g.findings = append(g.findings, f)
	}
	if a.candidate != nil {
		g.arrivals = append(g.arrivals, a)
		g.wish.Put = append(g.wish.Put, *a.candidate)
	}
}

// change takes what was brought from the plan to the report.
func (g *gensync) change(ctx context.Context, out *Outcome) error {
	if err := g.decide(ctx); err != nil {
		return err
	}
	if g.opt.DryRun || g.refused() || g.idle() && g.linked && !g.repo.Unfinished() {
		g.tell(out)
		return nil
	}
	tx, err := commit.Begin(ctx, g.repo, CommitOptions(g.opt))
	if err != nil {
		return err
	}
	defer tx.Close()
	told := len(tx.Notes)
	out.Findings = append(out.Findings, tx.Notes...)
	if err := g.decide(ctx); err != nil {
		return err
	}
	if !g.linked {
		if err := g.makeLinks(g.repo.FS, g.snap.folder, repo.MetaDir, g.signs()); err != nil {
			return repo.DiskError("commit", g.repo.Path, err)
		}
	}
	if g.refused() || g.idle() {
		g.tell(out)
		return nil
	}
	c, err := g.prepare(ctx, g.stage.Dir)
	if err != nil {
		return err
	}
	generation, err := tx.Commit(ctx, c)
	if err != nil {
		return err
	}
	g.saveTable()
	g.unlink()
	g.tell(out)
	out.Generation, out.Time = generation.Number, generation.Time
	if err := errors.Join(tx.Expire(), g.sweep()); err != nil {
		out.Findings = append(out.Findings, notExpired(err))
	}
	out.Findings = append(out.Findings, tx.Notes[told:]...)
	return nil
}

// draw plans on what is there now.
func (g *gensync) draw() error {
	fail := func(err error) error { return g.repo.Tell("plan", g.readError(err)) }
	err := g.checkLinks(g.repo.FS, false)
	if g.linked = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	now, err := repo.Identify(g.repo.FS, g.current())
	if err != nil {
		return fail(err)
	}
	if g.snap == nil || g.snap.link != now {
		g.snap.close()
		if g.snap, err = g.read(g.repo.FS); err != nil {
			return g.repo.Tell("plan", err)
		}
	}
	if g.signs() {
		err = g.checkLinks(g.repo.FS, true)
		if g.linked = err == nil; err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fail(err)
		}
	}
	s := g.repo.Settings
	g.verdict, err = plan(g.snap.view, g.wish, rules{g.repo.Arch, s.Downgrade, s.TakeOver, g.keepOld()}, beside{g.at, g.versions, g.opt.Rights})
	g.verdict.findings = append(g.verdict.findings, g.disagrees()...)
	switch {
	case errors.Is(err, ErrDatabase):
		return fail(err)
	case err != nil:
		return repo.DiskError("plan", g.repo.Path, err)
	}
	return nil
}

func (g *gensync) refused() bool { return report.Refused(g.verdict.findings) }

// idle reports whether the plan changes nothing.
func (g *gensync) idle() bool { return len(g.verdict.edit.Put) == 0 && len(g.verdict.edit.Drop) == 0 }

// tell fills the report in.
func (g *gensync) tell(out *Outcome) {
	out.Findings = append(out.Findings, g.verdict.findings...)
	switch {
	case g.refused():
		out.Result = report.Rejected
		return
	case g.idle():
		out.Result = report.Unchanged
	case g.opt.DryRun:
		out.Result = report.Planned
	case len(g.verdict.edit.Put) == 0:
		out.Result = report.Removed
	default:
		out.Result = report.Published
	}
	for _, l := range g.verdict.packages {
		out.Packages = append(out.Packages, l.Package)
	}
	for _, p := range g.verdict.puts {
		out.BytesAdded += p.Size
	}
	for _, p := range g.verdict.retires {
		out.BytesRetired += p.Size
	}
	for _, a := range g.arrivals {
		if g.verdict.settled[a.candidate.at()] && !g.opt.DryRun {
			out.Settled = append(out.Settled, Settled{a.Source, a.identity, a.signature})
		}
	}
}

func notExpired(err error) report.Finding {
	return report.Finding{
		Code: report.CodeDisk, Severity: report.SeverityWarning,
		Message: "files that are no longer needed could not be deleted: " + err.Error(),
		Hint:    "the publish itself is complete; the next one tries again",
	}
}
