package server

import (
	"context"
	"slices"

	"github.com/mmpush/mmpush/core/tupkg"
)

// waiting lists the manifests in the user's area.
func (in *intake) waiting() []candidate {
	folders, err := in.s.State.ReadDir(in.s.path("area", in.acc.name))
	if err != nil {
		return nil
	}
	var list []candidate
	for _, folder := range folders {
		names, err := in.s.State.ReadDir(in.s.path("area", in.acc.name, folder.Name))
		if err != nil {
			continue
		}
		for _, n := range names {
			if isManifest(n.Name) {
				list = append(list, candidate{name: n.Name, sha: folder.Name})
			}
		}
	}
	return list
}

// runWaiting runs the manifests that earlier sessions have brought and that are
// complete now. Those that a session will run itself are left to it. Whatever comes of
// it is no matter of this upload.
func (in *intake) runWaiting(ctx context.Context) {
	for _, c := range in.waiting() {
		promised, err := in.s.willRun(ctx, in.acc, c.sha)
		if err == nil && !promised && ctx.Err() == nil {
			_, err = in.judge(ctx, c, func(tupkg.Progress) {})
		}
		if err != nil {
			in.v.log.Error("failed", "during", "publish of a waiting manifest", "manifest", c.name, "error", err)
		}
	}
}

// willRun reports whether a session, in whatever process, is going to run a manifest.
func (s *Server) willRun(ctx context.Context, a *account, sha string) (promised bool, err error) {
	err = s.exclusively(ctx, func() error {
		others, err := s.claims(a.name)
		s.mu.Lock()
		defer s.mu.Unlock()
		promised = a.promised[sha] > 0 || slices.ContainsFunc(others, func(c claim) bool { return c.runs[sha] })
		return err
	})
	return promised, err
}

// runLeft runs the manifests that are complete and that nobody is going to run: a
// process that was killed has left them.
func (s *Server) runLeft(ctx context.Context) {
	if s.Users == nil {
		return
	}
	users, err := s.State.ReadDir(s.path("area"))
	for _, u := range users {
		if err == nil && ctx.Err() == nil {
			err = s.runLeftOf(ctx, u.Name)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.Log.Error("failed", "during", "look for complete uploads", "error", err)
	}
}

// runLeftOf does it for one user, with the rights that the user has now.
func (s *Server) runLeftOf(ctx context.Context, user string) error {
	who, err := s.identity(user)
	if err != nil {
		s.Log.Warn("uploads are left of who may not log in", "user", user)
		return nil
	}
	a := s.enter(user)
	if a == nil {
		// Who has so many sessions runs them at the end of each.
		return nil
	}
	defer s.leave(a)
	v := &visit{s: s, id: newID(), acc: a, version: 1}
	v.log = s.Log.With("id", v.id, "user", user)
	in := &intake{id: v.id, s: s, v: v, acc: a, who: who, released: make(chan struct{})}
	done, err := s.runAlone(ctx, a)
	if err != nil {
		return err
	}
	in.runWaiting(ctx)
	done()
	in.complete(ctx, func(tupkg.Progress) {})
	return nil
}
