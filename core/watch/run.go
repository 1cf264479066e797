package watch

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// gatherTime is how long events are gathered before a scan: copying many files
// makes many of them.
const gatherTime = 50 * time.Millisecond

// Run scans until ctx ends; then it returns nil. Each change in the folder brings
// the next scan forward; where the system tells of none, the folder is looked at
// every [Interval]. An error means that the folder is gone.
func (s *Scanner) Run(ctx context.Context) error {
	b, err := listen(s.opt.Path)
	if err != nil {
		s.opt.Log.Warn("the system does not tell of changes", "folder", s.opt.Path, "error", err, "looks", Interval)
	}
	defer b.close()
	for {
		next, err := s.Scan(ctx)
		if err != nil {
			return err
		}
		if err := s.sleep(ctx, next, b); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// sleep waits until next, but for gatherTime at least, or until something happens.
func (s *Scanner) sleep(ctx context.Context, next time.Time, b *bell) error {
	pause := time.NewTimer(next.Sub(s.opt.Now()))
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-b.gone:
		return s.folderError(errGone)
	case <-b.wake:
	case <-pause.C:
	}
	gather := time.NewTimer(gatherTime)
	defer gather.Stop()
	select {
	case <-ctx.Done():
	case <-gather.C:
	}
	return nil
}

// bell rings when something changes in a folder.
type bell struct {
	watcher *fsnotify.Watcher
	// wake holds one ring that nobody has heard yet; gone is closed when the folder
	// itself is removed or renamed. Both never ring without a watcher.
	wake chan struct{}
	gone chan struct{}
	done chan struct{}
}

// listen hangs up a bell in a folder. The caller closes it, also after an error.
func listen(folder string) (*bell, error) {
	b := &bell{wake: make(chan struct{}, 1), gone: make(chan struct{}), done: make(chan struct{})}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		if err = w.Add(folder); err != nil {
			// Add's error is the one that tells.
			_ = w.Close()
		}
	}
	if err != nil {
		close(b.done)
		return b, err
	}
	b.watcher = w
	go b.hear(filepath.Clean(folder))
	return b, nil
}

// hear turns events into rings until the watcher is closed.
func (b *bell) hear(folder string) {
	defer close(b.done)
	gone := false
	for {
		select {
		case e, ok := <-b.watcher.Events:
			switch {
			case !ok:
				return
			case filepath.Clean(e.Name) == folder:
				if !gone && (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) {
					gone = true
					close(b.gone)
				}
			case !strings.HasPrefix(filepath.Base(e.Name), "."):
				b.ring()
			}
		case _, ok := <-b.watcher.Errors:
			if !ok {
				return
			}
			// Events may have been lost.
			b.ring()
		}
	}
}

func (b *bell) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bell) close() {
	if b.watcher != nil {
		// It is only read from; there is nothing to lose.
		_ = b.watcher.Close()
	}
	<-b.done
}
