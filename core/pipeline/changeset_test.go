package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// begin opens a change set in which everything is allowed.
func (w *world) begin(fsys vfs.FS) (*pipeline.ChangeSet, error) {
	r, err := w.open(fsys)
	if err != nil {
		return nil, err
	}
	return pipeline.BeginChanges(ctx(), r, pipeline.Options{LockWait: 10 * time.Second})
}

func add(c *pipeline.ChangeSet, name string, requests plan.Requests) (report.Report, error) {
	u, err := openUpload(name)
	if err != nil {
		return report.Report{}, err
	}
	return c.Add(ctx(), c.Receive(ctx(), pipeline.Request{Upload: u, Requests: requests}))
}

// batch is a change set as one action.
func batch(names ...string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		c, err := w.begin(fsys)
		if err != nil {
			return report.Report{}, err
		}
		for _, name := range names {
			rep, err := add(c, name, plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true})
			if err != nil || rep.Result == report.Rejected {
				c.Rollback()
				return rep, err
			}
		}
		return c.Commit(ctx())
	}
}

func TestChangeSet(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090))
	before := photo(t, w.Mem)
	c, err := w.begin(w.Mem)
	must(err)
	for _, name := range []string{foo100, foo110, foo110b, weather} {
		if rep, err := add(c, name, plan.Requests{Rebuild: true}); err != nil || rep.Result != report.Published || len(rep.Packages) < 3 {
			t.Fatalf("%s: %+v %v", name, rep, err)
		}
	}
	if rep, err := add(c, foo100, plan.Requests{}); err != nil || rep.Result != report.Rejected || codes(rep) == "" {
		t.Errorf("a downgrade within the change set: %+v %v", rep, err)
	}
	if rep, err := c.Remove(ctx(), index.Selector{Name: "greet"}); err != nil || rep.Result != report.Removed {
		t.Errorf("remove: %+v %v", rep, err)
	}
	if rep, err := c.Remove(ctx(), index.Selector{Name: "no-such"}); err != nil || rep.Result != report.Rejected {
		t.Errorf("remove of nothing: %+v %v", rep, err)
	}
	if photo(t, w.Mem) != before {
		t.Error("something was published ahead of the commit")
	}
	rep, err := c.Commit(ctx())
	if err != nil || rep.Result != report.Published || rep.Generation != 2 {
		t.Fatalf("commit: %+v %v", rep, err)
	}
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"foo_1.0.0_amd64-debian.mpk"} {
		if _, err := w.Lstat(name); err == nil {
			t.Errorf("%s was replaced within the change set, and is placed", name)
		}
	}
	for _, name := range []string{foo110b, weather} {
		if ok, err := has(w.Mem, name); err != nil || !ok {
			t.Errorf("%s is not there (%v)", name, err)
		}
	}
	text, err := vfs.ReadFile(w.Mem, ".mmpush/history", 1<<20)
	if lines := strings.Count(string(text), "\n"); err != nil || lines != 2 || strings.Count(string(text), `"action":"batch"`) != 1 {
		t.Errorf("history: %d lines\n%s", lines, text)
	}
}

func TestChangeSetRollback(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090))
	before := photo(t, w.Mem)
	c, err := w.begin(w.Mem)
	must(err)
	if _, err := add(c, foo100, plan.Requests{}); err != nil {
		t.Fatal(err)
	}
	if c.Rollback(); photo(t, w.Mem) != before {
		t.Error("a rollback left something")
	}
	if list, err := w.ReadDir(".mmpush/stage"); err != nil || len(list) > 0 {
		t.Errorf("stages are left: %v %v", list, err)
	}
	c, err = w.begin(w.Mem)
	must(err)
	if rep, err := c.Commit(ctx()); err != nil || rep.Generation != 0 || photo(t, w.Mem) != before {
		t.Errorf("an empty commit: %+v %v", rep, err)
	}
	w.setup(t, publish(foo100)) // the lock is free
}

// Ten additions cost one writing of the index.
func TestChangeSetWritesTheIndexOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	switches := 0
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Kind == "create" && strings.Contains(op.Name, ".binary-index.gz.") {
			switches++
		}
		return nil
	})
	if _, err := batch(foo100, foo110, foo110b, greet090, greet100, weather, foo200)(w, fsys); err != nil || switches != 1 {
		t.Errorf("the index was written %d times (%v)", switches, err)
	}
}
