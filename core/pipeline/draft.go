package pipeline

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// step is one intent of a change, in the form that the journal keeps.
type step struct {
	Intent plan.Intent `json:"intent"`
	// Folder is the folder of the stage that holds the intent's files; "." is
	// the stage itself.
	Folder string `json:"folder"`
	// Purge: what the step retires has no grace time.
	Purge bool `json:"purge,omitempty"`
	// Who and Transport are those of the upload; empty: of the whole change.
	Who       string `json:"who,omitempty"`
	Transport string `json:"transport,omitempty"`
	// Own: the step stands for itself in a group. It may be refused alone, and what it
	// brings is placed even if a later step replaces it.
	Own bool `json:"own,omitempty"`
	// Verifiers were asked about it, and found Found.
	Verifiers []repo.Verification `json:"verifiers,omitempty"`
	Found     []report.Finding    `json:"found,omitempty"`
}

// proposal says which steps to plan on what is published; a finding that refuses says
// why there is none.
type proposal func(v *index.Snapshot) ([]step, []report.Finding, error)

// fixed are steps that do not depend on what is published.
func fixed(steps ...step) proposal {
	return func(*index.Snapshot) ([]step, []report.Finding, error) { return steps, nil, nil }
}

// draft is a plan for each step, stacked, and what they were made on.
type draft struct {
	// proposal is what is planned, again if the repository has moved.
	proposal proposal
	base     []repo.Identity
	first    *index.Snapshot
	// done gives first back to views, if it came from there.
	done  func()
	views *Views
	// view is what the steps leave.
	view     *index.Snapshot
	steps    []step
	plans    []plan.Plan
	findings []report.Finding
	// told is how many findings there were before the last step.
	told int
	// written says how the index files were written, by name.
	written map[string]*index.Written
	// pending are the files that the plans so far would place.
	pending map[string]plan.Taken
	// sites are what stood at the paths that the plans asked about, and ruled the settings:
	// with them and the base, the plans are what they are.
	sites map[string]site
	ruled ruled
}

// newDraft reads what is published now.
func newDraft(r *repo.Repo) (*draft, error) {
	p, err := readPublished(r)
	if err != nil {
		return nil, err
	}
	return p.draft(r), nil
}

// close gives the index files back.
func (d *draft) close() { d.done() }

// draw plans the steps on what is published now.
func draw(ctx context.Context, r *repo.Repo, p proposal, t *taken, verifiers []verify.Named) (*draft, error) {
	d, err := newDraft(r)
	if err != nil {
		return nil, err
	}
	return d.draw(ctx, r, p, t, verifiers)
}

// draw is draw on what the draft was made on. After an error the draft is closed.
func (d *draft) draw(ctx context.Context, r *repo.Repo, p proposal, t *taken, verifiers []verify.Named) (*draft, error) {
	d.proposal = p
	steps, found, err := d.propose(r)
	if err != nil {
		d.close()
		return nil, err
	}
	if d.findings = found; d.refused() {
		return d, nil
	}
	var alone []report.Finding
	for _, s := range steps {
		if err := d.add(ctx, r, s, t, verifiers); err != nil {
			d.close()
			return nil, err
		}
		if d.refused() {
			if !s.Own || len(steps) == 1 {
				return d, nil
			}
			alone = append(alone, d.findings[d.told:]...)
			d.dropLast()
		}
	}
	if len(d.steps) == 0 {
		d.findings = append(d.findings, alone...)
	}
	return d, nil
}

// dropLast forgets the last step, which was refused or changes nothing.
func (d *draft) dropLast() {
	n := len(d.steps) - 1
	d.steps, d.plans, d.findings = d.steps[:n], d.plans[:n], d.findings[:d.told]
}

// restart forgets all steps.
func (d *draft) restart() {
	*d = draft{proposal: d.proposal, base: d.base, first: d.first, view: d.first, done: d.done, views: d.views, written: d.written, pending: map[string]plan.Taken{}}
}

// propose asks what to plan. The indexes are opened without their cache if that lies.
func (d *draft) propose(r *repo.Repo) ([]step, []report.Finding, error) {
	steps, found, err := d.proposal(d.first)
	dropCache(r, err)
	if !errors.Is(err, index.ErrCache) {
		return steps, found, err
	}
	if err := d.reopen(r); err != nil {
		return nil, nil, err
	}
	return d.proposal(d.first)
}

// reopen begins the draft anew, on indexes that nobody else has open.
func (d *draft) reopen(r *repo.Repo) error {
	d.views.forget(d.first)
	anew, err := newDraft(r)
	if err != nil {
		return err
	}
	d.close()
	anew.proposal = d.proposal
	*d = *anew
	return nil
}

