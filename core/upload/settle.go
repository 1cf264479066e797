package upload

import (
	"sync"

	"github.com/mmpush/mmpush/core/vfs"
)

// settleAtOnce bounds how many files are open and being synced.
const settleAtOnce = 16

// Settling makes staged files durable while others are read, several at once: they wait
// for one write of the file system's journal, not for one each.
type Settling struct {
	running sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	// err is the first error.
	err error
}

// NewSettling is for [Options].
func NewSettling() *Settling { return &Settling{slots: make(chan struct{}, settleAtOnce)} }

// start syncs and closes a file in the background; told makes the error that [Settling.Wait]
// returns.
func (s *Settling) start(f vfs.File, told func(error) error) {
	s.slots <- struct{}{}
	s.running.Go(func() {
		err := f.Sync()
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		<-s.slots
		if err != nil {
			s.failed(told(err))
		}
	})
}

func (s *Settling) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Wait returns when all files that were staged so far are closed: nil if all of them are
// durable, else a *[report.Error] as of [Stage].
func (s *Settling) Wait() error {
	s.running.Wait()
	return s.err
}
