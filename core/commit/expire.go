package commit

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
)

// What one call of Expire does at the most, so that no publish pays for many.
const (
	expireFiles = 1000
	expireTime  = time.Second
)

// Expire deletes retired files whose grace time is over. A file goes only if no
// index names it, it is still the file that was retired, and its time is up.
func (tx *Tx) Expire() error {
	records, err := tx.repo.RetiredFiles()
	if err != nil {
		return err
	}
	now := tx.repo.Now()
	due := func(r repo.Retired) bool { return !now.Before(r.Since.Add(tx.repo.Settings.Grace)) }
	if !slices.ContainsFunc(records, due) {
		return nil
	}
	named, err := tx.repo.Format.Names(tx.repo.FS)
	if err != nil {
		return err
	}
	newest := map[string]int{}
	for i, rec := range records {
		newest[rec.Name] = i
	}
	var rest []repo.Retired
	var folders []string
	for i, rec := range records {
		if i-len(rest) >= expireFiles || tx.repo.Now().Sub(now) > expireTime {
			rest = append(rest, records[i:]...)
			break
		}
		if newest[rec.Name] != i {
			// It was published again since, and retired again: that counts.
			continue
		}
		if !due(rec) {
			rest = append(rest, rec)
			continue
		}
		if err := tx.expire(rec, named); err != nil {
			return repo.DiskError("expire", path.Join(tx.repo.Path, rec.Name), err)
		}
		folders = with(folders, path.Dir(rec.Name))
	}
	if err := tx.forget(folders); err != nil {
		return repo.DiskError("expire", tx.repo.Path, err)
	}
	return tx.repo.ReplaceRetired(rest)
}

// expire deletes one file, or finds that it is not ours to delete.
func (tx *Tx) expire(rec repo.Retired, named func(string) (bool, error)) error {
	is, err := named(rec.Name)
	if err != nil || is {
		return err
	}
	info, err := tx.repo.FS.Lstat(rec.Name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (info.Ino != rec.Ino || info.Size != rec.Size) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.repo.FS.Remove(rec.Name); err != nil {
		return err
	}
	return nil
}

// forget makes the deletions in these folders durable, and deletes pool folders
// that are empty now; one that comes back after a power loss is empty.
func (tx *Tx) forget(folders []string) error {
	for _, dir := range folders {
		err := tx.repo.FS.SyncDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if strings.HasPrefix(dir, repo.PoolDir+"/") {
			// It stays if another file is in it.
			_ = tx.repo.FS.Remove(dir)
		}
	}
	return nil
}
