package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// lockPatience bounds the waiting for the folder's lock, which nobody holds for
	// more than a few calls of the disk: a process that was stopped in the middle
	// must not stop all the others.
	lockPatience = 30 * time.Second
	// runPatience is the same for a user's manifests: who holds that lock publishes.
	runPatience = 10 * time.Minute
)

// exclusively runs f while no other goroutine, of this process or another one, runs
// one: what it sees of the claims of all processes holds until it returns. It must not
// wait for anybody.
func (s *Server) exclusively(ctx context.Context, f func() error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	lock, err := s.waitFor(ctx, s.path("lock"), lockPatience)
	if err != nil {
		return err
	}
	defer lock.Close()
	return f()
}

// waitFor takes a lock of the folder's, or is busy when patience is over.
func (s *Server) waitFor(ctx context.Context, name string, patience time.Duration) (vfs.File, error) {
	f, err := s.State.OpenLock(name, s.fileMode)
	if err != nil {
		return nil, err
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err = f.TryLock()
		if !errors.Is(err, vfs.ErrLocked) {
			break
		}
		select {
		case <-time.After(pause):
			continue
		case <-limit.C:
			err = &report.Error{
				Stage: "serve", Code: report.CodeLocked, Kind: report.KindBusy, File: name,
				Err: fmt.Errorf("another process has held it for %s", patience),
			}
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		break
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// runAlone waits until nobody else, here or in another process, runs manifests of the
// user, and holds that off until done is called.
func (s *Server) runAlone(ctx context.Context, a *account) (done func(), err error) {
	select {
	case a.run <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	lock, err := s.waitFor(ctx, s.path("run", a.name), runPatience)
	if err != nil {
		<-a.run
		return nil, err
	}
	return func() {
		_ = lock.Close()
		<-a.run
	}, nil
}
