package pipeline_test

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

// TestSetOneRefusal: what one repository refuses, none publishes.
func TestSetOneRefusal(t *testing.T) {
	t.Parallel()
	w := newSetWorld("a", "b")
	w.setup(t, publishAll(foo110, greet090))
	before, err := w.texts()
	must(err)
	var targets []pipeline.Target
	for name, u := range map[string]string{"a": foo110b, "b": greet100} {
		target, err := w.target(w.Mem, name, u)
		must(err)
		target.Requests = plan.Requests{}
		targets = append(targets, target)
	}
	reps, err := pipeline.PublishAll(ctx(), targets)
	if err != nil {
		t.Fatal(err)
	}
	for _, rep := range reps {
		if rep.Result != report.Rejected || (rep.Repository == "/a") != report.Refused(rep.Findings) {
			t.Errorf("%s: %s %v", rep.Repository, rep.Result, rep.Findings)
		}
	}
	if now, err := w.texts(); err != nil || !slices.Equal(now, before) {
		t.Errorf("something was published: %v %v", now, err)
	}
	if err := w.judgeSettledAll(); err != nil {
		t.Error(err)
	}
}

// TestSetEveryCallFails lets calls of a shared change fail once: nothing is acknowledged
// that does not hold, and the next run of any repository needs no help.
func TestSetEveryCallFails(t *testing.T) {
	t.Parallel()
	causes := []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EMFILE}
	s := setScenarios()[1]
	start, q, _ := investigateSet(t, s, nil)
	failures := 0
	for k := tier(2, 0); ; k += tier(5, 1) {
		w := newSetWorld(s.repos...)
		w.setup(t, s.setup...)
		w.ids.Store(start.ids.Load())
		n, cause := 0, causes[k%len(causes)]
		var at vfs.Op
		err := s.run(w, vfs.Observe(w.Mem, func(op vfs.Op) error {
			if n++; n == k+1 {
				at = op
				return cause
			}
			return nil
		}))
		if n <= k {
			break
		}
		failures++
		if err != nil && !errors.Is(err, cause) {
			t.Errorf("call %d (%s %s): the error does not know its cause: %v", k, at.Kind, at.Name, err)
		}
		if err := q.judge(w, err == nil, k%2); err != nil {
			t.Errorf("call %d (%s %s) fails with %v (%v): %v", k, at.Kind, at.Name, cause, err, err)
		}
	}
	t.Logf("%d failures", failures)
}

// TestSetAfterAnotherProgram kills a shared change, lets the older tool publish in one of
// the repositories, and recovers: both publishes are there, or the shared one nowhere.
func TestSetAfterAnotherProgram(t *testing.T) {
	t.Parallel()
	s := setScenario{"two", []string{"a", "b"}, []setAction{publishAll(greet090, greet090)}, publishAll(greet100, greet100), false}
	w, _, moments := investigateSet(t, s, nil)
	states := 0
	for k, m := range shared(moments) {
		for i, meddled := range w.names {
			if !long() && k%3 != i {
				continue
			}
			again := w.with(m.Disk.Clone())
			again.skip(2 * time.Second)
			must(olderTool(sub{again.Mem, meddled}, weather))
			for turn := range w.names {
				name := w.names[(turn+k/2)%2]
				if err := again.recoverOne(again.Mem, name); err != nil {
					t.Fatalf("killed ahead of call %d (%s %s): %v", k, m.Op.Kind, m.Op.Name, err)
				}
				now, err := again.texts()
				must(err)
				shared := []bool{strings.Contains(now[0], "greet_1.0.0"), strings.Contains(now[1], "greet_1.0.0")}
				if shared[0] != shared[1] || m.Acked && !shared[0] || !strings.Contains(now[i], "weather-data") {
					t.Fatalf("killed ahead of call %d (%s %s), %s meddled with, %s opened: greet in %v:\n%s",
						k, m.Op.Kind, m.Op.Name, meddled, name, shared, now[i])
				}
			}
			if err := again.judgeServedAll(); err != nil {
				t.Error(err)
			}
			states++
		}
	}
	t.Logf("%d states", states)
}

