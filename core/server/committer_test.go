package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// metered counts commits.
type metered struct {
	unmetered
	mu      sync.Mutex
	commits []int
	results map[report.Result]int
}

func (m *metered) Committed(uploads int, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commits = append(m.commits, uploads)
}

func (m *metered) Judged(r report.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.results == nil {
		m.results = map[report.Result]int{}
	}
	m.results[r]++
}

// hold takes the repository's lock, as somebody else would.
func (w *world) hold(t *testing.T) (free func()) {
	t.Helper()
	r, err := pipeline.Open(w.disk, "/repo")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := r.Lock(context.Background(), repo.Patience{Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = lock.Unlock() }
}

// TestGroupCommit: uploads of one user and of others that wait for the repository are
// published together; one of them is refused alone.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	meter := &metered{}
	w := newWorld(t, func(o *Options) { o.Meter = meter })
	free := w.hold(t)
	type answer struct {
		result tupkg.Result
		err    error
	}
	const first, count = "first", 9
	answers := make([]chan answer, count+2)
	push := func(i int, user, name, version string) {
		answers[i] = make(chan answer, 1)
		go func() {
			r, err := w.v2(t, user, tupkg.Set{}, built(name, version)...)
			answers[i] <- answer{r, err}
		}()
	}
	// The first one waits for the lock; the others wait for it.
	push(0, bfinch, first, "1.0")
	until(t, func() bool {
		w.committer.mu.Lock()
		defer w.committer.mu.Unlock()
		return w.committer.busy && len(w.committer.waiting) == 0
	})
	for i := 1; i <= count; i++ {
		push(i, []string{bfinch, "other"}[i%2], fmt.Sprintf("source%d", i), "1.0")
	}
	// It may replace nothing of what the first one publishes.
	push(count+1, "other", first, "0.9")
	until(t, func() bool {
		w.committer.mu.Lock()
		defer w.committer.mu.Unlock()
		return len(w.committer.waiting) == count+1
	})
	if w.Queue() != count+2 {
		t.Errorf("the queue has %d", w.Queue())
	}
	free()
	for i := range answers {
		a := <-answers[i]
		want, generation := report.Published, uint64(2)
		switch i {
		case 0:
			generation = 1
		case count + 1:
			want, generation = report.Rejected, 0
		}
		if a.err != nil || a.result.Report.Result != want || a.result.Report.Generation != generation {
			t.Errorf("%d: %+v %v", i, a.result, a.err)
		}
	}
	if got := len(w.published(t)); got != 1+count {
		t.Errorf("%d packages are public", got)
	}
	meter.mu.Lock()
	defer meter.mu.Unlock()
	if fmt.Sprint(meter.commits) != fmt.Sprint([]int{1, count}) || meter.results[report.Published] != 1+count || meter.results[report.Rejected] != 1 {
		t.Errorf("commits of %v uploads, %v", meter.commits, meter.results)
	}
	if left := w.files(t, "area"); len(left) > 4 {
		t.Errorf("left in the areas, besides the refused upload: %q", left)
	}
}

// TestGroupMemberGone: who has hung up ahead of the commit is left out; the others are
// published.
func TestGroupMemberGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	free := w.hold(t)
	var all sync.WaitGroup
	all.Go(func() {
		r, err := w.v2(t, bfinch, tupkg.Set{}, built("first", "1.0")...)
		if err != nil || r.Report.Result != report.Published {
			t.Errorf("%+v %v", r, err)
		}
	})
	until(t, func() bool { w.committer.mu.Lock(); defer w.committer.mu.Unlock(); return w.committer.busy })
	ctx, hangUp := context.WithCancelCause(context.Background())
	gone := errors.New("gone")
	all.Go(func() {
		if _, err := w.committer.commit(ctx, nil, func() {}); !errors.Is(err, gone) || !strings.Contains(err.Error(), "waiting for other publishes") {
			t.Error(err)
		}
	})
	until(t, func() bool {
		w.committer.mu.Lock()
		defer w.committer.mu.Unlock()
		return len(w.committer.waiting) == 1
	})
	hangUp(gone)
	free()
	all.Wait()
}

// TestGathers: a commit waits for uploads that are being verified, and not for ever; who is
// alone waits for nobody.
func TestGathers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &w.committer
	c.waiting = []*ticket{nil}
	if c.awaited() != nil {
		t.Error("nobody is expected, and somebody is waited for")
	}
	gone, stays := c.expect(), c.expect()
	for range 2 {
		gone()
	}
	if c.coming != 1 {
		t.Errorf("%d are expected", c.coming)
	}
	from := time.Now()
	if c.gather(); time.Since(from) < groupWait {
		t.Error("nobody was waited for")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.gather()
	}()
	stays()
	<-done
	if c.waiting = nil; c.awaited() != nil {
		t.Error("nobody waits, and somebody is waited for")
	}
}
