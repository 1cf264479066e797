package pipeline

import (
	"sync"

	"github.com/mmpush/mmpush/core/repo"
)

// stagesMost is how many stages are kept at most.
const stagesMost = 64

// Stages keeps the empty stages of uploads that were published, for who publishes again and
// again: a server. The zero Stages is ready; it may be used by many goroutines.
type Stages struct {
	mu   sync.Mutex
	free []*repo.Stage
}

// take returns an empty stage.
func (s *Stages) take(r *repo.Repo) (*repo.Stage, error) {
	if kept := s.kept(); kept != nil {
		return kept, nil
	}
	if err := r.Prepare(); err != nil {
		return nil, err
	}
	return r.NewStage()
}

func (s *Stages) kept() *repo.Stage {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.free)
	if n == 0 {
		return nil
	}
	last := s.free[n-1]
	s.free = s.free[:n-1]
	return last
}

// keep takes a stage back that is empty again, or leaves it to the caller.
func (s *Stages) keep(stage *repo.Stage) (kept bool) {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) >= stagesMost {
		return false
	}
	s.free = append(s.free, stage)
	return true
}

// Close deletes the stages that are kept; others may be kept after that.
func (s *Stages) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stage := range s.free {
		// What cannot be deleted now is swept by the next commit.
		_ = stage.Discard()
	}
	s.free = nil
}
