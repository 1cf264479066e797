//go:build unix

package watch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
)

// eventually waits for something that another goroutine does.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

// TestRun lets a watcher run on the real clock: events wake it long before the next
// look is due.
func TestRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.watcher(t, 100*time.Millisecond)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	start := time.Now()
	const uploads = 5
	for i := range uploads {
		u := mpktest.Upload{Name: "foo", Version: fmt.Sprint("1.", i)}.Build()
		for _, f := range u.Files() {
			must(t, os.WriteFile(filepath.Join(p.drop, "."+f.Name), f.Data, 0o644))
			must(t, os.Rename(filepath.Join(p.drop, "."+f.Name), filepath.Join(p.drop, f.Name)))
		}
		eventually(t, "a verdict", func() bool {
			text, err := os.ReadFile(filepath.Join(p.drop, VerdictFile(u.Manifest.Name)))
			return err == nil && bytes.Contains(text, []byte(`"result": "`+report.Published+`"`))
		})
	}
	if took := time.Since(start); took > Interval {
		t.Errorf("%d uploads, one after the other, took %s", uploads, took)
	} else {
		t.Logf("%d uploads, one after the other: %s", uploads, took)
	}
	stop()
	must(t, <-done, s.Close())
	if got := s.Totals(); got.Published != uploads {
		t.Errorf("totals: %+v", got)
	}
}

// TestRunEndsWithTheFolder: a folder that is removed or renamed ends the watcher.
func TestRunEndsWithTheFolder(t *testing.T) {
	t.Parallel()
	for what, do := range map[string]func(string) error{
		"removed": removeHard,
		"renamed": func(name string) error { return os.Rename(name, name+"x") },
	} {
		p := newPlace(t)
		s := p.watcher(t, time.Minute)
		started := make(chan struct{})
		var once sync.Once
		s.opt.Now = func() time.Time {
			once.Do(func() { close(started) })
			return time.Now()
		}
		done := make(chan error, 1)
		go func() { done <- s.Run(context.Background()) }()
		<-started
		must(t, do(p.drop))
		select {
		case err := <-done:
			if !errors.Is(err, errGone) {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: still running", what)
		}
	}
}

// removeHard deletes a folder in which the watcher makes its own ones anew.
func removeHard(name string) error {
	for {
		if err := os.RemoveAll(name); !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
}

// TestNoEvents: where the system tells of nothing, the folder is looked at all the
// same.
func TestNoEvents(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := p.watcher(t, 20*time.Millisecond)
	s.opt.Path = filepath.Join(p.drop, "no", "such", "folder")
	u := uploadOf("foo", "1.0", "foo")
	for _, f := range u.Files() {
		must(t, os.WriteFile(filepath.Join(p.drop, f.Name), f.Data, 0o644))
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	eventually(t, "a publish", func() bool {
		_, err := os.Stat(filepath.Join(p.repo, u.Packages[0].File.Name))
		return err == nil
	})
	stop()
	must(t, <-done, s.Close())
	if p.logged("does not tell of changes") != 1 {
		t.Errorf("log:\n%s", &p.log)
	}
}
