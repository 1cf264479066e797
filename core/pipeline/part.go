package pipeline

import (
	"context"
	"slices"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// part is what one repository has of a change on its way through the line.
type part struct {
	repo      *repo.Repo
	opt       Options
	proposal  proposal
	verifiers []verify.Named
	staged    staged
	// reading reads what is published while the upload is read; nil: that was not begun.
	reading *reading
	rep     report.Report
	taken   *taken
	draft   *draft
	// told is how many of the transaction's notes the report has.
	told int
}

// draw plans on what is published now.
func (p *part) draw(ctx context.Context) (err error) {
	p.taken = newTaken(p.repo.FS)
	p.taken.named = p.opt.named
	d, err := p.newDraft()
	if err == nil {
		p.draft, err = d.draw(ctx, p.repo, p.proposal, p.taken, p.verifiers)
	}
	return err
}

// newDraft is one on what is published: as it was read, or as all see it who share the
// views.
func (p *part) newDraft() (*draft, error) {
	if p.opt.Views != nil {
		return p.opt.Views.draft(p.repo)
	}
	return p.reading.take(p.repo)
}

// again plans once more, under the lock.
func (p *part) again(ctx context.Context, tx *commit.Tx) (err error) {
	p.told = len(tx.Notes)
	p.rep.Findings = append(p.rep.Findings, tx.Notes...)
	p.draft, err = p.draft.again(ctx, p.repo, p.taken, p.verifiers)
	return err
}

// change is the part as the commit room takes it; one with nothing to do has no
// switches.
func (p *part) change() (commit.Change, error) {
	if p.draft.idle() {
		return commit.Change{}, nil
	}
	return p.draft.change(p.repo, p.staged.dir, p.opt)
}

// published tells what became of the part.
func (p *part) published(tx *commit.Tx, c commit.Change, g repo.Generation) {
	p.rep = p.draft.report(p.rep, p.opt)
	if g.Number > 0 {
		p.draft.saveCache(p.repo)
		p.rep.Generation, p.rep.Time = g.Number, g.Time
		if c.Foreign != nil {
			p.rep.Findings = append(p.rep.Findings, foreignNote(g.Number))
		}
		if err := tx.Expire(); err != nil {
			p.rep.Findings = append(p.rep.Findings, notExpired(err))
		}
	}
	p.rep.Findings = append(p.rep.Findings, tx.Notes[p.told:]...)
}

// tell ends a change that does nothing: a dry run, a refusal, or what is there already.
func tell(parts []*part) error {
	no := refused(parts)
	for _, p := range parts {
		if !no || p.draft.refused() {
			p.rep = p.draft.report(p.rep, p.opt)
		}
	}
	if no {
		rejected(parts)
	}
	return nil
}

// rejected says of all parts that they are.
func rejected(parts []*part) []report.Report {
	for _, p := range parts {
		p.rep.Result = report.Rejected
	}
	return reports(parts)
}

func reports(parts []*part) []report.Report {
	list := make([]report.Report, len(parts))
	for i, p := range parts {
		if p != nil {
			list[i] = p.rep
		}
	}
	return list
}

func repositories(parts []*part) []*repo.Repo {
	var list []*repo.Repo
	for _, p := range parts {
		list = append(list, p.repo)
	}
	return list
}

// refused reports whether anything refuses one of the parts.
func refused(parts []*part) bool {
	return slices.ContainsFunc(parts, func(p *part) bool {
		return report.Refused(p.rep.Findings) || p.draft != nil && p.draft.refused()
	})
}

// idle reports whether there is nothing to do.
func idle(parts []*part) bool {
	return !slices.ContainsFunc(parts, func(p *part) bool { return !p.draft.idle() })
}

// settled reports whether there is nothing to do, and nothing of others to finish.
func settled(parts []*part) bool {
	return idle(parts) && !slices.ContainsFunc(parts, func(p *part) bool { return p.repo.Unfinished() })
}

// discard deletes the stages. What cannot be deleted is swept by the next commit.
func discard(parts []*part) {
	for _, p := range parts {
		if p != nil {
			p.staged.discard()
			p.reading.drop()
		}
	}
}

// closeDrafts gives the index files back.
func closeDrafts(parts []*part) {
	for _, p := range parts {
		if p.draft != nil {
			p.draft.close()
		}
	}
}

func dropCaches(parts []*part, err error) {
	for _, p := range parts {
		dropCache(p.repo, err)
	}
}
