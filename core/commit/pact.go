package commit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Participant is one of several repositories that share a decision.
type Participant struct {
	// ID is that of the repository's settings, Path its folder on this machine.
	ID   string `json:"id"`
	Path string `json:"path"`
}

// pact binds the changes of several repositories to one decision. A nil one is that of
// a change that decides for itself.
type pact struct {
	decision string
	// participants are in the order of their ids; the first is the coordinator.
	participants []Participant
}

// journal is the name under which a change's journal is written first.
func (p *pact) journal() string {
	if p == nil {
		return repo.JournalFile
	}
	return repo.PreparedFile
}

// pact is what binds the change of a journal; nil if nothing does.
func (j journal) pact() *pact {
	if j.Decision == "" {
		return nil
	}
	return &pact{j.Decision, j.Participants}
}

// decisionFile is a decision, in the coordinator: that it is there says that all do it.
func decisionFile(decision string) string { return path.Join(repo.DecisionsDir, decision) }

// Commit makes one change in each repository of the group, as one decision: all of them
// become true or none does, whatever happens. The changes are in the order of Txs; one
// without switches changes nothing. The generations that come back are in that order,
// too. After an error all repositories are as they were, unless the error says that the
// next run will finish the change.
func (g *Group) Commit(ctx context.Context, changes []Change) ([]repo.Generation, error) {
	done := make([]repo.Generation, len(g.Txs))
	var parts []part
	for i, c := range changes {
		if len(c.Switches) > 0 {
			parts = append(parts, part{tx: g.Txs[i], change: c, at: i})
		}
	}
	if len(parts) == 1 {
		p := parts[0]
		var err error
		done[p.at], err = p.tx.Commit(ctx, p.change)
		return done, err
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.tx.repo.Settings.ID, b.tx.repo.Settings.ID) })
	if err := commitAll(ctx, parts); err != nil {
		return done, err
	}
	for _, p := range parts {
		done[p.at] = p.journal.Generation
	}
	return done, nil
}

// part is what one repository does of a shared change.
type part struct {
	tx      *Tx
	change  Change
	at      int
	journal journal
}

// commitAll is the commit of at least two parts, in the order of their ids.
func commitAll(ctx context.Context, parts []part) error {
	if len(parts) == 0 {
		return nil
	}
	first := parts[0].tx
	p := &pact{decision: first.repo.NewID()}
	for _, x := range parts {
		who, err := x.tx.participant()
		if err != nil {
			return err
		}
		p.participants = append(p.participants, who)
	}
	if err := first.makeDecisions(); err != nil {
		return repo.DiskError("commit", path.Join(first.repo.Path, repo.DecisionsDir), err)
	}
	for i := range parts {
		var err error
		if parts[i].journal, err = parts[i].tx.ahead(ctx, parts[i].change, p); err != nil {
			return errors.Join(err, withdraw(parts[:i+1]))
		}
	}
	if err := first.decideAll(p); err != nil {
		if first.there(decisionFile(p.decision)) {
			return first.unfinished(err)
		}
		return errors.Join(repo.DiskError("commit", path.Join(first.repo.Path, decisionFile(p.decision)), err), withdraw(parts))
	}
	return enactAll(parts)
}

// participant is how the others find this repository again.
func (tx *Tx) participant() (Participant, error) {
	n, ok := tx.repo.FS.(vfs.Neighbour)
	if !ok {
		return Participant{}, fmt.Errorf("%s: is no folder that others can find: %w", tx.repo.Path, errors.ErrUnsupported)
	}
	abs, err := n.Abs()
	if err != nil {
		return Participant{}, repo.DiskError("commit", tx.repo.Path, err)
	}
	return Participant{ID: tx.repo.Settings.ID, Path: abs}, nil
}

// makeDecisions makes the folder of the decisions. The coordinator's own journal makes
// it durable, ahead of the first decision in it.
func (tx *Tx) makeDecisions() error {
	err := tx.repo.FS.Mkdir(repo.DecisionsDir, tx.repo.PrivateFolderMode())
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// withdraw forgets prepared changes that nobody has decided. What cannot be forgotten now
// is forgotten by the next run: it finds no decision.
func withdraw(parts []part) error {
	var problems error
	for _, x := range parts {
		if err := x.tx.drop(); err != nil {
			problems = errors.Join(problems, err)
		}
	}
	return problems
}

// drop forgets a prepared change.
func (tx *Tx) drop() error {
	err := tx.repo.FS.Remove(repo.PreparedFile)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return repo.DiskError("commit", path.Join(tx.repo.Path, repo.PreparedFile), err)
}

// decideAll is the commit point of all parts.
func (tx *Tx) decideAll(p *pact) error {
	text, err := json.Marshal(p.participants)
	if err != nil {
		return err
	}
	name := decisionFile(p.decision)
	return vfs.ReplaceFile(tx.repo.FS, name, name+".new", tx.repo.PrivateFileMode(), text)
}

// enactAll does in each repository what was decided. What fails in one keeps none of the
// others from it. All journals stay until all is done: by any of them, whoever opens that
// repository finds what the others have still to do.
func enactAll(parts []part) error {
	var problems error
	for _, x := range parts {
		if err := x.tx.enact(x.journal); err != nil {
			problems = errors.Join(problems, x.tx.unfinished(err))
		}
	}
	if problems != nil {
		return problems
	}
	for _, x := range parts {
		if err := x.tx.conclude(); err != nil {
			return x.tx.unfinished(err)
		}
	}
	// One that stays is removed by the next run.
	_ = parts[0].tx.repo.FS.Remove(decisionFile(parts[0].journal.Decision))
	return nil
}

// enact makes of the prepared change a decided one, and finishes it. The rename need not
// be durable: as long as the decision stands, both names mean the same, and it stands
// until everything behind it is durable.
func (tx *Tx) enact(j journal) error {
	if err := tx.repo.FS.Rename(repo.PreparedFile, repo.JournalFile); err != nil {
		return err
	}
	return tx.behind(j)
}

// isGone says that a repository that shares a decision cannot be reached.
func isGone(p Participant, decision, from string, cause error) error {
	return &report.Error{
		Stage: "recover", Code: report.CodeGone, Kind: report.KindBusy, File: p.Path,
		Err:  fmt.Errorf("is gone, and it shares the decision over an interrupted publish with %s (transaction %s): %w", from, decision, cause),
		Hint: "bring it back; if it is gone for good, go on without it: mmpush recover -R " + from + " --forget " + decision,
	}
}
