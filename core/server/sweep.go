package server

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// sweepEvery is the time between two looks for what has expired.
const sweepEvery = time.Hour

func (s *Server) sweepNowAndThen(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := s.Sweep(ctx); err != nil {
			s.Log.Error("failed", "during", "expiry", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Sweep deletes what has expired: partial files, files of the areas and rejected
// uploads that are older than the limits say and that no session is at work on. One
// process does it at a time; what another one is doing is not done twice.
func (s *Server) Sweep(ctx context.Context) error {
	lock, err := s.State.OpenLock(s.path("sweep"), s.fileMode)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := lock.TryLock(); err != nil {
		if errors.Is(err, vfs.ErrLocked) {
			return nil
		}
		return err
	}
	errs := []error{s.State.Chtimes(s.path("sweep"), s.Now())}
	for kind, age := range map[string]time.Duration{
		"partial": s.Limits.PartialAge, "area": s.Limits.AreaAge, "refused": s.Limits.RefusedAge, "sent": s.Limits.AreaAge,
	} {
		users, err := s.State.ReadDir(s.path(kind))
		errs = append(errs, err)
		for _, u := range users {
			if ctx.Err() == nil {
				errs = append(errs, s.sweepUser(ctx, kind, u.Name, s.Now().Add(-age)))
			}
		}
	}
	return errors.Join(append(errs, s.sweepIncoming(s.Now().Add(-s.Limits.PartialAge)), s.emptyTrash(), s.expireParts())...)
}

// sweepIfDue sweeps if nobody has for a while: where sessions come by processes of
// their own, no server may be there to do it.
func (s *Server) sweepIfDue(ctx context.Context) error {
	info, err := s.State.Lstat(s.path("sweep"))
	if err == nil && s.Now().Sub(info.ModTime) < sweepEvery || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.Sweep(ctx)
}

// sweepUser deletes the entries of one user's folder in which nothing is newer.
func (s *Server) sweepUser(ctx context.Context, kind, user string, limit time.Time) error {
	folder := s.path(kind, user)
	entries, err := s.State.ReadDir(folder)
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		newest, err := s.newest(path.Join(folder, e.Name), e)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && newest.Before(limit) {
			old = append(old, e.Name)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return s.expire(ctx, kind, user, old)
}

// newest is the time of an entry, or of the newest file in it.
func (s *Server) newest(name string, e vfs.Info) (time.Time, error) {
	if !e.Mode.IsDir() {
		return e.ModTime, nil
	}
	entries, err := s.State.ReadDir(name)
	newest := e.ModTime
	for _, below := range entries {
		if below.ModTime.After(newest) {
			newest = below.ModTime
		}
	}
	return newest, err
}

// expire takes entries away that no session is at work on.
func (s *Server) expire(ctx context.Context, kind, user string, names []string) error {
	var gone []string
	err := s.exclusively(ctx, func() error {
		others, err := s.claims(user)
		if err != nil {
			return err
		}
		for _, name := range names {
			if s.inUse(kind, user, name, others) {
				continue
			}
			trash, err := s.throwAway(s.path(kind, user, name))
			if err != nil {
				return err
			}
			gone = append(gone, trash)
			s.Log.Info("expired", "what", kind, "user", user, "name", name)
		}
		return nil
	})
	return errors.Join(err, s.empty(gone))
}

// inUse reports whether a session is at work on it.
func (s *Server) inUse(kind, user, name string, others []claim) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user]
	switch kind {
	case "partial":
		return a != nil && a.active[name] != nil || slices.ContainsFunc(others, func(c claim) bool { return c.keys[name] })
	case "area":
		return a != nil && a.needed[name] > 0 || counts(others, name)
	}
	return false
}

// emptyTrash deletes what a killed process has left.
func (s *Server) emptyTrash() error {
	entries, err := s.State.ReadDir(s.path("trash"))
	var left []string
	for _, e := range entries {
		left = append(left, s.path("trash", e.Name))
	}
	return errors.Join(err, s.empty(left))
}

// expireParts drops the parts that have waited too long for others.
func (s *Server) expireParts() error {
	if s.Set == nil {
		return nil
	}
	set, err := s.openSet()
	if err != nil {
		return err
	}
	return set.Expire()
}
