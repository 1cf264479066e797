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

// Room is an amount of disk.
type Room struct {
	Bytes int64
	Files int
}

// Names reports whether somebody names a file, a path below the repository.
type Names func(file string) (bool, error)

// MakeRoom deletes the oldest retired files, whatever their grace time, until so much
// is free as was asked for, or none is left; it reports whether any was deleted. What
// an index names stays, and what keep names (nil is nothing). [Tx.Notes] tells.
func (tx *Tx) MakeRoom(need Room, keep Names) (bool, error) {
	all, err := tx.repo.RetiredFiles()
	if err != nil || len(all) == 0 {
		return false, err
	}
	named, done, err := tx.repo.Format.Names(tx.repo.FS)
	if err != nil {
		return false, err
	}
	defer done()
	l := ledger{tx.repo, either(named, keep)}
	var oldest []Expiry
	for _, rec := range newest(all) {
		oldest = append(oldest, Expiry{rec, ReasonFull})
	}
	slices.SortStableFunc(oldest, byAge)
	deleted, rest, err := tx.deleteFor(l, oldest, need)
	if err != nil || len(deleted) == 0 {
		return false, err
	}
	tx.noteEarly(deleted, "the disk is full: for a publish", "make room; whoever holds an older index may miss these files")
	// A record of a file that is gone does no harm, and the disk may still be full.
	if err := tx.repo.ReplaceRetired(rest); !vfs.IsFull(err) {
		return true, err
	}
	return true, nil
}

// deleteFor deletes files in their order until there is enough room.
func (tx *Tx) deleteFor(l ledger, oldest []Expiry, need Room) (deleted []Expiry, rest []repo.Retired, err error) {
	var got Room
	deleted, left, err := tx.delete(l, oldest, func(e Expiry) bool {
		if got.Bytes >= need.Bytes && got.Files >= need.Files {
			return false
		}
		if ok, err := l.deletable(e.Retired); err != nil || !ok {
			return false
		}
		got.Bytes += e.Size
		got.Files++
		return true
	})
	for _, e := range left {
		rest = append(rest, e.Retired)
	}
	return deleted, rest, err
}

// either is what one of two names.
func either(a, b Names) Names {
	if b == nil {
		return a
	}
	return func(file string) (bool, error) {
		is, err := a(file)
		if err != nil || is {
			return is, err
		}
		return b(file)
	}
}

// noteEarly tells which files went before their time.
func (tx *Tx) noteEarly(deleted []Expiry, why, hint string) {
	early := slices.DeleteFunc(slices.Clone(deleted), func(e Expiry) bool {
		return e.Reason == ReasonGrace || e.Reason == ReasonPurge
	})
	if len(early) == 0 {
		return
	}
	tx.Notes = append(tx.Notes, report.Finding{
		Code: report.CodeRoom, Severity: report.SeverityWarning, Hint: hint,
		Message: fmt.Sprintf("%s; the oldest retired files went before their grace time was over: %d with %d bytes", why, len(early), bytesOf(early)),
	})
}

// roomOf is what a change may need on the disk beyond its stage's files: the index
// files, the journal with the intent, and the records. The new indexes are about as
// large as the old ones.
func (tx *Tx) roomOf(c Change) Room {
	need := Room{Bytes: 1<<20 + 2*int64(len(c.Intent)), Files: len(c.Puts) + 8}
	for _, s := range c.Switches {
		need.Bytes += 2 * s.Base.Size
	}
	return need
}

// ahead does everything up to the commit point. If the disk is full, it makes room and
// tries once more.
func (tx *Tx) ahead(ctx context.Context, c Change, p *pact) (journal, error) {
	j, err := tx.tryAhead(ctx, c, p)
	if !vfs.IsFull(err) || c.Names == nil || tx.there(p.journal()) {
		return j, err
	}
	// What old index files take comes free by itself.
	tx.forgetting.Wait()
	made, roomErr := tx.MakeRoom(tx.roomOf(c), c.Names)
	if roomErr != nil || !made && !tx.forgot {
		return j, errors.Join(err, roomErr)
	}
	return tx.tryAhead(ctx, c, p)
}