// TestSetOvertaken: a decided change with which nobody has begun, and that no longer
// plans in one of the repositories, is published in none.
func TestSetOvertaken(t *testing.T) {
	t.Parallel()
	run := func(w *setWorld, fsys vfs.FS) error {
		var targets []pipeline.Target
		for _, n := range w.names {
			target, err := w.target(fsys, n, foo110)
			if err != nil {
				return err
			}
			target.Requests = plan.Requests{}
			targets = append(targets, target)
		}
		_, err := pushTargets(targets)
		return err
	}
	s := setScenario{"two", []string{"a", "b"}, []setAction{publishAll(foo100, foo100)}, run, false}
	w, q, moments := investigateSet(t, s, nil)
	i := slices.IndexFunc(moments, func(m vfstest.Moment) bool { return strings.Contains(m.Where, "Tx).enact") })
	for _, first := range w.names {
		again := w.with(moments[i].Disk.Clone())
		again.skip(2 * time.Second)
		must(olderTool(sub{again.Mem, "b"}, foo110b))
		if err := again.recoverOne(again.Mem, first); err != nil {
			t.Fatal(err)
		}
		now, err := again.texts()
		must(err)
		if now[0] != q.before[0] {
			t.Errorf("%s opened first: a has a part of what b refuses:\n%s", first, now[0])
		}
		if err := again.judgeSettledAll(); err != nil {
			t.Error(err)
		}
		for _, n := range w.names {
			if list, err := again.ReadDir(path.Join(n, repo.RejectedDir)); err != nil || len(list) != 1 {
				t.Errorf("%s: the files of the change are not kept: %v %v", n, list, err)
			}
		}
	}
}

// TestSetGone: a repository whose partner is gone is not changed before it is known what
// was decided, until somebody says to go on without.
func TestSetGone(t *testing.T) {
	t.Parallel()
	w, q, moments := investigateSet(t, setScenarios()[0], nil)
	decided := slices.IndexFunc(moments, func(m vfstest.Moment) bool { return strings.Contains(m.Where, "Tx).enact") })
	for name, c := range map[string]struct {
		at         int
		gone, left string
		published  bool
	}{
		"decided, the other is gone":      {decided, "b", "a", true},
		"decided, the decision is gone":   {decided, "a", "b", false},
		"undecided, the other is gone":    {decided - 4, "b", "a", false},
		"undecided, the decision is gone": {decided - 4, "a", "b", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.with(moments[c.at].Disk.Clone())
			must(w.Rename(c.gone, "elsewhere"))
			err := w.recoverOne(w.Mem, c.left)
			told, ok := errors.AsType[*report.Error](err)
			if !ok || told.Code != report.CodeGone || told.Kind != report.KindBusy || told.File != "/"+c.gone {
				t.Fatalf("%#v", err)
			}
			_, forget, _ := strings.Cut(told.Hint, "--forget ")
			r, err := w.open(w.Mem, c.left)
			must(err)
			opt := pipeline.CommitOptions(pipeline.Options{LockWait: time.Second})
			opt.Forget, opt.Who = forget, "ann"
			tx, err := commit.Begin(ctx(), r, opt)
			if err != nil {
				t.Fatal(err)
			}
			must(tx.Close())
			log, err := vfs.ReadFile(r.FS, repo.HistoryFile, 1<<20)
			if c.published && (err != nil || len(tx.Notes) == 0 || !strings.Contains(string(log), "as ann has said")) {
				t.Errorf("it is not written down: %v\n%s", tx.Notes, log)
			}
			i := slices.Index(w.names, c.left)
			now, err := indexes(r.FS)
			must(err)
			if want := map[bool]string{true: q.after[i], false: q.before[i]}[c.published]; now != want {
				t.Errorf("got\n%s\nwant\n%s", now, want)
			}
			if err := judgeSettled(w.one(c.left)); err != nil {
				t.Error(err)
			}
			must(w.Rename("elsewhere", c.gone))
			if err := w.recoverOne(w.Mem, c.gone); err != nil {
				t.Errorf("it came back: %v", err)
			}
			if c.left == "a" {
				// What is known about the decision holds for who comes back, too.
				back, err := indexes(sub{w.Mem, c.gone})
				must(err)
				if (back == q.after[1-i]) != c.published {
					t.Errorf("it came back, and has\n%s", back)
				}
			}
		})
	}
}

