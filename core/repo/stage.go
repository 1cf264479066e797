package repo

import (
	"errors"
	"path"

	"github.com/mmpush/mmpush/core/vfs"
)

// Stage is a folder in which one change is prepared. While it is open nobody
// sweeps it; a stage whose process died is swept by the next commit.
type Stage struct {
	// Dir is the folder, below the repository.
	Dir  string
	repo *Repo
	lock vfs.File
}

// NewStage makes an empty stage.
func (r *Repo) NewStage() (*Stage, error) {
	for {
		s, err := r.tryStage()
		if err != nil {
			return nil, DiskError("stage", path.Join(r.Path, StageDir), err)
		}
		if s != nil {
			return s, nil
		}
	}
}

// tryStage returns nil if the sweeper took the folder between its making and its
// locking.
func (r *Repo) tryStage() (*Stage, error) {
	dir := path.Join(StageDir, r.NewID())
	err := r.FS.Mkdir(dir, r.PrivateFolderMode())
	if isNotExist(err) {
		if err = r.ensureFolders(); err == nil {
			err = r.FS.Mkdir(dir, r.PrivateFolderMode())
		}
	}
	if err != nil {
		return nil, err
	}
	f, err := r.FS.Open(dir)
	if isNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := f.TryLock(); err != nil {
		f.Close()
		if errors.Is(err, vfs.ErrLocked) {
			return nil, nil
		}
		return nil, err
	}
	held, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info, err := r.FS.Lstat(dir); isNotExist(err) || err == nil && info.Ino != held.Ino {
		return nil, f.Close()
	} else if err != nil {
		f.Close()
		return nil, err
	}
	return &Stage{Dir: dir, repo: r, lock: f}, nil
}

// Discard deletes the stage with everything in it. If there is a journal, it may
// need this stage: then the stage is left to the sweeper.
func (s *Stage) Discard() error {
	var err error
	if !s.repo.Unfinished() {
		err = vfs.RemoveAll(s.repo.FS, s.Dir)
	}
	if cerr := s.lock.Close(); err == nil {
		err = cerr
	}
	return err
}

// Unfinished reports whether an interrupted change waits for somebody to finish it, or
// may wait: then what the indexes say is not the last word.
func (r *Repo) Unfinished() bool {
	for _, name := range []string{JournalFile, PreparedFile} {
		if _, err := r.FS.Lstat(name); !isNotExist(err) {
			return true
		}
	}
	return false
}

// Sweep deletes the stages whose processes have died, as far as it can: those of
// another user are that user's to sweep. Call it under the lock and after recovery: a
// journal that is not finished needs its stage.
func (r *Repo) Sweep() error {
	stages, err := r.FS.ReadDir(StageDir)
	if err != nil {
		return err
	}
	var problems error
	for _, s := range stages {
		problems = errors.Join(problems, r.sweep(s.Name))
	}
	trash, err := r.FS.ReadDir(TrashDir)
	if err != nil {
		return err
	}
	for _, t := range trash {
		problems = errors.Join(problems, vfs.RemoveAll(r.FS, path.Join(TrashDir, t.Name)))
	}
	return problems
}

// sweep moves one stage out of the way if nobody has it locked: its maker, if it
// comes between mkdir and flock, then sees that the folder is another.
func (r *Repo) sweep(name string) error {
	dir := path.Join(StageDir, name)
	f, err := r.FS.Open(dir)
	if isNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.TryLock(); err != nil {
		return nil
	}
	// A new name: after a power loss there may be a part of it in the trash already.
	if err := r.FS.Rename(dir, path.Join(TrashDir, r.NewID())); !isNotExist(err) {
		return err
	}
	return nil
}
