package server

import (
	"context"
	"path"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// place is where the bytes of a file are.
type place struct {
	fs   vfs.FS
	name string
	size int64
	// md5 is set for published files.
	md5 string
	// received: it came whole and lies in the user's area, or is in hand.
	received bool
}

// published finds the files of a manifest that the public index names, by SHA-256.
// Each was read just now and has these bytes: a damaged one is not among them, so that
// an upload can put it back.
func (s *Server) published(ctx context.Context, m *manifest.Manifest) (map[string]place, error) {
	repositories, err := s.repositories()
	if err != nil {
		return nil, err
	}
	found := map[string]place{}
	for _, r := range repositories {
		if err := s.publishedIn(ctx, r, m, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// view opens the indexes of a repository; done gives them back. Those of the only one are
// kept open.
func (s *Server) view(r *repo.Repo) (view *index.Snapshot, done func(), err error) {
	if s.Set == nil {
		return s.views.Open(r)
	}
	if view, err = pipeline.View(r.FS); err != nil {
		return nil, nil, err
	}
	return view, func() { _ = view.Close() }, nil
}

// publishedIn adds what one repository has.
func (s *Server) publishedIn(ctx context.Context, r *repo.Repo, m *manifest.Manifest, found map[string]place) error {
	view, done, err := s.view(r)
	if err != nil {
		return err
	}
	defer done()
	for _, f := range needed(m, []string{r.Arch}) {
		at, err := inIndex(view, m, f)
		if err != nil {
			return err
		}
		if _, known := found[f.SHA256]; known || at == "" {
			continue
		}
		got := newSums()
		err = s.hashHeld(ctx, r.FS, at, f.Size, got)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && got.sha() == f.SHA256 {
			found[f.SHA256] = place{fs: r.FS, name: at, size: f.Size, md5: got.md5Text()}
		}
	}
	return nil
}

// atHand are the files of a manifest that are published, and those of parts that the
// user has waiting, by SHA-256: nobody has to send them again.
func (s *Server) atHand(ctx context.Context, user string, m *manifest.Manifest) (map[string]place, error) {
	found, err := s.published(ctx, m)
	if err != nil {
		return nil, err
	}
	parts, err := s.partsOf(user, m)
	for sha, p := range parts {
		if _, known := found[sha]; !known {
			found[sha] = p
		}
	}
	return found, err
}

// wanted is a file that a manifest names; pkg is its package, empty for the source.
type wanted struct {
	manifest.File
	pkg string
}

// needed are the files that a publish reads: nothing if there is no package for any of
// the architectures.
func needed(m *manifest.Manifest, archs []string) []wanted {
	list := []wanted{{File: m.Source}}
	for _, arch := range archs {
		for _, p := range m.Packages(arch) {
			list = append(list, wanted{p.File, p.Name})
		}
	}
	if len(list) == 1 {
		return nil
	}
	return list
}

// inIndex is the path of a published file with the bytes that are wanted, or nothing.
func inIndex(view index.View, m *manifest.Manifest, f wanted) (string, error) {
	if f.pkg != "" {
		b, ok, err := view.Binary(f.pkg)
		if err != nil || !ok || b.SHA256 != f.SHA256 {
			return "", err
		}
		return path.Clean(b.Filename), nil
	}
	sources, err := view.Sources(index.Selector{Name: m.Name, SHA256: f.SHA256})
	if err != nil || len(sources) == 0 {
		return "", err
	}
	return path.Clean(sources[0].Filename), nil
}

// locate finds the files of a manifest; missing are those that are nowhere.
func (in *intake) locate(ctx context.Context, m *manifest.Manifest) (files map[string]place, missing []wanted, err error) {
	files = map[string]place{}
	hand := in.inHand()
	var public map[string]place
	for _, f := range needed(m, in.s.archs) {
		if p, here := hand[f.SHA256]; here {
			files[f.Name] = p
			continue
		}
		at, err := in.s.inArea(in.acc.name, f.SHA256)
		if err != nil {
			return nil, nil, err
		}
		if at != "" {
			files[f.Name] = place{fs: in.s.State, name: at, size: f.Size, received: true}
			continue
		}
		if public == nil {
			if public, err = in.s.atHand(ctx, in.acc.name, m); err != nil {
				return nil, nil, err
			}
		}
		if p, there := public[f.SHA256]; there {
			files[f.Name] = p
		} else {
			missing = append(missing, f)
		}
	}
	return files, missing, nil
}
