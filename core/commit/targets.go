package commit

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// clearWay sees to it, ahead of the commit point, that each file can be renamed into
// its place: the folders are there, durably and on the stage's file system, and no
// folder or device stands where a file is to be.
//
// A new folder has to be durable before a file moves into it: else a power loss could
// keep the removal of the file's old name and lose the folder with the new one.
func (tx *Tx) clearWay(c Change) error {
	stage, err := tx.repo.FS.Lstat(c.Stage)
	if err != nil {
		return err
	}
	var parents []string
	seen := map[string]bool{}
	for _, p := range c.Puts {
		dir := path.Dir(p.To)
		if err := tx.clearFolder(dir, stage.Dev, seen, &parents); err != nil {
			return err
		}
		info, err := tx.repo.FS.Lstat(p.To)
		if err == nil && info.Mode.IsDir() {
			return fmt.Errorf("the folder %s stands where a package is to be; move it away", p.To)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := tx.clearFolder(".", stage.Dev, seen, &parents); err != nil {
		return err
	}
	return tx.syncAll(parents)
}

// retirable leaves out what cannot be retired: another tool may have named anything,
// and behind the commit point it is too late to find that out.
func (tx *Tx) retirable(list []Retire) ([]Retire, error) {
	var kept []Retire
	for _, r := range list {
		info, err := tx.repo.FS.Lstat(r.Name)
		if vfs.CannotExist(err) || err == nil && !info.IsRegular() {
			continue
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		kept = append(kept, r)
	}
	return kept, nil
}

// clearFolder makes a folder with its parents, and notes whose entries have to be
// made durable.
func (tx *Tx) clearFolder(dir string, dev uint64, seen map[string]bool, parents *[]string) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	if dir != "." {
		if err := tx.clearFolder(path.Dir(dir), dev, seen, parents); err != nil {
			return err
		}
		if err := tx.repo.FS.Mkdir(dir, tx.repo.PublicFolderMode()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		*parents = with(*parents, path.Dir(dir))
	}
	info, err := tx.repo.FS.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !info.Mode.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case info.Dev != dev:
		return fmt.Errorf("%s and %s are on different file systems: a file cannot move from one to the other at once", dir, repo.MetaDir)
	}
	return nil
}
