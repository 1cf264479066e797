package commit

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// What one call of Expire does at the most, so that no publish pays for many.
const (
	expireFiles = 1000
	expireTime  = time.Second
)

// Reason is why a retired file goes.
type Reason string

// The reasons.
const (
	// ReasonGrace: its grace time is over.
	ReasonGrace Reason = "grace"
	// ReasonPurge: it was retired to be deleted at once.
	ReasonPurge Reason = "purge"
	// ReasonMax: retired files take more than the setting retired-max, and it is the
	// oldest.
	ReasonMax Reason = "retired-max"
	// ReasonFull: the disk is full, and it is the oldest.
	ReasonFull Reason = "disk-full"
)

// Expiry is one retired file that goes, and why.
type Expiry struct {
	repo.Retired
	Reason Reason
}

// Expire deletes retired files whose grace time is over, and the oldest of those that
// are more than the setting retired-max allows. A file goes only if no index names
// it, and it is still the file that was retired.
func (tx *Tx) Expire() error {
	began, files := tx.repo.Now(), 0
	_, err := tx.expire(func(e Expiry) bool {
		if e.Reason == ReasonPurge {
			return true
		}
		files++
		return files <= expireFiles && tx.repo.Now().Sub(began) <= expireTime
	})
	return err
}

// Collect is Expire without a bound on its work; it returns what it has deleted. If
// ctx ends, the rest is left to the next one.
func (tx *Tx) Collect(ctx context.Context) ([]Expiry, error) {
	return tx.expire(func(Expiry) bool { return ctx.Err() == nil })
}

// Outlook tells, without changing anything, what Collect would delete now, and the
// retired files that stay.
func Outlook(r *repo.Repo) (due []Expiry, stay []repo.Retired, err error) {
	records, err := r.RetiredFiles()
	if err != nil || len(records) == 0 {
		return nil, nil, err
	}
	named, done, err := r.Format.Names(r.FS)
	if err != nil {
		return nil, nil, r.Tell("expire", err)
	}
	defer done()
	due, stay, err = ledger{r, named}.outlook(newest(records))
	return due, stay, r.Tell("expire", err)
}

func (l ledger) outlook(records []repo.Retired) (due []Expiry, stay []repo.Retired, err error) {
	due, rest, err := l.due(records)
	if err != nil {
		return nil, nil, err
	}
	if due, err = keepIf(due, func(e Expiry) (bool, error) { return l.deletable(e.Retired) }); err != nil {
		return nil, nil, err
	}
	stay, err = keepIf(rest, l.deletable)
	return due, stay, err
}

// expire deletes what is due, as long as goOn says so.
func (tx *Tx) expire(goOn func(Expiry) bool) ([]Expiry, error) {
	if may, err := tx.mayBeDue(); err != nil || !may {
		return nil, err
	}
	all, err := tx.repo.RetiredFiles()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	records := newest(all)
	named, done, err := tx.repo.Format.Names(tx.repo.FS)
	if err != nil {
		return nil, tx.repo.Tell("expire", err)
	}
	defer done()
	l := ledger{tx.repo, named}
	due, rest, err := l.due(records)
	if err != nil {
		return nil, tx.repo.Tell("expire", err)
	}
	deleted, left, err := tx.delete(l, due, goOn)
	if err != nil {
		return deleted, err
	}
	tx.noteEarly(deleted, "retired files took more room than the setting retired-max allows ("+tx.repo.Settings.RetiredMax.String()+")",
		"raise retired-max, or shorten grace, in "+repo.SettingsFile)
	for _, e := range left {
		rest = append(rest, e.Retired)
	}
	if len(rest) == len(all) {
		return deleted, nil
	}
	slices.SortStableFunc(rest, bySince)
	return deleted, tx.repo.ReplaceRetired(rest)
}

func bySince(a, b repo.Retired) int { return a.Since.Compare(b.Since) }

// newest leaves out the records of files that were published again since, and retired
// again: that counts.
func newest(records []repo.Retired) []repo.Retired {
	last := map[string]int{}
	for i, rec := range records {
		last[rec.Name] = i
	}
	var kept []repo.Retired
	for i, rec := range records {
		if last[rec.Name] == i {
			kept = append(kept, rec)
		}
	}
	return kept
}