// TestSetWaitsWithoutLocks: while one repository is held for a minute, as by a batch,
// nothing keeps others from changing the rest of the set.
func TestSetWaitsWithoutLocks(t *testing.T) {
	t.Parallel()
	w := newSetWorld("a", "b", "c")
	holder, err := w.open(w.Mem, "b")
	must(err)
	lock, err := holder.Lock(ctx(), repo.Patience{Program: "batch"})
	must(err)
	until, naps := w.now().Add(time.Minute), 0
	var targets []pipeline.Target
	for _, n := range []string{"c", "b", "a"} {
		target, err := w.target(w.Mem, n, greet090)
		must(err)
		target.LockWait = 2 * time.Minute
		target.Repo.Sleep = func(d time.Duration) {
			naps++
			w.skip(d)
			for _, other := range []string{"a", "c"} {
				r, err := w.open(w.Mem, other)
				must(err)
				l, err := r.Lock(ctx(), repo.Patience{})
				if err != nil {
					t.Errorf("%s is held while another is waited for: %v", other, err)
					continue
				}
				must(l.Unlock())
			}
			if lock != nil && !w.now().Before(until) {
				must(lock.Unlock())
				lock = nil
			}
		}
		targets = append(targets, target)
	}
	reps, err := pushTargets(targets)
	if err != nil || lock != nil || naps < 100 {
		t.Errorf("%v; %d naps: %v", reps, naps, err)
	}
	if err := w.judgeSettledAll(); err != nil {
		t.Error(err)
	}
	// And not for ever.
	lock, err = holder.Lock(ctx(), repo.Patience{Program: "batch"})
	must(err)
	err = publishAll(greet100, greet100, greet100)(w, w.Mem)
	if report.CodeOf(err) != report.CodeLocked || !strings.Contains(err.Error(), "batch") {
		t.Errorf("got %v", err)
	}
	must(lock.Unlock())
}

// TestSetNoDeadlock lets pushers with the repositories in opposite orders work at once,
// on a real disk.
func TestSetNoDeadlock(t *testing.T) {
	t.Parallel()
	folders := map[string]string{}
	for _, n := range []string{"a", "b", "c"} {
		dir := t.TempDir()
		folder, err := vfs.OpenDir(dir)
		must(err)
		t.Cleanup(func() { folder.Close() })
		_, _, err = repo.Init(ctx(), folder, dir, pipeline.Mmpack{}, repo.InitOptions{Arch: setArch(n)})
		must(err)
		folders[n] = dir
	}
	w := newSetWorld("a", "b", "c")
	push := func(order []string, upload string) error {
		var targets []pipeline.Target
		for _, n := range order {
			folder, err := vfs.OpenDir(folders[n])
			if err != nil {
				return err
			}
			defer folder.Close()
			target, err := w.target(w.Mem, n, upload)
			if err != nil {
				return err
			}
			if target.Repo, err = pipeline.Open(folder, folders[n]); err != nil {
				return err
			}
			target.LockWait = time.Minute
			targets = append(targets, target)
		}
		_, err := pushTargets(targets)
		return err
	}
	orders := [][]string{{"a", "b"}, {"b", "a"}, {"c", "b", "a"}, {"b", "c"}}
	done := make(chan error)
	for i, order := range orders {
		go func() {
			var err error
			for range tier(3, 25) {
				for _, u := range []string{greet090, greet100} {
					if e := push(order, u); e != nil {
						err = errors.Join(err, fmt.Errorf("pusher %d: %w", i, e))
					}
				}
			}
			done <- err
		}()
	}
	for range orders {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	for n, dir := range folders {
		folder, err := vfs.OpenDir(dir)
		must(err)
		defer folder.Close()
		if err := judgeServed(folder); err != nil {
			t.Errorf("%s: %v", n, err)
		}
		if left, _ := folder.ReadDir(repo.DecisionsDir); len(left) > 0 {
			t.Errorf("%s: decisions are left: %v", n, left)
		}
	}
}
