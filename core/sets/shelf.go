package sets

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// shelf are the parts that wait in one repository.
type shelf struct{ repo *repo.Repo }

func groupDir(id string) string { return path.Join(repo.PartsDir, id) }

// lock takes a lock of the shelf, waiting at most so long; the lock is given back by
// unlock.
func (s shelf) lock(name string, wait time.Duration) (unlock func(), err error) {
	for {
		f, err := s.repo.FS.OpenLock(name, s.repo.PrivateFileMode())
		if err != nil {
			return nil, s.repo.Tell("parts", err)
		}
		if unlock, err = s.wait(f, name, wait); err != nil {
			return nil, err
		}
		// A folder that went meanwhile has taken its lock along: that keeps nobody out.
		mine, statErr := f.Stat()
		if there, err := s.repo.FS.Lstat(name); statErr == nil && err == nil && there.Ino == mine.Ino {
			return unlock, nil
		}
		unlock()
	}
}

// wait locks an open file, or closes it.
func (s shelf) wait(f vfs.File, name string, wait time.Duration) (unlock func(), err error) {
	began := s.repo.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err = f.TryLock()
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, vfs.ErrLocked) || s.repo.Now().Sub(began) >= wait {
			break
		}
		s.repo.Sleep(pause)
	}
	_ = f.Close()
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &report.Error{
			Stage: "parts", Code: report.CodeLocked, Kind: report.KindBusy, File: path.Join(s.repo.Path, name),
			Err: fmt.Errorf("is locked: the parts are being published or dropped by another process; waited %s", wait), Hint: "try again later",
		}
	}
	return nil, s.repo.Tell("parts", err)
}

// prepare makes the folder of a group.
func (s shelf) prepare(dirs ...string) error {
	if err := s.repo.Prepare(); err != nil {
		return err
	}
	for _, dir := range dirs {
		if err := s.repo.FS.Mkdir(dir, s.repo.PrivateFolderMode()); err != nil && !errors.Is(err, fs.ErrExist) {
			return s.repo.Tell("parts", err)
		}
	}
	return nil
}

// group reads a group; nil if there is none.
func (s shelf) group(id string) (*group, error) {
	var g group
	ok, err := s.read(path.Join(groupDir(id), groupFile), &g)
	if err != nil || !ok {
		return nil, err
	}
	return &g, nil
}

// read reads a record. One that makes no sense is none, as if it had not been written: it
// must not be in the way of all the others, and whoever pushes again writes another.
func (s shelf) read(name string, to interface{ sensible() bool }) (bool, error) {
	text, err := vfs.ReadFile(s.repo.FS, name, recordSize)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, s.repo.Tell("parts", fmt.Errorf("%s: %w", name, err))
	}
	return json.Unmarshal(text, to) == nil && to.sensible(), nil
}

// parts are those of a group, the newest of each architecture, in the order of those.
func (s shelf) parts(id string) ([]part, error) {
	all, err := s.all(id)
	newest := map[string]part{}
	for _, p := range all {
		if before, ok := newest[p.Arch]; !ok || before.Time.Before(p.Time) {
			newest[p.Arch] = p
		}
	}
	return slices.SortedFunc(func(yield func(part) bool) {
		for _, p := range newest {
			if !yield(p) {
				return
			}
		}
	}, func(a, b part) int { return cmp.Compare(a.Arch, b.Arch) }), err
}

// all are the parts of a group, those that were replaced included.
func (s shelf) all(id string) ([]part, error) {
	entries, err := s.repo.FS.ReadDir(groupDir(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, s.repo.Tell("parts", err)
	}
	var list []part
	for _, i := range entries {
		if !i.Mode.IsDir() {
			continue
		}
		p := part{}
		dir := path.Join(groupDir(id), i.Name)
		ok, err := s.read(path.Join(dir, partFile), &p)
		if err != nil {
			return list, err
		}
		if p.dir = dir; ok {
			list = append(list, p)
		}
	}
	return list, nil
}

// ids are those of all groups.
func (s shelf) ids() ([]string, error) {
	entries, err := s.repo.FS.ReadDir(repo.PartsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, s.repo.Tell("parts", err)
	}
	var list []string
	for _, i := range entries {
		if i.Mode.IsDir() {
			list = append(list, i.Name)
		}
	}
	return list, nil
}

// remove takes parts away, and the group if nothing is left of it. The caller holds the
// lock of the group.
func (s shelf) remove(id string, gone []part) error {
	unlock, err := s.lock(partsLock, time.Minute)
	if err != nil {
		return err
	}
	defer unlock()
	left, err := s.all(id)
	if err != nil {
		return err
	}
	if len(without(left, gone)) == 0 {
		// At once: a part that a kill leaves would wait for those that are published.
		return s.discard(groupDir(id))
	}
	for _, p := range gone {
		if err := s.discard(p.dir); err != nil {
			return err
		}
	}
	return nil
}

// discard moves a folder out of the way at once, and deletes it.
func (s shelf) discard(dir string) error {
	trash := path.Join(repo.TrashDir, s.repo.NewID())
	err := s.repo.FS.Rename(dir, trash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.repo.FS.SyncDir(path.Dir(dir))
	}
	if err != nil {
		return s.repo.Tell("parts", err)
	}
	// What cannot be deleted now is swept by the next change.
	_ = vfs.RemoveAll(s.repo.FS, trash)
	return nil
}