// mayBeDue is false if nothing can be due, as can be seen without reading an index, nor
// the list of retired files, which is long where much is published.
func (tx *Tx) mayBeDue() (bool, error) {
	sum, known, err := tx.repo.SumRetired()
	if err != nil || !known {
		return true, err
	}
	l := ledger{repo: tx.repo}
	return l.over(repo.Retired{Purge: sum.Purge, Since: sum.Oldest}) || sum.Bytes > l.max(), nil
}

// delete deletes what goOn agrees to, and makes that durable; left is what it does not.
func (tx *Tx) delete(l ledger, due []Expiry, goOn func(Expiry) bool) (deleted, left []Expiry, err error) {
	var folders []string
	for _, e := range due {
		if !goOn(e) {
			left = append(left, e)
			continue
		}
		gone, err := l.remove(e.Retired)
		if err != nil {
			return deleted, left, repo.DiskError("expire", path.Join(tx.repo.Path, e.Name), err)
		}
		if gone {
			deleted = append(deleted, e)
		}
		folders = with(folders, path.Dir(e.Name))
	}
	if err := tx.forget(folders); err != nil {
		return deleted, left, repo.DiskError("expire", tx.repo.Path, err)
	}
	return deleted, left, nil
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

// ledger decides over retired files; named tells what an index names.
type ledger struct {
	repo  *repo.Repo
	named func(string) (bool, error)
}

// over reports whether a file's time is over.
func (l ledger) over(r repo.Retired) bool {
	return r.Purge || !l.repo.Now().Before(r.Since.Add(l.repo.Settings.Grace))
}

// max is how many bytes retired files may take. What the file system does not tell is
// no bound.
func (l ledger) max() int64 {
	q := l.repo.Settings.RetiredMax
	if q.Bytes > 0 {
		return q.Bytes
	}
	space, err := vfs.SpaceOf(l.repo.FS)
	if err != nil {
		return 1<<63 - 1
	}
	return q.Of(space.Total)
}

// due divides the records into what is to go, and the rest.
func (l ledger) due(records []repo.Retired) (due []Expiry, rest []repo.Retired, err error) {
	var size int64
	for _, rec := range records {
		switch {
		case rec.Purge:
			due = append(due, Expiry{rec, ReasonPurge})
		case l.over(rec):
			due = append(due, Expiry{rec, ReasonGrace})
		default:
			rest = append(rest, rec)
			size += rec.Size
		}
	}
	limit := l.max()
	if size <= limit {
		return due, rest, nil
	}
	more, rest, err := l.oldest(rest, limit)
	return append(due, more...), rest, err
}

// oldest picks the oldest files until the rest is within the limit. Only files that
// take room because they are retired count.
func (l ledger) oldest(records []repo.Retired, limit int64) (due []Expiry, rest []repo.Retired, err error) {
	slices.SortStableFunc(records, bySince)
	live := make([]bool, len(records))
	var size int64
	for i, rec := range records {
		if live[i], err = l.deletable(rec); err != nil {
			return nil, nil, err
		}
		if live[i] {
			size += rec.Size
		}
	}
	for i, rec := range records {
		if live[i] && size > limit {
			due = append(due, Expiry{rec, ReasonMax})
			size -= rec.Size
			continue
		}
		rest = append(rest, rec)
	}
	return due, rest, nil
}

// deletable reports whether the file is there, still the one that was retired, and no
// index names it.
func (l ledger) deletable(rec repo.Retired) (bool, error) {
	is, err := l.named(rec.Name)
	if err != nil || is {
		return false, err
	}
	info, err := l.repo.FS.Lstat(rec.Name)
	if errors.Is(err, fs.ErrNotExist) || vfs.CannotExist(err) {
		return false, nil
	}
	return err == nil && info.Ino == rec.Ino && info.Size == rec.Size, err
}

// remove deletes one file, or finds that it is not ours to delete.
func (l ledger) remove(rec repo.Retired) (gone bool, err error) {
	ours, err := l.deletable(rec)
	if err != nil || !ours {
		return false, err
	}
	return true, l.repo.FS.Remove(rec.Name)
}

// keepIf is the items that f is true of.
func keepIf[T any](list []T, f func(T) (bool, error)) ([]T, error) {
	var kept []T
	for _, x := range list {
		ok, err := f(x)
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, x)
		}
	}
	return kept, nil
}

// bytesOf is the size of them all.
func bytesOf(list []Expiry) (n int64) {
	for _, e := range list {
		n += e.Size
	}
	return n
}

// byAge puts the oldest first.
func byAge(a, b Expiry) int { return cmp.Compare(a.Since.UnixNano(), b.Since.UnixNano()) }
