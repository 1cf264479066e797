package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// UndoRequest says what of the history to take back. The zero one is the last change
// that the history has.
type UndoRequest struct {
	// Generation is the one to take back.
	Generation uint64
	// Change is its change, from 1; 0 is all of them.
	Change int
	// To, if not nil, is the generation to whose state to go back; 0 is the state
	// before the first.
	To *uint64
	// Verifiers judge the plan, such as [UndoRights].
	Verifiers []verify.Named
	Options
}

// Undo takes changes back: what they put into the indexes goes, what they took out
// comes back to its place, with the files that stayed for the grace time. It is a
// change itself and can be undone.
func Undo(ctx context.Context, r *repo.Repo, req UndoRequest) (report.Report, error) {
	rep := report.Report{Schema: report.Schema, Repository: r.Path, Architecture: r.Arch}
	verifiers, err := req.verifiers(r, req.Verifiers)
	if err != nil {
		return rep, err
	}
	of := ""
	propose := func(v *index.Snapshot) ([]step, []report.Finding, error) {
		// What the last change is, is settled once: a publish in between is not meant.
		rev, found, err := req.reversal(r, v)
		of = rev.Of
		return []step{{Intent: plan.Intent{Undo: &rev}, Folder: "."}}, found, err
	}
	rep, err = edit(ctx, r, propose, verifiers, req.Options, rep)
	rep.Undoes = of
	return rep, err
}

// reversal reads from the history what to do; what cannot be taken back is a finding.
func (u *UndoRequest) reversal(r *repo.Repo, v *index.Snapshot) (plan.Reversal, []report.Finding, error) {
	h, err := r.OpenHistory()
	if err != nil {
		return plan.Reversal{}, nil, err
	}
	defer h.Close()
	if u.To != nil {
		return u.back(r, h, v)
	}
	g, ok, err := u.generation(h)
	if err != nil {
		return plan.Reversal{}, nil, err
	}
	if !ok || u.Change < 0 || u.Change > len(g.Changes) {
		return plan.Reversal{}, []report.Finding{repo.NoSuchChange(u.Generation, u.Change)}, nil
	}
	u.Generation = g.Number
	changes, of := g.Changes, fmt.Sprintf("generation %d", g.Number)
	if u.Change > 0 {
		changes = changes[u.Change-1 : u.Change]
		if len(g.Changes) > 1 {
			of = fmt.Sprintf("generation %d.%d", g.Number, u.Change)
		}
	}
	list, found, err := reversals(r, g.Number, changes)
	if err != nil || found != nil {
		return plan.Reversal{Of: of}, found, err
	}
	rev, found, err := plan.Join(v, list)
	rev.Of, rev.After = of, g.Number
	return rev, tellLater(r, found, g.Number), inRepo(r, err)
}

// generation finds the generation; of the last one it settles which change is meant.
func (u *UndoRequest) generation(h *repo.History) (g repo.Generation, ok bool, err error) {
	if u.Generation > 0 {
		return h.Find(u.Generation)
	}
	if g, ok, err = h.Last(); ok {
		u.Change = len(g.Changes)
	}
	return g, ok, err
}

// back is the way to the state after a generation: all changes since, and what
// somebody else has done that no generation tells yet.
func (u *UndoRequest) back(r *repo.Repo, h *repo.History, v *index.Snapshot) (plan.Reversal, []report.Finding, error) {
	to, last := *u.To, uint64(0)
	rev := plan.Reversal{Of: fmt.Sprintf("everything since generation %d", to), After: to}
	c, d, err := foreign(r)
	if err != nil {
		return rev, nil, err
	}
	var list []plan.Reversal
	switch {
	case c != nil && c.Unknown:
		return rev, []report.Finding{unknownChange(0)}, nil
	case c != nil:
		list = append(list, plan.Reversal{Take: d.Names(), Put: d.Dropped})
	}
	for line, err := range h.Newest() {
		if err != nil {
			return rev, nil, err
		}
		g, err := line.Generation()
		if err != nil {
			return rev, nil, err
		}
		if last = max(last, g.Number); g.Number <= to {
			break
		}
		of, found, err := reversals(r, g.Number, g.Changes)
		if err != nil || found != nil {
			return rev, found, err
		}
		list = append(list, of...)
	}
	if to > last {
		return rev, []report.Finding{repo.NoSuchChange(to, 0)}, nil
	}
	joined, found, err := plan.Join(v, list)
	rev.Take, rev.Put = joined.Take, joined.Put
	return rev, tellLater(r, found, to), inRepo(r, err)
}

// reversals are those of the changes of one generation, the newest first.
func reversals(r *repo.Repo, number uint64, changes []repo.Change) ([]plan.Reversal, []report.Finding, error) {
	var list []plan.Reversal
	for _, c := range slices.Backward(changes) {
		var rev plan.Reversal
		known, err := r.Delta(number, c, &rev.Take, &rev.Put)
		if err != nil {
			return nil, nil, err
		}
		if !known {
			return nil, []report.Finding{unknownChange(number)}, nil
		}
		list = append(list, rev)
	}
	return list, nil, nil
}

// unknownChange is about a generation that says only that something was changed; 0 is
// one that is not written yet.
func unknownChange(number uint64) report.Finding {
	f := report.Finding{
		Code: report.CodeOvertaken, Severity: report.SeverityError,
		Message: "another program has changed the indexes, and what it did is not known",
		Hint:    "take back later generations only, or publish what is meant",
	}
	if number > 0 {
		f.Message = fmt.Sprintf("what generation %d has changed is not known: another program did it", number)
	}
	return f
}
