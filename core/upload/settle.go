package upload

import (
	"sync"

	"github.com/mmpush/mmpush/core/vfs"
)

// settleAtOnce bounds how many files are open and being synced.
const settleAtOnce = 16

// settling makes staged files durable while others are read, several at once: they wait
// for one write of the file system's journal, not for one each.
type settling struct {
	running sync.WaitGroup
	slots   chan struct{}
	mu      sync.Mutex
	// err is the first error.
	err error
}

func newSettling() *settling { return &settling{slots: make(chan struct{}, settleAtOnce)} }

// start syncs and closes a file in the background; told makes the error that [settling.wait]
// returns.
func (s *settling) start(f vfs.File, told func(error) error) {
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

func (s *settling) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// wait returns when all files are durable and closed, or one of them is not.
func (s *settling) wait() error {
	s.running.Wait()
	return s.err
}
