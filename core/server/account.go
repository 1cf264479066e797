package server

import (
	"time"

	"github.com/mmpush/mmpush/core/report"
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
	// surveyed is what was seen in the user's area, named the files that its manifests
	// name, both by SHA-256.
	// area is all that was seen the last time, at areaAt.
	surveyed, area map[string]*shelved
	areaAt         time.Time
	named          map[string][]string
	// used is what lay here at usedAt. came is all that has come so far, cameThen was that
	// when the look began.
	used, came, cameThen used
	usedAt               time.Time
	// judging counts the uploads whose own manifests are being judged.
	judging int
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
			named: map[string][]string{}, outcomes: map[string]report.Report{}, run: make(chan struct{}, 1),
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
