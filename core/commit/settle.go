package commit

import (
	"cmp"
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

// participantsLimit bounds a decision that is read.
const participantsLimit = 1 << 20

// prepared reads the change that waits for a shared decision; nil if there is none.
func (tx *Tx) prepared() (*journal, error) {
	j, err := tx.readJournal(repo.PreparedFile)
	if err == nil && j != nil && j.Decision == "" {
		err = tx.repo.Tell("recover", fmt.Errorf("%s: shares no decision", repo.PreparedFile))
	}
	return j, err
}

// shared reads the unfinished change that shares its decision with others, decided or
// not; nil if there is none.
func (tx *Tx) shared() (*journal, error) {
	j, err := tx.prepared()
	if err != nil || j != nil {
		return j, err
	}
	j, err = tx.readJournal(repo.JournalFile)
	if j != nil && j.Decision == "" {
		j = nil
	}
	return j, err
}

// outsiders opens the repositories that share a decision with a locked one and are not
// locked themselves.
func (b *beginning) outsiders() ([]*Tx, error) {
	var more []*Tx
	for _, tx := range b.txs {
		j, err := tx.shared()
		if err != nil {
			return nil, err
		}
		if j == nil {
			continue
		}
		for _, p := range j.Participants {
			if b.gone[p.ID] || known(b.txs, p.ID) || known(more, p.ID) {
				continue
			}
			r, err := b.open(tx, p)
			if err == nil {
				more = append(more, &Tx{repo: r, opt: b.opt})
				continue
			}
			if j.Decision != b.opt.Forget {
				return more, isGone(p, j.Decision, tx.repo.Path, err)
			}
			if b.gone == nil {
				b.gone = map[string]bool{}
			}
			b.gone[p.ID] = true
		}
	}
	return more, nil
}

func known(txs []*Tx, id string) bool {
	return slices.ContainsFunc(txs, func(tx *Tx) bool { return tx.repo.Settings.ID == id })
}

// open opens a repository that shares a decision with another, by the name that it has
// there.
func (b *beginning) open(from *Tx, p Participant) (*repo.Repo, error) {
	r, done, err := openParticipant(from.repo, p, b.opt)
	if err == nil {
		b.done = append(b.done, done)
	}
	return r, err
}

func openParticipant(from *repo.Repo, p Participant, opt Options) (*repo.Repo, func() error, error) {
	n, ok := from.FS.(vfs.Neighbour)
	if !ok || opt.Open == nil {
		return nil, nil, errors.New("it cannot be opened from here")
	}
	fsys, done, err := n.OpenFolder(p.Path)
	if err != nil {
		return nil, nil, err
	}
	r, err := opt.Open(fsys, p.Path)
	if err == nil && r.Settings.ID != p.ID {
		err = fmt.Errorf("another repository is there, with the id %q instead of %q", r.Settings.ID, p.ID)
	}
	if err != nil {
		return nil, nil, errors.Join(err, done())
	}
	r.Now, r.NewID, r.Sleep = from.Now, from.NewID, from.Sleep
	return r, done, nil
}

// settle makes, of each change that waits for a shared decision, one that is decided or
// none. All participants that are not gone are locked: nobody else decides any more.
func (b *beginning) settle(ctx context.Context) error {
	for _, tx := range b.txs {
		j, err := tx.prepared()
		if err != nil {
			return err
		}
		if j == nil {
			continue
		}
		if err := b.settleOne(ctx, *j); err != nil {
			return err
		}
	}
	return nil
}

// settleOne looks for the decision over a change.
func (b *beginning) settleOne(ctx context.Context, j journal) error {
	first := b.of(j.Participants[0].ID)
	if first == nil {
		return b.giveUp(j, fmt.Errorf("nobody can tell whether it was decided: that stands in %s, which is gone, and %s has said to go on without it",
			j.Participants[0].Path, b.who()))
	}
	if !first.there(decisionFile(j.Decision)) {
		return b.each(j, func(tx *Tx, _ journal) error { return tx.drop() })
	}
	// Nothing may happen on the word of a decision that a power loss can still take.
	if err := first.repo.FS.SyncDir(repo.DecisionsDir); err != nil {
		return repo.DiskError("recover", path.Join(first.repo.Path, repo.DecisionsDir), err)
	}
	if reason, err := b.overtaken(ctx, j); err != nil {
		return err
	} else if reason != nil {
		return b.takeBackAll(first, j, reason)
	}
	return b.each(j, func(tx *Tx, own journal) error {
		err := b.follow(tx, own)
		if err != nil {
			return repo.DiskError("recover", path.Join(tx.repo.Path, repo.PreparedFile), err)
		}
		return nil
	})
}

// follow makes of a prepared change a decided one; that it goes on without somebody is
// written into the history with it.
func (b *beginning) follow(tx *Tx, own journal) error {
	note := b.missing(own)
	if note == nil {
		return tx.repo.FS.Rename(repo.PreparedFile, repo.JournalFile)
	}
	tx.Notes = append(tx.Notes, *note)
	if c := own.Generation.Changes; len(c) > 0 {
		c[0].Findings = append(c[0].Findings, *note)
	}
	if err := tx.writeJournal(own, repo.JournalFile, nil); err != nil {
		return err
	}
	return tx.repo.FS.Remove(repo.PreparedFile)
}

func (b *beginning) who() string { return cmp.Or(b.opt.Who, "somebody") }

// of is the locked repository of that id; nil if it is gone.
func (b *beginning) of(id string) *Tx {
	i := slices.IndexFunc(b.txs, func(tx *Tx) bool { return tx.repo.Settings.ID == id })
	if i < 0 {
		return nil
	}
	return b.txs[i]
}

// each does something in each participant in which the transaction is prepared still.
func (b *beginning) each(j journal, do func(*Tx, journal) error) error {
	for _, p := range j.Participants {
		tx := b.of(p.ID)
		if tx == nil {
			continue
		}
		own, err := tx.prepared()
		if err != nil {
			return err
		}
		if own == nil || own.Decision != j.Decision {
			continue
		}
		if err := do(tx, *own); err != nil {
			return err
		}
	}
	return nil
}

// overtaken is why a decided change, with which nobody has begun yet, no longer plans in
// one of the repositories, on what somebody else has made of it since; nil if it does,
// or if it is too late to ask.
func (b *beginning) overtaken(ctx context.Context, j journal) (reason, err error) {
	waiting := 0
	err = b.each(j, func(tx *Tx, own journal) error {
		waiting++
		foreign, err := tx.foreign(own)
		if err != nil || !foreign {
			return err
		}
		_, err = tx.opt.Replan(ctx, tx.repo, own.Intent, own.Stage)
		if kind := report.KindOf(err); err != nil && (kind == report.KindRejected || kind == report.KindConflict) {
			reason = overtaken(err)
			return nil
		}
		return err
	})
	if waiting < len(j.Participants) {
		reason = nil
	}
	return reason, err
}

// takeBackAll takes the decision back, which nobody has followed yet, and keeps the
// files of each part where nobody publishes them.
func (b *beginning) takeBackAll(first *Tx, j journal, reason error) error {
	err := first.repo.FS.Remove(decisionFile(j.Decision))
	if err == nil {
		err = first.repo.FS.SyncDir(repo.DecisionsDir)
	}
	if err != nil {
		return repo.DiskError("recover", path.Join(first.repo.Path, decisionFile(j.Decision)), err)
	}
	return b.giveUp(j, reason)
}

// giveUp keeps the files of a change that is not to be published, with the reason.
func (b *beginning) giveUp(j journal, reason error) error {
	return b.each(j, func(tx *Tx, own journal) error {
		if err := tx.reject(own, repo.PreparedFile, reason); err != nil {
			return err
		}
		return nil
	})
}

// missing tells that a change goes on without some of those who decided it; nil if it
// does not.
func (b *beginning) missing(j journal) *report.Finding {
	var names []string
	for _, p := range j.Participants {
		if b.of(p.ID) == nil {
			names = append(names, p.Path)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return &report.Finding{
		Code: report.CodeGone, Severity: report.SeverityWarning, Actual: strings.Join(names, " "),
		Message: "a decided publish goes on without a repository that is gone, as " + b.who() + " has said (transaction " + j.Decision + ")",
		Hint:    "if it comes back, the first change of it finishes the publish there",
	}
}

// sweepDecisions removes the decisions that nobody needs any more, as far as that can be
// seen. Their processes are dead: they would hold the lock of the coordinator.
func (b *beginning) sweepDecisions() {
	for _, tx := range b.txs {
		list, err := tx.repo.FS.ReadDir(repo.DecisionsDir)
		if err != nil {
			continue
		}
		for _, i := range list {
			name := path.Join(repo.DecisionsDir, i.Name)
			if strings.HasSuffix(i.Name, ".new") || b.followed(tx, name, i.Name) {
				_ = tx.repo.FS.Remove(name)
			}
		}
	}
}

// followed reports whether all participants have done what was decided.
func (b *beginning) followed(tx *Tx, name, decision string) bool {
	text, err := vfs.ReadFile(tx.repo.FS, name, participantsLimit)
	var participants []Participant
	if err != nil || json.Unmarshal(text, &participants) != nil {
		return false
	}
	for _, p := range participants {
		if own := b.of(p.ID); own != nil {
			if pends(own.repo, decision) {
				return false
			}
			continue
		}
		r, done, err := openParticipant(tx.repo, p, b.opt)
		if err != nil {
			return false
		}
		pending := pends(r, decision)
		if done() != nil || pending {
			return false
		}
	}
	return true
}

// pends reports whether a repository has not done yet what was decided, or may not have.
func pends(r *repo.Repo, decision string) bool {
	for _, name := range []string{repo.PreparedFile, repo.JournalFile} {
		j, err := readJournal(r, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || j != nil && j.Decision == decision {
			return true
		}
	}
	return false
}
