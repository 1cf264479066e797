package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// admit reserves room for the bytes that are still to come, or refuses.
func (s *Server) admit(ctx context.Context, in *intake) error {
	var missing int64
	added := 0
	for i, f := range in.files {
		missing += f.Size - in.held[i]
		if f.sha == "" && !f.begun {
			// The others are counted where they lie.
			added++
		}
	}
	if missing > s.Limits.UserBytes {
		return &tupkg.Refusal{Code: tupkg.CodeLimit, Reason: fmt.Sprintf("the upload has %d bytes; this server keeps at most %d of one user", missing, s.Limits.UserBytes)}
	}
	used, known := s.usedRecently(in.acc)
	if !known || used.bytes+missing > s.Limits.UserBytes/2 || used.files+added > s.Limits.UserFiles/2 {
		// Now it has to be known exactly.
		var err error
		if used, err = s.usage(in.acc); err != nil {
			return err
		}
	}
	if used.files+added > s.Limits.UserFiles {
		return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: fmt.Sprintf("your quota of %d files is used up: %d lie here, %d more are declared", s.Limits.UserFiles, used.files, added)}
	}
	s.expect(in.acc, added)
	if missing == 0 {
		return nil
	}
	return s.exclusively(ctx, func() error {
		others, err := s.reservations()
		if err == nil {
			err = s.reserve(in, missing, used.bytes, others)
		}
		if err != nil {
			return err
		}
		return s.tellMore()
	})
}

// reserve takes the room if there is enough besides what this process and the others
// have reserved.
func (s *Server) reserve(in *intake, missing, used int64, others figures) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.Limits
	if used += in.acc.reserved + others[in.acc.name]; used+missing > l.UserBytes {
		return &tupkg.Refusal{
			Code: tupkg.CodeBusy, Reason: fmt.Sprintf("your quota of %d bytes is used up: %d lie here, %d are declared", l.UserBytes, used, missing),
			Hint: "finish or repeat your older uploads, or wait until they expire",
		}
	}
	if s.Free != nil {
		// After the reservations: what comes in between is counted twice, not never.
		free, err := s.Free()
		if err != nil {
			return fmt.Errorf("looking for free space: %w", err)
		}
		if free-l.FreeBytes < 2*(s.reserved+others.sum()+missing) {
			return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: "the server's disk has no room for the upload; try later"}
		}
	}
	in.reserved = missing
	in.acc.reserved += missing
	s.reserved += missing
	return nil
}

// came takes n bytes that are on the disk now off the reservation.
func (s *Server) came(in *intake, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, in.reserved)
	in.reserved -= n
	in.acc.reserved -= n
	s.reserved -= n
	in.acc.came.bytes += n
}

// expect counts files that are going to come.
func (s *Server) expect(a *account, files int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.came.files += files
}

// used is how much lies here of a user.
type used struct {
	bytes int64
	files int
}

func (u *used) count(size int64) {
	u.bytes += size
	u.files++
}

// usedRecently is what lay here of a user a moment ago, and all that has come since: too
// much rather than too little. known is false if nobody has looked in the last moment.
func (s *Server) usedRecently(a *account) (u used, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u = used{a.used.bytes + a.came.bytes - a.cameThen.bytes, a.used.files + a.came.files - a.cameThen.files}
	return u, !a.usedAt.IsZero() && time.Since(a.usedAt) < surveyLasts
}

// usage looks how much lies here of one user.
func (s *Server) usage(a *account) (used, error) {
	s.mu.Lock()
	came := a.came
	s.mu.Unlock()
	u, err := s.lying(a)
	if err != nil {
		return used{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a.used, a.cameThen, a.usedAt = u, came, time.Now()
	return u, nil
}

func (s *Server) lying(a *account) (u used, err error) {
	area, err := s.survey(a)
	if err != nil {
		return u, err
	}
	for _, seen := range area {
		u.bytes, u.files = u.bytes+seen.bytes, u.files+seen.files
	}
	for _, kind := range []string{"partial", "refused"} {
		if err := s.walk(s.path(kind, a.name), 1, u.count); err != nil {
			return u, err
		}
	}
	if s.Set != nil {
		set, err := s.openSet()
		if err != nil {
			return u, err
		}
		waiting, err := set.Used(a.name)
		if err != nil {
			return u, err
		}
		u.bytes += waiting
	}
	if i := s.Incoming; i != nil {
		err = walk(i.FS, path.Join(i.Dir, a.name), 0, u.count)
	}
	return u, err
}

func (s *Server) walk(dir string, depth int, visit func(size int64)) error {
	return walk(s.State, dir, depth, visit)
}

// walk visits the files below a folder. What vanishes meanwhile is no error.
func walk(fsys vfs.FS, dir string, depth int, visit func(size int64)) error {
	entries, err := fsys.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		switch {
		case !e.Mode.IsDir():
			visit(e.Size)
		case depth > 0:
			if err := walk(fsys, path.Join(dir, e.Name), depth-1, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// noRoom turns the errors of a full disk into a refusal.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: "the server's disk is full; what came is kept: try later"}
	}
	return err
}
