package server

import (
	"context"
	"slices"

	"github.com/mmpush/mmpush/core/tupkg"
)

// unclaimed are the manifests in the user's area that no session, in whatever process, is
// going to run. A session that does not run what it was going to, since a file is missing,
// looks here itself afterwards.
func (in *intake) unclaimed(ctx context.Context) ([]candidate, error) {
	area, err := in.s.survey(in.acc)
	if err != nil {
		return nil, err
	}
	list := manifests(area)
	in.s.mu.Lock()
	list = slices.DeleteFunc(list, func(c candidate) bool { return in.acc.promised[c.sha] > 0 })
	in.s.mu.Unlock()
	if len(list) == 0 {
		return nil, nil
	}
	var others []claim
	err = in.s.exclusively(ctx, func() (err error) {
		others, err = in.s.claims(in.acc.name)
		return err
	})
	return slices.DeleteFunc(list, func(c candidate) bool {
		return slices.ContainsFunc(others, func(o claim) bool { return o.runs[c.sha] })
	}), err
}

// runWaiting runs the manifests that earlier sessions have brought and that are
// complete now. Those that a session will run itself are left to it. Whatever comes of
// it is no matter of this upload. The caller holds the account's run.
func (in *intake) runWaiting(ctx context.Context) {
	list, err := in.unclaimed(ctx)
	if err != nil {
		in.v.log.Error("failed", "during", "look for waiting manifests", "error", err)
		return
	}
	for _, c := range list {
		if ctx.Err() != nil {
			return
		}
		if _, err := in.judge(ctx, c, func(tupkg.Progress) {}); err != nil {
			in.v.log.Error("failed", "during", "publish of a waiting manifest", "manifest", c.name, "error", err)
		}
	}
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
