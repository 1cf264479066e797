package server

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// shelf shows the files of an upload under the names that its manifest gives them,
// wherever they are. It is for reading, and gives away what is in the area.
type shelf struct {
	vfs.FS
	files map[string]place
	// seen are files of the area that were seen on their way there, by their names.
	seen map[string]*arrived
}

// Open implements [vfs.FS].
func (s shelf) Open(name string) (vfs.File, error) {
	p, ok := s.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return p.fs.Open(p.name)
}

// Lstat implements [vfs.FS].
func (s shelf) Lstat(name string) (vfs.Info, error) {
	p, ok := s.files[name]
	if !ok {
		return vfs.Info{}, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrNotExist}
	}
	return p.fs.Lstat(p.name)
}

var _ upload.Giver = shelf{}

// Give implements [upload.Giver] for the files of the area, and in hand, that this server's
// user alone could ever open: they were made and hashed here, and closed after that. One of
// another user, or of a group, may still be open somewhere. Its name here stays until the
// upload is published, so that no death loses it.
func (s shelf) Give(name string, to vfs.FS, as string) (*upload.Seen, bool) {
	p := s.files[name]
	linker, ok := to.(vfs.Linker)
	if !ok || !p.received || p.fs != to {
		return nil, false
	}
	info, err := p.fs.Lstat(p.name)
	if err != nil || !info.IsRegular() || info.Links > 1 || info.Mode&0o022 != 0 || info.Owned && int(info.UID) != os.Geteuid() {
		return nil, false
	}
	if linker.Link(p.name, as) != nil {
		return nil, false
	}
	if a := s.seen[p.name]; a != nil && a.is(info) {
		return &a.Seen, true
	}
	return nil, true
}

// detach gives the files of a published upload that stay in the area, by their SHA-256, a
// content of their own: what is published has one name only.
func (in *intake) detach(ctx context.Context, list []string) error {
	var errs []error
	for _, sha := range list {
		at, err := in.s.inArea(in.acc.name, sha)
		if err == nil && at != "" {
			err = in.s.detach(ctx, at)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// detach replaces a file that has several names by a copy.
func (s *Server) detach(ctx context.Context, at string) error {
	info, err := s.State.Lstat(at)
	if err != nil || info.Links <= 1 {
		return gone(err)
	}
	copied := s.path("trash", newID())
	if err := s.copyFile(at, copied, info.Size); err != nil {
		return errors.Join(gone(err), gone(s.State.Remove(copied)))
	}
	return s.exclusively(ctx, func() error {
		if _, err := s.State.Lstat(at); err != nil {
			return errors.Join(gone(err), s.State.Remove(copied))
		}
		return s.State.Rename(copied, at)
	})
}

// copyFile makes a durable copy.
func (s *Server) copyFile(from, to string, size int64) error {
	src, err := s.State.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := s.State.Create(to, s.fileMode)
	if err != nil {
		return err
	}
	err = vfs.CopyRange(dst, src, 0, size)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// gone is no error: another session may delete what this one looks at.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
