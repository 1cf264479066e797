package upkeep

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// Leftover is a file or folder in .mmpush that nobody works on any more.
type Leftover struct {
	Name string `json:"name"`
	// Size is that of all files in it.
	Size int64 `json:"size"`
}

// partialDir holds the partial files of uploads over the network, a folder for each
// user; partialAge is after how long without a byte nobody is expected to go on.
const (
	partialDir = repo.MetaDir + "/partial"
	partialAge = 7 * 24 * time.Hour
)

// leftovers looks for what killed processes have left; it changes nothing.
func leftovers(r *repo.Repo) ([]Leftover, error) {
	names, err := leftoverNames(r)
	if err != nil {
		return nil, repo.DiskError("look", path.Join(r.Path, repo.MetaDir), err)
	}
	var list []Leftover
	for _, name := range names {
		size, err := sizeOf(r.FS, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, repo.DiskError("look", path.Join(r.Path, name), err)
		}
		list = append(list, Leftover{name, size})
	}
	return list, nil
}

func leftoverNames(r *repo.Repo) ([]string, error) {
	own, err := list(r.FS, repo.MetaDir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range own {
		if i.IsRegular() && isTemporary(i.Name) {
			names = append(names, path.Join(repo.MetaDir, i.Name))
		}
	}
	// A journal that is not finished needs its stage.
	if !r.Unfinished() {
		dead, err := deadStages(r.FS)
		if err != nil {
			return nil, err
		}
		names = append(names, dead...)
	}
	trash, err := list(r.FS, repo.TrashDir)
	for _, i := range trash {
		names = append(names, path.Join(repo.TrashDir, i.Name))
	}
	if err != nil {
		return nil, err
	}
	partials, err := oldPartials(r.FS, r.Now().Add(-partialAge))
	return append(names, partials...), err
}

// isTemporary reports whether a name in .mmpush is that of a file while it is written.
// Under the lock nobody writes one.
func isTemporary(name string) bool {
	return strings.HasSuffix(name, ".new") || strings.HasPrefix(name, path.Base(repo.SettingsFile)+".")
}

// deadStages are those that nobody has locked.
func deadStages(fsys vfs.FS) ([]string, error) {
	stages, err := list(fsys, repo.StageDir)
	var dead []string
	for _, i := range stages {
		name := path.Join(repo.StageDir, i.Name)
		f, openErr := fsys.Open(name)
		if openErr != nil {
			// It went away, or is another user's.
			continue
		}
		if f.TryLock() == nil {
			dead = append(dead, name)
		}
		err = errors.Join(err, f.Close())
	}
	return dead, err
}

// oldPartials are the partial uploads of which nothing was written since limit.
func oldPartials(fsys vfs.FS, limit time.Time) ([]string, error) {
	users, err := list(fsys, partialDir)
	var old []string
	for _, u := range users {
		dir := path.Join(partialDir, u.Name)
		files, listErr := list(fsys, dir)
		err = errors.Join(err, listErr)
		for _, i := range files {
			if i.ModTime.Before(limit) {
				old = append(old, path.Join(dir, i.Name))
			}
		}
	}
	return old, err
}

// list is a folder's entries; one that is not there has none.
func list(fsys vfs.FS, dir string) ([]vfs.Info, error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || vfs.CannotExist(err) {
		return nil, nil
	}
	return entries, err
}

// sizeOf is the size of a file, or of all files in a folder.
func sizeOf(fsys vfs.FS, name string) (int64, error) {
	info, err := fsys.Lstat(name)
	if err != nil || !info.Mode.IsDir() {
		return info.Size, err
	}
	entries, err := list(fsys, name)
	var size int64
	for _, i := range entries {
		n, sizeErr := sizeOf(fsys, path.Join(name, i.Name))
		if !errors.Is(sizeErr, fs.ErrNotExist) {
			err = errors.Join(err, sizeErr)
		}
		size += n
	}
	return size, err
}

// sweep deletes leftovers, under the lock, and returns those that are gone; what somebody
// has begun to use since stays.
func sweep(r *repo.Repo, found []Leftover) ([]Leftover, error) {
	still, err := leftoverNames(r)
	if err != nil {
		return nil, err
	}
	var gone []Leftover
	for _, l := range found {
		if slices.Contains(still, l.Name) {
			if err := vfs.RemoveAll(r.FS, l.Name); err != nil {
				return gone, err
			}
		} else if _, err := r.FS.Lstat(l.Name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		gone = append(gone, l)
	}
	return gone, nil
}
