package server

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/vfs"
)

// prepare makes the folder and joins those that use it.
func (s *Server) prepare() error {
	if err := s.makeFolder(s.path(".")); err != nil {
		return err
	}
	for _, dir := range []string{"partial", "area", "refused", "sent", "trash", "run", "live"} {
		if err := s.makeFolder(s.path(dir)); err != nil {
			return err
		}
		if err := s.share(s.path(dir)); err != nil {
			return err
		}
	}
	if i := s.Incoming; i != nil && path.Clean(i.Dir) != "." {
		if err := s.makeIncoming(); err != nil {
			return err
		}
	}
	if err := s.noteRepository(); err != nil {
		return err
	}
	return s.join(context.Background())
}

// makeIncoming makes the incoming folder if it is not there. It may be younger than the
// folders that it is in, so that they are synced each time: what is told to be there is.
func (s *Server) makeIncoming() error {
	i := s.Incoming
	if err := i.FS.Mkdir(i.Dir, s.folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for dir := path.Dir(path.Clean(i.Dir)); ; dir = path.Dir(dir) {
		if err := i.FS.SyncDir(dir); err != nil || dir == "." {
			return err
		}
	}
}

// makeFolder makes one folder if it is not there.
func (s *Server) makeFolder(name string) error {
	if name == "." {
		return nil
	}
	if err := s.State.Mkdir(name, s.folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// path is a name below the server's folder.
func (s *Server) path(elements ...string) string {
	return path.Join(s.Dir, path.Join(elements...))
}

// share gives a folder of ours, and all in it, the modes of the settings, if those have
// changed since it was made. Only the owner can; the others do without.
func (s *Server) share(name string) error {
	const bits = fs.ModePerm | fs.ModeSetgid
	info, err := s.State.Lstat(name)
	if err != nil || info.Mode&bits == s.folderMode&bits {
		return err
	}
	return s.chmod(name, info)
}

// chmod is share's way down.
func (s *Server) chmod(name string, info vfs.Info) error {
	if now, err := s.State.Lstat(name); err != nil || now.IsRegular() && now.Links > 1 {
		// A killed process has left it with a published name, too; what has gone is
		// nobody's.
		return gone(err)
	}
	mode := s.fileMode
	if info.Mode.IsDir() {
		mode = s.folderMode
	}
	err := s.State.Chmod(name, mode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode.IsDir() {
		return err
	}
	entries, err := s.State.ReadDir(name)
	for _, e := range entries {
		if !e.IsRegular() && !e.Mode.IsDir() {
			continue
		}
		err = errors.Join(err, s.chmod(path.Join(name, e.Name), e))
	}
	return err
}
