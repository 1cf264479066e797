package commit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// finish does everything behind the commit point, but for [Tx.conclude]; doing a part of
// it again does no harm.
func (tx *Tx) finish(j journal) error {
	if err := tx.release(j); err != nil {
		return err
	}
	if err := tx.place(j.Puts, j.Stage); err != nil {
		return err
	}
	if err := tx.switchIndexes(j); err != nil {
		return err
	}
	// Nobody forgets a file by the list of retired ones alone: the list may be durable first.
	work := []func() error{func() error { return tx.repo.FS.SyncDir(".") }}
	if len(j.Retires) > 0 {
		work = append(work, func() error { return tx.retire(j) })
	}
	if err := together(work...); err != nil {
		return err
	}
	return tx.record(j)
}

// record appends to the history. The foreign generation is
// durable before the other is written: a history that ends with this transaction is
// whole. It may be there from an attempt that died in between.
func (tx *Tx) record(j journal) error {
	if j.Foreign != nil {
		last, _, err := tx.repo.LastGeneration()
		if err != nil {
			return err
		}
		if last.Transaction != j.Foreign.Transaction {
			err = tx.repo.AppendGeneration(*j.Foreign)
		} else {
			err = tx.repo.SyncHistory()
		}
		if err != nil {
			return err
		}
	}
	return tx.repo.AppendGeneration(j.Generation)
}

// conclude removes the journal of a change that is done, here and wherever else it was
// decided.
func (tx *Tx) conclude() error { return tx.repo.FS.Remove(repo.JournalFile) }

// place renames the files to their targets and makes all the entries durable, also
// those that an earlier attempt has made.
func (tx *Tx) place(puts []Put, stage string) error {
	var folders []string
	for _, p := range puts {
		if err := tx.placeOne(p, stage); err != nil {
			return err
		}
		folders = with(folders, path.Dir(p.To))
	}
	return tx.syncAll(folders)
}

// with appends a name that is not in the list yet.
func with(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

func (tx *Tx) syncAll(folders []string) error {
	for _, dir := range folders {
		if err := tx.repo.FS.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// placeOne moves the staged file into its place. If it is not in the stage, an
// earlier attempt has moved it: then the target has to be it.
func (tx *Tx) placeOne(p Put, stage string) error {
	err := tx.repo.FS.Rename(path.Join(stage, p.From), p.To)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ok, statErr := hasContent(tx.repo.FS, p.To, p.Size, p.SHA256)
	if statErr != nil {
		return statErr
	}
	if !ok {
		return fmt.Errorf("%s: is neither in the stage nor in its place: %w", p.To, err)
	}
	return nil
}

// hasContent reports whether an ordinary file of that size and SHA-256 is there.
func hasContent(fsys vfs.FS, name string, size int64, sum string) (bool, error) {
	info, err := fsys.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.IsRegular() || info.Size != size) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, err := vfs.SHA256(fsys, name)
	return got == sum, err
}

func textSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// switchIndexes renames the staged index files that are not in place yet; the folder is
// still to be synced.
func (tx *Tx) switchIndexes(j journal) error {
	for _, s := range j.Switches {
		err := tx.repo.FS.Rename(s.From, s.Index)
		if err == nil {
			continue
		}
		state, stateErr := tx.stateOf(s)
		if !errors.Is(err, fs.ErrNotExist) || stateErr != nil || state != isNext {
			return errors.Join(err, stateErr)
		}
	}
	return nil
}

// retire records the files that no index names any more.
func (tx *Tx) retire(j journal) error {
	if len(j.Retires) == 0 {
		return nil
	}
	done, err := tx.repo.RetiredBy(j.Transaction)
	if err != nil {
		return err
	}
	if len(done) > 0 {
		if err := tx.repo.SyncRetired(); err != nil {
			return err
		}
	}
	var records []repo.Retired
	for _, r := range j.Retires {
		info, err := tx.repo.FS.Lstat(r.Name)
		if errors.Is(err, fs.ErrNotExist) || done[r.Name] {
			continue
		}
		if err != nil {
			return err
		}
		// Readers may hold the old index until now, however long ago the change
		// was decided.
		records = append(records, repo.Retired{
			Transaction: j.Transaction, Name: r.Name, SHA256: r.SHA256, Size: info.Size, Ino: info.Ino, Since: tx.repo.Now().UTC(),
			Purge: r.Purge,
		})
	}
	return tx.repo.AppendRetired(records)
}
