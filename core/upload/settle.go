package upload

import (
	"sync"
	"sync/atomic"

	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// settleSoon is the size in bytes from which on a file is synced at once.
	settleSoon = 1 << 20
	// settleAtOnce bounds how many such files are being synced, and how many smaller ones
	// wait.
	settleAtOnce = 16
	// settleAside is how many small files are synced at once.
	settleAside = 4
)

// Settling makes staged files durable. A large file is synced at once, while others are
// read. Small ones are only begun to be written, and synced together later: then one write
// of the file system's journal is enough for all of them.
type Settling struct {
	running sync.WaitGroup
	// large and small are the syncs under way of large files, and of rows of small ones.
	large, small chan struct{}

	mu      sync.Mutex
	waiting []unsettled
	// err is the first error.
	err error
}

// unsettled is a file to sync and to close; told makes the error that [Settling.Wait]
// returns.
type unsettled struct {
	vfs.File
	told func(error) error
}

// NewSettling is for [Options].
func NewSettling() *Settling {
	return &Settling{large: make(chan struct{}, settleAtOnce), small: make(chan struct{}, 1)}
}

// start takes over a file of size bytes.
func (s *Settling) start(f vfs.File, size int64, told func(error) error) {
	if size >= settleSoon {
		s.beside(s.large, []unsettled{{f, told}})
		return
	}
	vfs.StartWriting(f)
	if row := s.add(unsettled{f, told}); row != nil {
		s.beside(s.small, row)
	}
}

// add lets a file wait, and returns those that have waited if they are enough.
func (s *Settling) add(f unsettled) (row []unsettled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, f)
	if len(s.waiting) == settleAtOnce {
		row, s.waiting = s.waiting, nil
	}
	return row
}

// beside syncs files in the background, once there is a slot.
func (s *Settling) beside(slots chan struct{}, row []unsettled) {
	slots <- struct{}{}
	s.running.Go(func() {
		s.sync(row)
		<-slots
	})
}

// sync syncs files: the first, which has the journal written, then the others, some at
// once, so that the disk empties its cache for several of them, not for each.
func (s *Settling) sync(row []unsettled) {
	if len(row) == 0 {
		return
	}
	s.one(row[0])
	var next atomic.Int64
	var rest sync.WaitGroup
	for range min(settleAside, len(row)-1) {
		rest.Go(func() {
			for i := next.Add(1); i < int64(len(row)); i = next.Add(1) {
				s.one(row[i])
			}
		})
	}
	rest.Wait()
}

func (s *Settling) one(f unsettled) {
	err := f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		s.failed(f.told(err))
	}
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
	s.mu.Lock()
	row := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	s.sync(row)
	s.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
