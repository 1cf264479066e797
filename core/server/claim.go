package server

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
)

const (
	// claimGrace is how long an older session may take to end by itself: one whose
	// connection was lost still has to read what came before that, and would lose it.
	claimGrace = 300 * time.Millisecond
	// claimLook is how often it is looked whether another process has let go of a file.
	claimLook = 50 * time.Millisecond
)

// claim makes in the only one that writes its files. Older sessions that send one of
// them, in this process or another one, are told to go; one that is being judged is
// waited for. What a dead process has had is free at once.
func (s *Server) claim(ctx context.Context, in *intake) error {
	limit := time.NewTimer(s.Limits.TakeOver)
	defer limit.Stop()
	grace := time.NewTimer(claimGrace)
	defer grace.Stop()
	late := false
	asked := map[string]bool{}
	for {
		rival, foreign, err := s.tryClaim(ctx, in)
		if err != nil || rival == nil && foreign == nil {
			return err
		}
		var released <-chan struct{}
		var look <-chan time.Time
		if rival != nil {
			if late {
				s.dismiss(rival)
			}
			released = rival.released
		} else {
			if late && !asked[foreign.id] {
				asked[foreign.id] = true
				err = s.ask(*foreign)
			}
			look = time.After(claimLook)
		}
		select {
		case <-released:
		case <-look:
		case <-grace.C:
			late = true
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-limit.C:
			err = &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: "another session of yours with the same files is still at work; try later"}
		}
		if err != nil {
			return err
		}
	}
}

// dismiss ends an upload in favour of a newer one, unless it is being judged.
func (s *Server) dismiss(in *intake) {
	s.mu.Lock()
	judging := in.judging
	s.mu.Unlock()
	if !judging {
		in.d.Abort(&tupkg.Refusal{Code: tupkg.CodeReplaced, Reason: "a newer session of yours sends the same files; what came is kept for it"})
	}
}

// tryClaim takes all of the keys, or returns who has one of them.
func (s *Server) tryClaim(ctx context.Context, in *intake) (rival *intake, foreign *claim, err error) {
	err = s.exclusively(ctx, func() error {
		if rival = s.rival(in); rival != nil {
			return nil
		}
		others, err := s.claims(in.acc.name)
		if err != nil {
			return err
		}
		for i := range others {
			if in.meets(others[i]) {
				foreign = &others[i]
				return nil
			}
		}
		return s.hold(in)
	})
	return rival, foreign, err
}

// rival is an upload of this process that has one of the keys.
func (s *Server) rival(in *intake) *intake {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range in.files {
		if other := in.acc.active[in.files[i].key]; other != nil {
			return other
		}
	}
	return nil
}

// meets reports whether another process writes one of the files.
func (in *intake) meets(c claim) bool {
	for i := range in.files {
		if c.keys[in.files[i].key] {
			return true
		}
	}
	return false
}

// hold registers the upload as the one that has its keys, here and for the others.
func (s *Server) hold(in *intake) error {
	s.mu.Lock()
	var lines strings.Builder
	for i := range in.files {
		f := &in.files[i]
		in.acc.active[f.key] = in
		if f.SHA256 != "" {
			in.count(f, f.SHA256)
		}
		lines.WriteString("key " + f.key + "\n" + f.claimed())
	}
	s.intakes[in.id] = in
	s.startHeartbeat()
	s.mu.Unlock()
	return in.note(lines.String())
}

// count says, under mu, that the intake counts on a whole file of that SHA-256.
func (in *intake) count(f *file, sha string) {
	if f.counted != "" {
		return
	}
	f.counted = sha
	in.acc.needed[sha]++
	if isManifest(f.Name) {
		in.acc.promised[sha]++
		f.promised = true
	}
}

// countLate is count for a file whose SHA-256 was not declared. Under the lock.
func (in *intake) countLate(f *file, sha string) error {
	in.s.mu.Lock()
	if f.counted != "" {
		in.s.mu.Unlock()
		return nil
	}
	in.count(f, sha)
	in.s.mu.Unlock()
	return in.note(f.claimed())
}

// release lets all of it go; twice does no harm.
func (s *Server) release(in *intake) {
	reserved, first := s.forget(in)
	if !first {
		return
	}
	if reserved > 0 {
		// Whoever takes the files over finds their bytes no longer reserved.
		if err := s.tellFigures(); err != nil {
			in.v.log.Error("failed", "during", "end of an upload", "error", err)
		}
	}
	if err := s.State.Remove(in.record()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		in.v.log.Error("failed", "during", "end of an upload", "error", err)
	}
	close(in.released)
}

// forget takes the intake out of the tables, and returns what was reserved for it until
// now; first is false if it was out already.
func (s *Server) forget(in *intake) (reserved int64, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.closed {
		return 0, false
	}
	in.closed = true
	for i := range in.files {
		f := &in.files[i]
		if in.acc.active[f.key] == in {
			delete(in.acc.active, f.key)
		}
		if f.counted != "" {
			drop(in.acc.needed, f.counted)
		}
		in.kept(f)
	}
	reserved, in.reserved = in.reserved, 0
	in.acc.reserved -= reserved
	s.reserved -= reserved
	delete(s.intakes, in.id)
	return reserved, true
}

// kept ends, under mu, the promise to run a manifest.
func (in *intake) kept(f *file) {
	if f.promised {
		f.promised = false
		drop(in.acc.promised, f.counted)
	}
}

func drop(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}
