package repo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// diskRepo is a repository on the real disk, opened as often as it is asked for.
func diskRepo(t *testing.T) func() *repo.Repo {
	t.Helper()
	dir := t.TempDir()
	open := func() vfs.FS {
		d, err := vfs.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	if _, _, err := repo.Init(t.Context(), open(), dir, format{}, repo.InitOptions{Arch: "a-b"}); err != nil {
		t.Fatal(err)
	}
	return func() *repo.Repo {
		r, err := repo.Open(open(), dir, format{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// Whoever waits gets the lock although it is free only for moments: the holder takes
// it again at once, again and again.
func TestLockThatIsFreeForMoments(t *testing.T) {
	t.Parallel()
	open := diskRepo(t)
	greedy, err := open().Lock(t.Context(), repo.Patience{})
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	ready := make(chan struct{})
	waiting := open()
	go func() {
		close(ready)
		l, err := waiting.Lock(context.Background(), repo.Patience{Wait: time.Minute})
		got <- err
		if err == nil {
			_ = l.Unlock()
		}
	}()
	<-ready
	holder := open()
	for range 10_000 {
		if err := greedy.Unlock(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-got:
			if err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(time.Millisecond):
		}
		if greedy, err = holder.Lock(t.Context(), repo.Patience{Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("ten thousand moments were not enough")
}

// Who gives up leaves nothing locked behind.
func TestLockGivenUp(t *testing.T) {
	t.Parallel()
	open := diskRepo(t)
	held, err := open().Lock(t.Context(), repo.Patience{Program: "mmpush push"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open().Lock(t.Context(), repo.Patience{Wait: 20 * time.Millisecond}); report.KindOf(err) != report.KindBusy || report.CodeOf(err) != report.CodeLocked {
		t.Errorf("after all patience: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := open().Lock(ctx, repo.Patience{Wait: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	l, err := open().Lock(t.Context(), repo.Patience{Wait: time.Minute})
	if err != nil {
		t.Fatalf("those who gave up keep it: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}
