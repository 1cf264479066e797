package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// RejectedDir and VerdictDir are folders in the drop folder.
	RejectedDir = "rejected"
	VerdictDir  = "verdicts"

	// privateDir is where the watcher writes down what it is about to do.
	privateDir = ".mmpush-watch"
	lockName   = "lock"

	openMode    fs.FileMode = 0o755
	privateMode fs.FileMode = 0o700
)

// takeOver makes the folders, and sees that nobody else watches here and that this
// is not the repository itself.
func (s *Scanner) takeOver(r *repo.Repo) error {
	if err := s.makeFolder(privateDir, privateMode); err != nil {
		return s.setupError(err)
	}
	// A folder that was just made in one and shows in the other: they are the same.
	if _, err := r.FS.Lstat(privateDir); err == nil {
		_ = s.opt.Drop.Remove(privateDir)
		return &report.Error{
			Stage: "watch", Code: report.CodeUsage, Kind: report.KindUsage, File: s.opt.Path,
			Err:  errors.New("is the repository itself"),
			Hint: "a drop folder is a folder of its own, outside of what the web server shows",
		}
	}
	lock, err := s.opt.Drop.OpenLock(privateDir+"/"+lockName, 0o600)
	if err != nil {
		return s.setupError(err)
	}
	if err := lock.TryLock(); err != nil {
		// The error of TryLock is the one that tells.
		_ = lock.Close()
		return s.lockError(err)
	}
	if err := errors.Join(s.makeFolders(), s.closedToOthers(), s.oneFileSystem()); err != nil {
		_ = lock.Close()
		return s.setupError(err)
	}
	s.lock = lock
	return nil
}

func (s *Scanner) lockError(err error) error {
	if !errors.Is(err, vfs.ErrLocked) {
		return s.setupError(err)
	}
	return &report.Error{
		Stage: "watch", Code: report.CodeLocked, Kind: report.KindBusy, File: s.opt.Path,
		Err:  errors.New("another watcher works on this folder"),
		Hint: "one drop folder belongs to one repository and has one watcher",
	}
}

// setupError says that the folder cannot be used as a drop folder.
func (s *Scanner) setupError(err error) error {
	return &report.Error{
		Stage: "watch", Code: report.CodeDisk, Kind: report.KindUsage, File: s.opt.Path,
		Err:  fmt.Errorf("cannot be used as a drop folder: %w", err),
		Hint: "the user that runs mmpush needs the right to read and write it",
	}
}

// makeFolders makes those of our folders that are missing. If the drop folder
// itself is gone, the error is fs.ErrNotExist.
func (s *Scanner) makeFolders() error {
	return errors.Join(
		s.makeFolder(privateDir, privateMode),
		s.makeFolder(RejectedDir, openMode),
		s.makeFolder(VerdictDir, openMode),
	)
}

// Folders are the names of the watcher's own folders in the drop folder.
func Folders() []string { return []string{privateDir, RejectedDir, VerdictDir} }

// closedToOthers wants nobody else to be able to write to our folders: a journal is
// believed, and has files deleted.
func (s *Scanner) closedToOthers() error {
	if runtime.GOOS == "windows" {
		// It has no such bits.
		return nil
	}
	for _, name := range Folders() {
		info, err := s.opt.Drop.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Mode.Perm()&0o022 != 0 {
			return fmt.Errorf("others may write to %s in it (mode %#o): run chmod go-w on it, after a look at what is there", name, info.Mode.Perm())
		}
	}
	return nil
}

// oneFileSystem wants our folders to be on the file system of the drop folder: only
// then files can be moved there, which is how uploads leave.
func (s *Scanner) oneFileSystem() error {
	drop, err := s.opt.Drop.Lstat(".")
	if err != nil {
		return err
	}
	for _, name := range Folders() {
		info, err := s.opt.Drop.Lstat(name)
		if err == nil && info.Dev != drop.Dev {
			return fmt.Errorf("%s in it is on another file system, so no file can be moved there: unmount it, or watch a folder further down", name)
		}
	}
	return nil
}

// makeFolder makes a folder and its entry durable. Something else under its name,
// a link for instance, is an error.
func (s *Scanner) makeFolder(name string, mode fs.FileMode) error {
	info, err := s.opt.Drop.Lstat(name)
	switch {
	case err == nil && info.Mode.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is a %s, but a folder is needed there", name, vfs.TypeName(info.Mode))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.opt.Drop.Mkdir(name, mode); err != nil {
		return err
	}
	return s.opt.Drop.SyncDir(".")
}
