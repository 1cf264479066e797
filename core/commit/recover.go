package commit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// state is what stands at the name of an index file, as a journal sees it.
type state int

const (
	isBase state = iota
	isNext
	isForeign
)

// recover finishes the change that the journal of a dead process has decided.
// [Tx.recovered] is the end of it.
func (tx *Tx) recover(ctx context.Context) error {
	j, err := tx.readJournal(repo.JournalFile)
	if err != nil || j == nil {
		return err
	}
	err = tx.keepIndexes(*j)
	if err == nil {
		err = tx.repo.FS.SyncDir(repo.MetaDir)
	}
	if err != nil {
		return repo.DiskError("recover", path.Join(tx.repo.Path, repo.MetaDir), err)
	}
	last, _, err := tx.repo.LastGeneration()
	if err != nil {
		return err
	}
	if last.Transaction == j.Transaction {
		tx.done = j
		return tx.repo.SyncHistory()
	}
	foreign, err := tx.foreign(*j)
	if err != nil {
		return repo.DiskError("recover", tx.repo.Path, err)
	}
	if foreign {
		return tx.replan(ctx, *j)
	}
	return tx.complete(*j)
}

// keepIndexes gives the new index files their second names again: a power loss may have
// kept the journal without them. One that was switched already has been durable. A full
// disk does not keep a decided change from coming true.
func (tx *Tx) keepIndexes(j journal) error {
	for _, s := range j.Switches {
		if s.Link {
			continue
		}
		err := tx.repo.KeepIndex(j.Transaction, s.Index, s.From)
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) && !vfs.IsFull(err) {
			return err
		}
	}
	return nil
}

// recovered forgets the change that recovery has finished.
func (tx *Tx) recovered() error {
	if tx.done == nil {
		return nil
	}
	if err := tx.conclude(); err != nil {
		return repo.DiskError("recover", path.Join(tx.repo.Path, repo.JournalFile), err)
	}
	tx.done = nil
	return nil
}

// complete goes on with a decided change and deletes its stage.
func (tx *Tx) complete(j journal) error {
	if err := tx.behind(j); err != nil {
		return tx.unfinished(err)
	}
	tx.done = &j
	tx.note("an interrupted publish was finished first", j)
	return nil
}

func (tx *Tx) note(message string, j journal) {
	tx.Notes = append(tx.Notes, report.Finding{
		Code: report.CodeRecovered, Severity: report.SeverityNote, Message: message, Actual: describe(j.Generation.Changes),
	})
}

// describe names what the changes are about.
func describe(changes []repo.Change) string {
	if len(changes) == 0 {
		return ""
	}
	c := changes[0]
	text := c.Action
	if c.Manifest != "" {
		text += " of " + c.Manifest
	}
	if len(changes) > 1 {
		text += fmt.Sprintf(" and %d more", len(changes)-1)
	}
	return text
}

// foreign reports whether somebody else has written an index file since the
// journal was.
func (tx *Tx) foreign(j journal) (bool, error) {
	for _, s := range j.Switches {
		st, err := tx.stateOf(s)
		if err != nil || st == isForeign {
			return true, err
		}
	}
	return false, nil
}

// stateOf compares the index file with what the journal knows. A file that has
// inode, size and time of the staged one is read: only its bytes prove it.
func (tx *Tx) stateOf(s journalSwitch) (state, error) {
	id, err := repo.Identify(tx.repo.FS, s.Index)
	if err != nil {
		return isForeign, err
	}
	if id == s.Base {
		return isBase, nil
	}
	if !id.SameFile(s.Next) {
		return isForeign, nil
	}
	ok, err := tx.isNext(s)
	if err != nil || !ok {
		return isForeign, err
	}
	return isNext, nil
}

// isNext compares the content of the index with that of the staged one.
func (tx *Tx) isNext(s journalSwitch) (bool, error) {
	if !s.Link {
		return hasContent(tx.repo.FS, s.Index, s.Next.Size, s.SHA256)
	}
	target, err := tx.repo.FS.Readlink(s.Index)
	return textSum(target) == s.SHA256, err
}

// replan plans the intent again, on what somebody else has made of the repository.
func (tx *Tx) replan(ctx context.Context, j journal) error {
	c, err := tx.opt.Replan(ctx, tx.repo, j.Intent, j.Stage)
	if kind := report.KindOf(err); err != nil && (kind == report.KindRejected || kind == report.KindConflict) {
		return tx.reject(j, repo.JournalFile, overtaken(err))
	}
	if err != nil {
		return err
	}
	c.Intent, c.Stage = j.Intent, j.Stage
	// What the first plan dropped is not in the index any more where that was
	// switched. A record too many does no harm: Expire asks the index again.
	c.Retires = union(c.Retires, j.Retires)
	if len(c.Switches) == 0 {
		j.Retires = c.Retires
		return tx.alreadyThere(j)
	}
	missing, err := tx.missingFile(c)
	if err != nil {
		return repo.DiskError("recover", tx.repo.Path, err)
	}
	if missing != "" {
		return tx.reject(j, repo.JournalFile, overtaken(fmt.Errorf("%s was replaced by somebody else", missing)))
	}
	next, durable, err := tx.prepare(ctx, c, j.pact())
	if err != nil {
		return err
	}
	if err := tx.writeJournal(next, repo.JournalFile, durable); err != nil {
		return tx.unfinished(err)
	}
	return tx.complete(next)
}

