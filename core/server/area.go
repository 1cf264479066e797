package server

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// manifestSuffix is what makes a file a manifest.
const manifestSuffix = ".mmpack-manifest"

func isManifest(name string) bool { return strings.HasSuffix(name, manifestSuffix) }

// keyOf names the partial of a declared file.
func keyOf(f tupkg.Declared) string {
	if f.SHA256 != "" {
		return fmt.Sprintf("%s-%d", f.SHA256, f.Size)
	}
	return sumOf(fmt.Sprintf("%s\x00%d\x00%s", f.Name, f.Size, f.MD5)) + "-v1"
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// sums are the hashes of one file, on the way.
type sums struct{ md5, sha256 hash.Hash }

func newSums() sums { return sums{md5.New(), sha256.New()} }

// sumsFor are what a declared file is compared by: MD5, which costs twice as much as
// SHA-256, only in version 1.
func sumsFor(f tupkg.Declared) sums {
	if f.SHA256 != "" {
		return sums{nil, sha256.New()}
	}
	return newSums()
}

// Write never fails. Both hashes are at work at once, if that is worth it.
func (s sums) Write(p []byte) (int, error) {
	const worth = 16 << 10
	switch {
	case s.md5 == nil:
	case len(p) < worth:
		s.md5.Write(p)
	default:
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.md5.Write(p)
		}()
		defer func() { <-done }()
	}
	return s.sha256.Write(p)
}

func (s sums) sha() string { return hex.EncodeToString(s.sha256.Sum(nil)) }

// matches compares with what was declared.
func (s sums) matches(f tupkg.Declared) bool {
	if f.SHA256 != "" {
		return s.sha() == f.SHA256
	}
	return s.md5Text() == f.MD5
}

// hashHeld is hashFile for what a declaration says is here already: only so many at once,
// since declaring costs a client nothing.
func (s *Server) hashHeld(ctx context.Context, fsys vfs.FS, name string, size int64, into sums) error {
	select {
	case s.hashing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.hashing }()
	return hashFile(ctx, fsys, name, size, into)
}

// hashFile reads a file of at most size bytes into sums, or whatever has them. It ends early with ctx.
func hashFile(ctx context.Context, fsys vfs.FS, name string, size int64, into io.Writer) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.Copy(into, io.LimitReader(vfs.WithContext(ctx, f), size+1))
	if err == nil && n != size {
		err = fmt.Errorf("%s: has %d bytes; %d were expected", name, n, size)
	}
	return err
}

func (in *intake) partial(f *file) string { return in.s.path("partial", in.acc.name, f.key) }

// whole finds a file in the user's area, or in the incoming folder: its SHA-256, or
// nothing.
func (in *intake) whole(ctx context.Context, f *file) (string, error) {
	sha, err := in.arrived(ctx, f)
	if sha == "" && err == nil && in.s.takes(f.Name) {
		return in.s.hasIncoming(ctx, in.acc.name, f.Declared)
	}
	return sha, err
}

// arrived finds a file in the user's area.
func (in *intake) arrived(ctx context.Context, f *file) (string, error) {
	if f.SHA256 != "" {
		at, err := in.s.inArea(in.acc.name, f.SHA256)
		if at == "" || err != nil {
			return "", err
		}
		return f.SHA256, nil
	}
	folders, err := in.s.State.ReadDir(in.s.path("area", in.acc.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, folder := range folders {
		at := in.s.path("area", in.acc.name, folder.Name, f.Name)
		info, err := in.s.State.Lstat(at)
		if err != nil || !info.IsRegular() || info.Size != f.Size {
			continue
		}
		got := newSums()
		err = in.s.hashHeld(ctx, in.s.State, at, f.Size, got)
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if err != nil || !got.matches(f.Declared) {
			continue
		}
		if kept, err := in.keep(ctx, f, folder.Name, at); kept || err != nil {
			return folder.Name, err
		}
	}
	return "", nil
}

// keep counts on a file of the area, unless it has just gone.
func (in *intake) keep(ctx context.Context, f *file, sha, at string) (kept bool, err error) {
	err = in.s.exclusively(ctx, func() error {
		_, err := in.s.State.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		kept = err == nil
		return errors.Join(err, in.countLate(f, sha))
	})
	return kept, err
}

// inArea is the path of a user's file with that SHA-256, or nothing.
func (s *Server) inArea(user, sha string) (string, error) {
	dir := s.path("area", user, sha)
	names, err := s.State.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, n := range names {
		if n.IsRegular() {
			return path.Join(dir, n.Name), nil
		}
	}
	return "", nil
}

// store moves a whole partial to the area, and returns its name there. That the name is
// durable is for [intake.settleNames].
func (in *intake) store(ctx context.Context, f *file, sha string) (at string, err error) {
	if f.counted == "" {
		if err := in.s.exclusively(ctx, func() error { return in.countLate(f, sha) }); err != nil {
			return "", err
		}
	}
	user := in.s.path("area", in.acc.name)
	folder := path.Join(user, sha)
	for _, dir := range []string{user, folder} {
		if err := in.s.makeFolder(dir); err != nil {
			return "", err
		}
	}
	at = path.Join(folder, f.Name)
	if err := in.s.State.Rename(in.partial(f), at); err != nil {
		return "", err
	}
	return at, nil
}

// settleNames makes the names durable of all files of the upload that lie in the area,
// before anything is told of them, but for those that wait for the verdict. An earlier
// session may have brought them there, and ended ahead of this.
func (in *intake) settleNames() error {
	user, some := in.s.path("area", in.acc.name), false
	for _, f := range in.files {
		if f.sha == "" || f.loose {
			continue
		}
		err := in.s.State.SyncDir(path.Join(user, f.sha))
		if errors.Is(err, fs.ErrNotExist) {
			// It is public, or in the incoming folder.
			continue
		}
		if err != nil {
			return err
		}
		some = true
	}
	if !some {
		return nil
	}
	return errors.Join(in.s.State.SyncDir(user), in.s.State.SyncDir(in.s.path("area")))
}

// discard deletes files of the area that nobody counts on any more; mine says how often
// the caller counts on one.
func (s *Server) discard(ctx context.Context, a *account, list []string, mine func(sha string) int) error {
	var gone []string
	err := s.exclusively(ctx, func() error {
		others, err := s.claims(a.name)
		if err != nil {
			return err
		}
		for _, sha := range list {
			if s.needs(a, sha) > mine(sha) || counts(others, sha) {
				continue
			}
			trash, err := s.throwAway(s.path("area", a.name, sha))
			if err != nil {
				return err
			}
			gone = append(gone, trash)
		}
		return nil
	})
	return errors.Join(err, s.empty(gone))
}

// needs is how often uploads of this process count on a file.
func (s *Server) needs(a *account, sha string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.needed[sha]
}

// counts reports whether another process counts on a file.
func counts(others []claim, sha string) bool {
	return slices.ContainsFunc(others, func(c claim) bool { return c.sums[sha] })
}

// throwAway moves something to the trash, in one step; that it has gone is no error.
func (s *Server) throwAway(name string) (trash string, err error) {
	trash = s.path("trash", newID())
	if err := s.State.Rename(name, trash); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return trash, nil
}

// empty deletes what is in the trash; another process may be doing the same.
func (s *Server) empty(trash []string) error {
	var errs []error
	for _, name := range trash {
		if err := vfs.RemoveAll(s.State, name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
