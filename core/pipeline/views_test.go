package pipeline_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// viewer asks views whether a package is published, and counts how often that opened the
// index.
type viewer struct {
	w      *world
	views  pipeline.Views
	opened atomic.Int64
}

func (v *viewer) sees(name string) bool {
	fsys := vfs.Observe(v.w.Mem, func(op vfs.Op) error {
		if op.Name == index.BinaryFile && op.Kind == "open" {
			v.opened.Add(1)
		}
		return nil
	})
	r, err := v.w.open(fsys)
	must(err)
	view, done, err := v.views.Open(r)
	must(err)
	defer done()
	_, there, err := view.Binary(name)
	must(err)
	return there
}

// TestViews: who asks gets what is published, whoever has published it, and the indexes
// are opened once for all who do.
func TestViews(t *testing.T) {
	t.Parallel()
	v := &viewer{w: newWorld()}
	defer v.views.Close()
	for range 3 {
		if v.sees("foo") {
			t.Error("nothing was published")
		}
	}
	v.w.setup(t, publish(foo100))
	for range 3 {
		if !v.sees("foo") {
			t.Error("what was published is not seen")
		}
	}
	v.w.setup(t, remove(index.Selector{Name: "foo"}))
	if v.sees("foo") {
		t.Error("what was removed is seen")
	}
	if n := v.opened.Load(); n != 3 {
		t.Errorf("the index was opened %d times", n)
	}
}

// TestViewsDuringACommit: whoever looks in the midst of a commit waits for nothing, reads no
// index for it, and sees what was published before; who looks behind it sees what it has
// published.
func TestViewsDuringACommit(t *testing.T) {
	t.Parallel()
	v := &viewer{w: newWorld()}
	defer v.views.Close()
	p, rep, err := v.w.prepare(v.w.Mem, foo100, "somebody", plan.Requests{})
	if p == nil {
		t.Fatal(rep, err)
	}
	defer p.Discard()
	looks, cached := 0, false
	if v.sees("foo") {
		t.Error("it is not published yet")
	}
	before := v.opened.Load()
	var one sync.Mutex // a commit has several calls under way at once
	r, err := v.w.open(vfs.Observe(v.w.Mem, func(op vfs.Op) error {
		// The cache of the new indexes comes last.
		if !op.Writes() {
			return nil
		}
		one.Lock()
		defer one.Unlock()
		if cached = cached || strings.HasPrefix(op.Name, repo.CacheFile); !cached {
			looks++
			if v.sees("foo") {
				t.Errorf("seen ahead of %s %s", op.Kind, op.Name)
			}
		}
		return nil
	}))
	must(err)
	out := pipeline.CommitGroup(ctx(), r, pipeline.Options{LockWait: 10 * time.Second, Views: &v.views}, []*pipeline.Prepared{p})
	if out[0].Err != nil || looks < 10 {
		t.Fatalf("%d looks, %v", looks, out[0].Err)
	}
	if n := v.opened.Load() - before; n > 0 {
		t.Errorf("the index was opened %d times in the midst of the commit", n)
	}
	if !v.sees("foo") {
		t.Error("what was published is not seen")
	}
}

// TestViewsAreGivenBack: a view stays whole for who has it, however often others follow.
func TestViewsAreGivenBack(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(foo100))
	var views pipeline.Views
	var dones []func()
	var all []*index.Snapshot
	for range 3 {
		for range 2 {
			r, err := w.repo()
			must(err)
			view, done, err := views.Open(r)
			must(err)
			all, dones = append(all, view), append(dones, done)
		}
		w.setup(t, publish(foo110), publish(foo100))
	}
	views.Close()
	for i, view := range all {
		if _, there, err := view.Binary("foo"); err != nil || !there {
			t.Errorf("%d: %v", i, err)
		}
		dones[i]()
	}
	if all[0] != all[1] || all[1] == all[2] {
		t.Error("the same view twice, or another for each")
	}
}

// TestPreparedSettlesLater: what Prepare has left for later is durable when the group was
// committed.
func TestPreparedSettlesLater(t *testing.T) {
	t.Parallel()
	w := newWorld()
	r, err := w.open(w.Mem)
	must(err)
	u, err := openUpload(foo100)
	must(err)
	p, rep, err := pipeline.Prepare(ctx(), r, pipeline.Request{Upload: u, Later: true, Options: pipeline.Options{LockWait: time.Second}})
	if p == nil {
		t.Fatal(rep, err)
	}
	defer p.Discard()
	out := pipeline.CommitGroup(ctx(), r, pipeline.Options{LockWait: time.Second}, []*pipeline.Prepared{p})
	must(out[0].Err)
	lost := w.with(w.PowerLoss(func(int) vfs.Fate { return vfs.Lost }))
	must(judgeServed(lost.Mem))
	must(recoverOnly(lost, lost.Mem))
	must(judgeSettled(lost))
	if last := lost.last(); last.Number != 1 {
		t.Errorf("generation %d", last.Number)
	}
}