// add plans one more step; a refused one leaves the view as it was. If the cache of the
// indexes turns out to lie, they are opened again without it, as long as nothing has
// been planned with its help.
func (d *draft) add(ctx context.Context, r *repo.Repo, s step, t *taken, verifiers []verify.Named) error {
	err := d.addOnce(ctx, r, s, t, verifiers)
	dropCache(r, err)
	if !errors.Is(err, index.ErrCache) || len(d.steps) > 0 {
		return err
	}
	if err := d.reopen(r); err != nil {
		return err
	}
	return d.addOnce(ctx, r, s, t, verifiers)
}

func (d *draft) addOnce(ctx context.Context, r *repo.Repo, s step, t *taken, verifiers []verify.Named) error {
	at := d.over(t)
	if s.Intent.Undo != nil {
		at = d.known(t)
	}
	p, err := plan.Run(d.view, s.Intent, Rules(r.Settings), at)
	if err != nil {
		return inRepo(r, err)
	}
	found, err := verify.RunPlan(ctx, d.view, p, verifiers)
	if err != nil {
		return err
	}
	// What is behind a step matters to the next one only.
	after := p.TakeAfter()
	s.judged(verifiers, found)
	d.steps, d.plans, d.told = append(d.steps, s), append(d.plans, p), len(d.findings)
	d.findings = append(append(d.findings, tellPublisher(r, p.Findings)...), found...)
	if s.Intent.Undo != nil {
		d.findings = tellLater(r, d.findings, s.Intent.Undo.After)
	}
	if d.refused() {
		return nil
	}
	if after != nil {
		d.view = after
	}
	for _, f := range p.Puts {
		d.pending[f.Path] = plan.Taken{Exists: true, Size: f.Size, SHA256: f.SHA256}
	}
	return nil
}

// fork is a draft that can go on without changing d.
func (d *draft) fork() *draft {
	out := *d
	out.steps, out.plans, out.findings = slices.Clone(d.steps), slices.Clone(d.plans), slices.Clone(d.findings)
	out.pending = maps.Clone(d.pending)
	return &out
}

// last is a draft of the last step alone, to report it.
func (d *draft) last() *draft {
	return &draft{plans: d.plans[len(d.plans)-1:], findings: d.findings[d.told:]}
}

// over answers what stands at a path once the plans so far are carried out.
func (d *draft) over(t *taken) func(string) (plan.Taken, error) {
	return func(path string) (plan.Taken, error) {
		if p, ok := d.pending[path]; ok {
			return p, nil
		}
		p, err := d.site(t, path)
		if err != nil || !p.shared {
			return p.Taken, err
		}
		// Somebody else has another name of this file, and may write to it. What is
		// published already is not made worse by that.
		if named, err := d.view.Names(path); err != nil || named {
			return p.Taken, err
		}
		p.SHA256 = ""
		return p.Taken, nil
	}
}

// known is over for an undo: what was published before and has other names now has had
// them then, too.
func (d *draft) known(t *taken) func(string) (plan.Taken, error) {
	return func(path string) (plan.Taken, error) {
		p, err := d.site(t, path)
		return p.Taken, err
	}
}

// site answers what stands at a path, the same to all plans of the draft.
func (d *draft) site(t *taken, path string) (site, error) {
	if s, ok := d.sites[path]; ok {
		return s, nil
	}
	s, err := t.at(path)
	if err == nil {
		d.sites[path] = s
	}
	return s, err
}

// inRepo says in which repository something could not be read.
func inRepo(r *repo.Repo, err error) error { return r.Tell("plan", err) }

func (d *draft) refused() bool { return report.Refused(d.findings) }

// idle reports whether there is nothing to do: no stanza and no file.
func (d *draft) idle() bool {
	for _, p := range d.plans {
		if !p.Edit.Empty() || len(p.Puts) > 0 {
			return false
		}
	}
	return true
}

// Rules are what the settings say about one source.
func Rules(s repo.Settings) func(source string) plan.Rules {
	return func(source string) plan.Rules {
		return plan.Rules{
			Rebuild:   plan.Permission(s.Rebuild.For(source)),
			Downgrade: plan.Permission(s.Downgrade.For(source)),
			TakeOver:  plan.Permission(s.TakeOver.For(source)),
		}
	}
}

// report adds what the draft would do, or does, to the report.
func (d *draft) report(rep report.Report, opt Options) report.Report {
	rep.Findings = append(rep.Findings, d.findings...)
	for _, p := range d.plans {
		for _, line := range p.Packages {
			if line.Kind == report.Binary {
				line.Architecture = rep.Architecture
			}
			rep.Packages = append(rep.Packages, line)
		}
		for _, f := range p.Puts {
			rep.BytesAdded += f.Size
		}
		for _, f := range p.Retires {
			rep.BytesRetired += f.Size
		}
		rep.Result = p.Result
	}
	switch {
	case d.refused():
		rep.Result = report.Rejected
	case opt.DryRun && !d.idle():
		rep.Result = report.Planned
	}
	return rep
}
