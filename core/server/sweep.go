package server

import (
	"context"
	"errors"
	"io/fs"
	"path"
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
// uploads that are older than the limits say and that no session is at work on.
func (s *Server) Sweep(ctx context.Context) error {
	var errs []error
	for kind, age := range map[string]time.Duration{
		"partial": s.Limits.PartialAge, "area": s.Limits.AreaAge, "refused": s.Limits.RefusedAge,
	} {
		users, err := s.State.ReadDir(s.path(kind))
		errs = append(errs, err)
		for _, u := range users {
			if ctx.Err() == nil {
				errs = append(errs, s.sweepUser(kind, u.Name, s.Now().Add(-age)))
			}
		}
	}
	return errors.Join(append(errs, s.emptyTrash())...)
}

// sweepUser deletes the entries of one user's folder in which nothing is newer.
func (s *Server) sweepUser(kind, user string, limit time.Time) error {
	folder := s.path(kind, user)
	entries, err := s.State.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name)
		newest, err := s.newest(name, e)
		if err == nil && newest.Before(limit) && !s.inUse(kind, user, e.Name) {
			err = s.expire(kind, user, e.Name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
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

// inUse reports whether a session is at work on it.
func (s *Server) inUse(kind, user, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user]
	return a != nil && (kind == "partial" && a.active[name] != nil || kind == "area" && a.needed[name] > 0)
}

// expire takes one entry away.
func (s *Server) expire(kind, user, name string) error {
	trash := s.path("trash", newID())
	s.mu.Lock()
	err := s.State.Rename(s.path(kind, user, name), trash)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.Log.Info("expired", "what", kind, "user", user, "name", name)
	return vfs.RemoveAll(s.State, trash)
}

// emptyTrash deletes what a killed server has left.
func (s *Server) emptyTrash() error {
	entries, err := s.State.ReadDir(s.path("trash"))
	for _, e := range entries {
		if rerr := vfs.RemoveAll(s.State, s.path("trash", e.Name)); err == nil {
			err = rerr
		}
	}
	return err
}
