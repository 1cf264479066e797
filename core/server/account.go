package server

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// account is what is under way of one user. Its fields are the server's mu's.
type account struct {
	name     string
	sessions int
	// active says who sends a file, by its key: one intake at most.
	active map[string]*intake
	// needed counts the intakes that count on a whole file, by its SHA-256.
	needed map[string]int
	// promised counts the intakes that will run a manifest, by its SHA-256.
	promised map[string]int
	// reserved are the declared bytes that have not come yet.
	reserved int64
	// outcomes are the answers to manifests that were run, by their SHA-256, for
	// sessions that brought a manifest and find that another one has run it.
	outcomes map[string]report.Report
	// run is held by who looks for complete manifests.
	run chan struct{}
}

// maxOutcomes bounds the answers that are remembered of one user.
const maxOutcomes = 256

// enter counts one more session of a user; nil if there are too many.
func (s *Server) enter(user string) *account {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user]
	if a == nil {
		a = &account{
			name: user, active: map[string]*intake{}, needed: map[string]int{}, promised: map[string]int{},
			outcomes: map[string]report.Report{}, run: make(chan struct{}, 1),
		}
		s.accounts[user] = a
	}
	if a.sessions >= s.Limits.UserSessions {
		return nil
	}
	a.sessions++
	return a
}

// leave forgets users who have gone.
func (s *Server) leave(a *account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.sessions--; a.sessions == 0 {
		delete(s.accounts, a.name)
	}
}

// remember keeps the answer to a manifest.
func (s *Server) remember(a *account, sha string, rep report.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(a.outcomes) >= maxOutcomes {
		clear(a.outcomes)
	}
	a.outcomes[sha] = rep
}

// claimWait bounds the waiting for an older session to let go.
const claimWait = 30 * time.Second

// claim makes in the only one that writes its files. Older sessions that send one of
// them are told to go; one that is being judged is waited for.
func (s *Server) claim(ctx context.Context, in *intake) error {
	limit := time.NewTimer(claimWait)
	defer limit.Stop()
	for {
		rival, judging := s.tryClaim(in)
		if rival == nil {
			return nil
		}
		if !judging {
			rival.d.Abort(&tupkg.Refusal{Code: tupkg.CodeReplaced, Reason: "a newer session of yours sends the same files; what came is kept for it"})
		}
		select {
		case <-rival.released:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-limit.C:
			return &tupkg.Refusal{Code: tupkg.CodeBusy, Reason: "another session of yours with the same files is still at work; try later"}
		}
	}
}

// tryClaim takes all of the keys, or returns who has one of them.
func (s *Server) tryClaim(in *intake) (rival *intake, judging bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range in.files {
		if other := in.acc.active[in.files[i].key]; other != nil {
			return other, other.judging
		}
	}
	for i := range in.files {
		f := &in.files[i]
		in.acc.active[f.key] = in
		if f.SHA256 != "" {
			in.count(f, f.SHA256)
		}
	}
	return nil, false
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

// release lets all of it go; twice does no harm.
func (s *Server) release(in *intake) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.closed {
		return
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
	in.acc.reserved -= in.reserved
	s.reserved -= in.reserved
	in.reserved = 0
	close(in.released)
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