// tryAhead leaves nothing of its own on a full disk: not even a second try has much
// room there.
func (tx *Tx) tryAhead(ctx context.Context, c Change, p *pact) (journal, error) {
	j, durable, err := tx.prepare(ctx, c, p)
	if err == nil {
		err = tx.decide(j, p.journal(), durable)
	}
	if vfs.IsFull(err) && !tx.there(p.journal()) {
		for _, s := range c.Switches {
			_ = tx.repo.FS.Remove(stagedIndex(j, s.Index))
		}
		_ = tx.repo.FS.Remove(reserveFile(j))
		_ = tx.repo.FS.Remove(journalTemp)
	}
	return j, err
}

// there reports whether a file is in its place, or may be.
func (tx *Tx) there(name string) bool {
	_, err := tx.repo.FS.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// behind does everything behind the commit point. A full disk cannot stop it, as a
// rule: the room was reserved. If it does, retired files that neither the old indexes
// nor the new ones name give theirs, and the next attempt goes on.
func (tx *Tx) behind(j journal) error {
	err := tx.finish(j)
	if !vfs.IsFull(err) {
		return err
	}
	keep, done, namesErr := tx.nextNames(j)
	if namesErr != nil {
		return errors.Join(err, namesErr)
	}
	defer done()
	made, roomErr := tx.MakeRoom(Room{Bytes: 1 << 20, Files: 8}, either(keep, placedBy(j)))
	if roomErr != nil || !made {
		return errors.Join(err, roomErr)
	}
	return tx.goOn(j)
}

// placedBy names what a change puts in its place. A group may retire a file that it has
// placed itself: it stays until the change is done, since whoever goes on looks for it.
func placedBy(j journal) Names {
	return func(file string) (bool, error) {
		return slices.ContainsFunc(j.Puts, func(p Put) bool { return p.To == file }), nil
	}
}

// goOn finishes a change that stopped somewhere behind its commit point.
func (tx *Tx) goOn(j journal) error {
	last, _, err := tx.repo.LastGeneration()
	if err != nil {
		return err
	}
	if last.Transaction == j.Transaction {
		return tx.repo.SyncHistory()
	}
	return tx.finish(j)
}

// nextNames is what the index files name that a journal is about to switch to.
func (tx *Tx) nextNames(j journal) (named Names, done func(), err error) {
	staged := map[string]string{}
	for _, s := range j.Switches {
		if _, err := tx.repo.FS.Lstat(s.From); err == nil {
			staged[s.Index] = s.From
		}
	}
	return tx.repo.Format.Names(vfs.Alias(tx.repo.FS, staged))
}

// recordRoom is what is kept free, in bytes, for folders that grow by a name, and for
// what a record has beyond the text of its file.
const (
	folderRoom = 16 << 10
	recordRoom = 512
)

// reserveFile takes the room that will be needed behind the commit point.
func reserveFile(j journal) string { return path.Join(j.Stage, ".room."+j.Transaction) }

// reserve takes the room that is needed behind the commit point, so that a full disk
// is met ahead of it. [Tx.finish] gives it back.
func (tx *Tx) reserve(j journal) error {
	record, err := json.Marshal(j.Generation)
	if err != nil {
		return err
	}
	size := len(record) + folderRoom
	if j.Foreign != nil {
		foreign, err := json.Marshal(j.Foreign)
		if err != nil {
			return err
		}
		size += len(foreign)
	}
	for _, r := range j.Retires {
		size += len(r.Name) + recordRoom
	}
	f, err := tx.repo.FS.Create(reserveFile(j), tx.repo.PrivateFileMode())
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, size))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// release gives the reserved room back.
func (tx *Tx) release(j journal) error {
	err := tx.repo.FS.Remove(reserveFile(j))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
