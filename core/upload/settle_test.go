package upload

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/vfs"
)

// handed is a file that is handed over: Settling starts, syncs and closes it.
type handed struct {
	vfs.File
	started, synced, closed atomic.Bool
	open                    *atomic.Int64
	err                     error
}

func (f *handed) StartWriting() { f.started.Store(true) }
func (f *handed) Sync() error {
	f.synced.Store(true)
	return f.err
}
func (f *handed) Close() error {
	f.closed.Store(true)
	f.open.Add(-1)
	return nil
}

// Whatever the sizes, and whoever hands files over at once: all are synced and closed when
// Wait returns, only so many are open meanwhile, and one that fails is named.
func TestSettling(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, c := range []struct{ uploads, files, size, failing int }{
		{1, 1, 1, 0}, {1, 4, 700, 4}, {1, settleAtOnce, 700, 3}, {3, 5 * settleAtOnce, 700, 50}, {2, 40, settleSoon, 17}, {2, 30, settleSoon, 0},
	} {
		s := NewSettling()
		var open, most atomic.Int64
		list := make([]*handed, c.files)
		var handing sync.WaitGroup
		for u := range c.uploads {
			handing.Go(func() {
				for i := u; i < c.files; i += c.uploads {
					list[i] = &handed{open: &open}
					if i+1 == c.failing {
						list[i].err = broken
					}
					most.Store(max(most.Load(), open.Add(1)))
					s.start(list[i], int64(c.size), func(err error) error { return fmt.Errorf("file %d: %w", i+1, err) })
				}
			})
		}
		handing.Wait()
		err := s.Wait()
		if c.failing == 0 && err != nil || c.failing > 0 && (!errors.Is(err, broken) || err.Error() != fmt.Sprintf("file %d: broken", c.failing)) {
			t.Errorf("%v: %v", c, err)
		}
		for i, f := range list {
			if !f.synced.Load() || !f.closed.Load() || f.started.Load() != (c.size < settleSoon) {
				t.Errorf("%v: file %d: started %v, synced %v, closed %v", c, i+1, f.started.Load(), f.synced.Load(), f.closed.Load())
			}
		}
		if n := int(most.Load()); n > 3*settleAtOnce+c.uploads {
			t.Errorf("%v: %d files were open at once", c, n)
		}
	}
}
