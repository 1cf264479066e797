package pipeline

import (
	"context"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strconv"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Prepared is an upload that was verified and planned, and waits for its commit. Its
// files lie in a stage of its own until [Prepared.Discard].
type Prepared struct {
	*part
	// step is what to plan, before any plan was judged; judged is it after.
	step, judged step
	// base, plan and findings are the plan that was made without the lock, on what.
	base     []repo.Identity
	plan     plan.Plan
	findings []report.Finding
}

// Discard deletes what was staged and not published. It has to be called.
func (p *Prepared) Discard() {
	p.staged.discard()
	p.staged = staged{}
}

// Settle makes durable what was staged, if [Request].Later has left that open. On a full
// disk the upload can be prepared again, without Later: then room is made for it.
func (p *Prepared) Settle() error { return p.staged.settle() }

// Prepare is the line up to the lock. What is refused, and what would change nothing,
// has its report already, and nothing is prepared; so has a dry run.
func Prepare(ctx context.Context, r *repo.Repo, req Request) (*Prepared, report.Report, error) {
	req.own = true
	p, err := receive(ctx, r, req)
	parts := []*part{p}
	if err == nil && !refused(parts) {
		err = p.draw(ctx)
	}
	if p.draft != nil {
		defer p.draft.close()
	}
	if err != nil {
		discard(parts)
		return nil, p.rep, err
	}
	if p.draft == nil {
		discard(parts)
		return nil, rejected(parts)[0], nil
	}
	if req.DryRun || refused(parts) || settled(parts) {
		err := tell(parts)
		discard(parts)
		return nil, p.rep, err
	}
	d := p.draft
	steps, _, err := p.proposal(d.first)
	if err != nil {
		discard(parts)
		return nil, p.rep, err
	}
	return &Prepared{part: p, step: steps[0], judged: d.steps[0], base: d.base, plan: d.plans[0], findings: d.findings}, p.rep, nil
}

// Outcome is what became of one upload of a group.
type Outcome struct {
	Report report.Report
	Err    error
}

// CommitGroup publishes uploads that are prepared with one commit: their plans are
// stacked, each on what those before it leave, and may be refused alone. All that are not
// become visible at once, as one generation with a change for each. An upload that a later
// one of the group replaces is published and retired by it, so that taking the later one
// back brings it back.
func CommitGroup(ctx context.Context, r *repo.Repo, opt Options, list []*Prepared) []Outcome {
	out := make([]Outcome, len(list))
	g, err := beginGroup(ctx, r, opt)
	if err != nil {
		return failed(out, err)
	}
	defer g.close()
	for i, p := range list {
		out[i] = g.add(ctx, p, i)
	}
	if err := g.commit(ctx, out); err != nil {
		return failed(out, err)
	}
	return out
}

// failed gives an error to all that would have been public.
func failed(out []Outcome, err error) []Outcome {
	for i := range out {
		if out[i].Err == nil && out[i].Report.Result != report.Rejected {
			out[i].Err = err
		}
	}
	return out
}

// group is a commit of several uploads on its way.
type group struct {
	repo  *repo.Repo
	opt   Options
	tx    *commit.Tx
	stage staged
	draft *draft
	taken *taken
	// names are those of the files in the stage.
	names map[string]bool
	// members are the uploads of the draft's steps, by their numbers.
	members []int
	// broken: files of one of them are neither here nor there, so that nothing can be
	// committed.
	broken error
}

func beginGroup(ctx context.Context, r *repo.Repo, opt Options) (*group, error) {
	if err := r.Prepare(); err != nil {
		return nil, err
	}
	stage, err := r.NewStage()
	if err != nil {
		return nil, err
	}
	g := &group{repo: r, opt: opt, stage: staged{dir: stage.Dir, stage: stage}, taken: newTaken(r.FS), names: map[string]bool{}}
	if g.tx, err = begin(ctx, r, opt); err != nil {
		g.stage.discard()
		return nil, err
	}
	if g.draft, err = newDraft(r); err == nil {
		err = g.draft.complete(r)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// close gives the lock back, and deletes what is left of the stage.
func (g *group) close() {
	// Closing gives the lock back even if the system complains about it.
	_ = g.tx.Close()
	if g.draft != nil {
		g.draft.close()
	}
	g.stage.discard()
}

// add plans one more upload, the i-th. A refused one, and one that fails, leaves nothing
// of itself.
func (g *group) add(ctx context.Context, p *Prepared, i int) Outcome {
	if err := p.Settle(); err != nil {
		return Outcome{p.rep, err}
	}
	maps.Copy(g.taken.seen, p.taken.seen)
	folder, files, err := g.place(p, i)
	if err != nil {
		return Outcome{p.rep, err}
	}
	steps := len(g.draft.steps)
	if err := g.plan(ctx, p, folder); err != nil {
		if len(g.draft.steps) > steps {
			g.draft.dropLast()
		}
		return Outcome{p.rep, err}
	}
	last := g.draft.last()
	rep := last.report(p.rep, p.opt)
	if last.refused() || last.idle() {
		g.draft.dropLast()
		return Outcome{Report: rep}
	}
	g.members = append(g.members, i)
	if err := g.take(p, folder, files); err != nil && g.broken == nil {
		g.broken = err
	}
	return Outcome{Report: rep}
}

// plan adds the step to the draft. Verifiers that have judged this very plan, on what is
// published still, are not asked again.
func (g *group) plan(ctx context.Context, p *Prepared, folder string) error {
	s, judged := p.step, p.judged
	s.Folder, judged.Folder = folder, folder
	d := g.draft
	if len(d.steps) > 0 || !slices.Equal(d.base, p.base) {
		return d.add(ctx, g.repo, s, g.taken, p.verifiers)
	}
	if err := d.add(ctx, g.repo, s, g.taken, nil); err != nil {
		return err
	}
	if reflect.DeepEqual(d.plans[0].Puts, p.plan.Puts) && reflect.DeepEqual(d.plans[0].Edit, p.plan.Edit) {
		d.steps[0], d.findings = judged, slices.Clone(p.findings)
		return nil
	}
	d.restart()
	return d.add(ctx, g.repo, s, g.taken, p.verifiers)
}

// place says where in the stage an upload's files are to be: beside the others, so that
// one sync makes them all durable, or, if one of their names is taken, in a folder.
func (g *group) place(p *Prepared, i int) (folder string, files []string, err error) {
	list, err := g.repo.FS.ReadDir(p.staged.dir)
	if err != nil {
		return "", nil, repo.DiskError("stage", path.Join(g.repo.Path, p.staged.dir), err)
	}
	folder = "."
	for _, f := range list {
		files = append(files, f.Name)
		if g.names[f.Name] {
			folder = strconv.Itoa(i + 1)
		}
	}
	return folder, files, nil
}

// take moves an upload's files into the stage.
func (g *group) take(p *Prepared, folder string, files []string) error {
	to := path.Join(g.stage.dir, folder)
	if folder != "." {
		if err := g.repo.FS.Mkdir(to, g.repo.PrivateFolderMode()); err != nil {
			return repo.DiskError("stage", path.Join(g.repo.Path, to), err)
		}
		g.names[folder] = true
	}
	for _, name := range files {
		if err := g.repo.FS.Rename(path.Join(p.staged.dir, name), path.Join(to, name)); err != nil {
			return repo.DiskError("stage", path.Join(g.repo.Path, to), err)
		}
		if folder == "." {
			g.names[name] = true
		}
	}
	p.staged.empty = true
	return nil
}

// commit publishes what the draft has, and completes the reports of its uploads.
func (g *group) commit(ctx context.Context, out []Outcome) error {
	if g.broken != nil || len(g.members) == 0 {
		return g.broken
	}
	// Who comes first is told what recovery has done, and what the commit has cost.
	first := &out[g.members[0]].Report
	change, err := g.draft.change(g.repo, g.stage.dir, g.opt)
	if err != nil {
		return err
	}
	generation, err := g.publish(ctx, change)
	if err != nil {
		dropCache(g.repo, err)
		return err
	}
	if change.Foreign != nil {
		first.Findings = append(first.Findings, foreignNote(generation.Number))
	}
	if err := g.tx.Expire(); err != nil {
		first.Findings = append(first.Findings, notExpired(err))
	}
	first.Findings = append(first.Findings, g.tx.Notes...)
	for k, i := range g.members {
		rep := &out[i].Report
		rep.Generation, rep.Time = generation.Number, generation.Time
		if g.replaced(k) {
			rep.Findings = append(rep.Findings, superseded(generation.Number))
		}
	}
	return nil
}

// publish commits the change. Who opens the indexes in the midst of that, without a cache
// that is theirs yet, would read all of them.
func (g *group) publish(ctx context.Context, c commit.Change) (repo.Generation, error) {
	defer g.opt.Views.committing()()
	generation, err := g.tx.Commit(ctx, c)
	if err == nil {
		g.draft.saveCache(g.repo)
	}
	return generation, err
}

// replaced reports whether the k-th step has placed what no index names in the end: a
// later one has replaced it.
func (g *group) replaced(k int) bool {
	return slices.ContainsFunc(g.draft.plans[k].Puts, func(f plan.File) bool {
		// It is published and durable: if the index cannot be asked now, that is no news.
		named, err := g.draft.view.Names(f.Path)
		return err == nil && !named
	})
}

func superseded(generation uint64) report.Finding {
	return report.Finding{
		Code: report.CodeSuperseded, Severity: report.SeverityNote,
		Message: fmt.Sprintf("published, and superseded in the same generation %d: another upload that came at the same time has replaced it", generation),
	}
}
