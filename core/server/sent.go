package server

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/vfs"
)

// A client of version 1 declares MD5 sums only, and its manifest is a file like the
// others. So that it need not send an upload again which was published while its
// connection broke, the newest manifests that a user has published are kept, and what
// they name counts as held as long as it is public.

// maxSent is how many manifests are kept of one user.
const maxSent = 32

// keepSent copies a published manifest out of the area. A copy that is lost costs
// bytes on the wire, so nothing is synced and nothing fails.
func (in *intake) keepSent(c candidate, at string) {
	text, err := vfs.ReadFile(in.s.State, at, manifest.MaxSize)
	user := in.s.path("sent", in.acc.name)
	if err == nil {
		err = in.s.makeFolder(user)
	}
	if err == nil {
		err = in.s.writeSent(in.s.path("sent", in.acc.name, c.sha), text)
	}
	if err == nil {
		err = in.s.trimSent(user)
	}
	if err != nil {
		in.v.log.Warn("not kept for a repetition", "manifest", c.name, "error", err)
	}
}

func (s *Server) writeSent(name string, text []byte) error {
	f, err := s.State.Create(name, s.fileMode)
	if errors.Is(err, fs.ErrExist) {
		return s.State.Chtimes(name, s.Now())
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// trimSent deletes all but the newest.
func (s *Server) trimSent(user string) error {
	list, err := s.State.ReadDir(user)
	if err != nil || len(list) <= maxSent {
		return err
	}
	slices.SortFunc(list, func(a, b vfs.Info) int { return cmp.Or(a.ModTime.Compare(b.ModTime), cmp.Compare(a.Name, b.Name)) })
	var errs []error
	for _, e := range list[:len(list)-maxSent] {
		if err := s.State.Remove(path.Join(user, e.Name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// sentManifest is the path of a manifest that was published, or nothing.
func (s *Server) sentManifest(user, sha string) string {
	at := s.path("sent", user, sha)
	if text, err := vfs.ReadFile(s.State, at, manifest.MaxSize); err != nil || sumOf(string(text)) != sha {
		return ""
	}
	return at
}

// repetition finds the declared files of version 1 that the user has sent before and
// that are public: their SHA-256, by their place in the declaration.
func (in *intake) repetition(ctx context.Context) (map[int]string, error) {
	list, err := in.s.State.ReadDir(in.s.path("sent", in.acc.name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	held := map[int]string{}
	for _, e := range list {
		text, err := vfs.ReadFile(in.s.State, in.s.path("sent", in.acc.name, e.Name), manifest.MaxSize)
		if err != nil || sumOf(string(text)) != e.Name {
			continue
		}
		m, _ := manifest.Parse(text)
		if m == nil {
			continue
		}
		if err := in.repeats(ctx, m, held); err != nil {
			return nil, err
		}
		got := newSums()
		_, _ = got.Write(text)
		for i, f := range in.files {
			if isManifest(f.Name) && f.Size == int64(len(text)) && got.matches(f.Declared) {
				held[i] = e.Name
			}
		}
	}
	return held, nil
}

// repeats adds the declared files that are files of a manifest, and public.
func (in *intake) repeats(ctx context.Context, m *manifest.Manifest, held map[int]string) error {
	var public map[string]place
	for _, want := range needed(m, in.s.archs) {
		for i, f := range in.files {
			if f.Name != want.Name || f.Size != want.Size {
				continue
			}
			if public == nil {
				var err error
				if public, err = in.s.published(ctx, m); err != nil {
					return err
				}
			}
			if p, there := public[want.SHA256]; there && p.md5 == f.MD5 {
				held[i] = want.SHA256
			}
		}
	}
	return nil
}

func (s sums) md5Text() string { return hex.EncodeToString(s.md5.Sum(nil)) }