// overtaken says that a change does not plan any more for what somebody else did.
func overtaken(err error) error { return fmt.Errorf("somebody else has published since: %w", err) }

func union(a, b []Retire) []Retire {
	for _, r := range b {
		if !slices.Contains(a, r) {
			a = append(a, r)
		}
	}
	return a
}

// missingFile looks, before anything is decided anew, whether each file is there
// still, and returns the first that is not: whoever published in between may have
// overwritten what had been placed.
func (tx *Tx) missingFile(c Change) (string, error) {
	for _, p := range c.Puts {
		if _, err := tx.repo.FS.Lstat(path.Join(c.Stage, p.From)); err == nil {
			continue
		}
		ok, err := hasContent(tx.repo.FS, p.To, p.Size, p.SHA256)
		if err != nil || !ok {
			return p.From, err
		}
	}
	return "", nil
}

// alreadyThere ends a change whose indexes were switched before somebody else
// published on top of it.
func (tx *Tx) alreadyThere(j journal) error {
	err := tx.retire(j)
	if err == nil {
		err = tx.record(j)
	}
	if err != nil {
		return tx.unfinished(err)
	}
	tx.done = &j
	tx.note("an interrupted publish was finished first", j)
	return nil
}

// reportFile is the report beside the files of a rejected change.
const reportFile = ".report.json"

// reject keeps the files of a change that no longer plans, with the reason, where
// nobody publishes them, and forgets the change.
// file is the name of its journal.
func (tx *Tx) reject(j journal, file string, reason error) error {
	dest := path.Join(repo.RejectedDir, j.Transaction)
	if err := tx.keepRejected(j, dest, reason); err != nil {
		return repo.DiskError("recover", path.Join(tx.repo.Path, dest), err)
	}
	// An index that was switched already may have dropped what nobody names now.
	if err := tx.retire(j); err != nil {
		return err
	}
	if err := tx.repo.FS.Remove(file); err != nil {
		return repo.DiskError("recover", path.Join(tx.repo.Path, file), err)
	}
	tx.Notes = append(tx.Notes, report.Finding{
		Code: report.CodeRecovered, Severity: report.SeverityWarning, Actual: describe(j.Generation.Changes),
		Message: "an interrupted publish could not be finished: " + reason.Error(),
		Hint:    "its files and a report are in " + path.Join(tx.repo.Path, dest) + "; push them again if they are still meant",
	})
	return nil
}

func (tx *Tx) keepRejected(j journal, dest string, reason error) error {
	text, err := json.MarshalIndent(rejection{
		Transaction: j.Transaction, Time: tx.repo.Now().UTC(), Reason: reason.Error(),
		Code: report.CodeOf(reason), Records: j.Generation.Changes,
	}, "", "  ")
	if err != nil {
		return err
	}
	fsys := tx.repo.FS
	// If it is there, an earlier attempt has moved it.
	if _, err := fsys.Lstat(dest); errors.Is(err, fs.ErrNotExist) {
		if err := fsys.Rename(j.Stage, dest); err != nil {
			return err
		}
	}
	if err := tx.takeBack(j, dest); err != nil {
		return err
	}
	// No package can have that name.
	file := path.Join(dest, reportFile)
	if err := vfs.ReplaceFile(fsys, file, file+".new", tx.repo.PrivateFileMode(), text); err != nil {
		return err
	}
	return fsys.SyncDir(repo.RejectedDir)
}

// takeBack moves files that were placed already, and that no index names, out of
// the published folder.
func (tx *Tx) takeBack(j journal, dest string) error {
	named, done, err := tx.repo.Format.Names(tx.repo.FS)
	if err != nil {
		return err
	}
	defer done()
	var folders []string
	for _, p := range j.Puts {
		is, err := named(p.To)
		if err != nil {
			return err
		}
		ours, err := hasContent(tx.repo.FS, p.To, p.Size, p.SHA256)
		if err != nil {
			return err
		}
		if is || !ours {
			continue
		}
		if err := tx.repo.FS.Rename(p.To, path.Join(dest, p.From)); err != nil {
			return err
		}
		folders = with(folders, path.Join(dest, path.Dir(p.From)))
	}
	return tx.syncAll(folders)
}
