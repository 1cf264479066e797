package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// scenario is one change of a repository that has a past.
type scenario struct {
	name  string
	setup []action
	run   action
	// damaged: the repository is broken before, and the change repairs it.
	damaged bool
}

func scenarios() []scenario {
	return []scenario{
		{name: "first publish", setup: nil, run: publish(greet090)},
		{name: "second source", setup: []action{publish(greet090)}, run: publish(foo100)},
		{name: "new version", setup: []action{publish(foo100), publish(greet090)}, run: publish(greet100)},
		{name: "new version, all binaries", setup: []action{publish(foo100)}, run: publish(foo110)},
		{name: "rebuild into the pool", setup: []action{publish(foo110)}, run: publish(foo110b)},
		{name: "rebuild back out of the pool", setup: []action{publish(foo110), publish(foo110b)}, run: publish(foo110)},
		{name: "part of a source stays", setup: []action{publish(foo110)}, run: publish(foo200)},
		{name: "downgrade", setup: []action{publish(greet090), publish(greet100)}, run: publish(greet090)},
		{name: "remove", setup: []action{publish(greet090), publish(weather)}, run: remove(index.Selector{Name: "greet"})},
		{name: "restore a missing file", setup: []action{publish(greet090), losing("greet_0.9.0_amd64-debian.mpk")}, run: publish(greet090), damaged: true},
		{name: "a change set", setup: []action{publish(greet090), publish(foo100)}, run: batch(foo110, greet100, foo110b)},
		{name: "expire on the way", setup: []action{publish(greet090), publish(greet100), wait50h, wait50h}, run: publish(weather)},
		{name: "expire some", setup: []action{publish(greet090), publish(greet100), wait50h, publish(foo100), publish(foo110), wait50h}, run: publish(weather)},
		{name: "purge", setup: []action{publish(greet090), publish(weather)}, run: purge("greet*")},
		{name: "gc", setup: []action{publish(greet090), publish(greet100), wait50h, publish(foo100), publish(foo110), wait50h, littering}, run: collecting},
		{name: "a repository of the older tool", setup: []action{publish(greet090), forgetting}, run: publish(greet100)},
	}
}

// losing deletes a published file behind everybody's back.
func losing(name string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) { return report.Report{}, fsys.Remove(name) }
}

// wait50h lets more than half of the grace time pass.
func wait50h(w *world, _ vfs.FS) (report.Report, error) {
	w.skip(50 * time.Hour)
	return report.Report{}, nil
}

// forgetting takes away everything that is ours.
func forgetting(w *world, fsys vfs.FS) (report.Report, error) {
	return report.Report{}, vfs.RemoveAll(fsys, ".mmpush")
}

// moment is the disk ahead of one call, and whether the change was acknowledged.
type moment struct {
	op    vfs.Op
	where string
	disk  *vfs.Mem
	acked bool
}

// film runs an action and keeps the disk ahead of each call that writes, and after
// the last.
func film(w *world, run action, skip func(label string) bool) ([]moment, error) {
	var moments []moment
	var mu sync.Mutex
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if op.Writes() {
			moments = append(moments, moment{op: op, where: caller(op), disk: w.Clone()})
		}
		if (op.Kind == "sync" || op.Kind == "syncdir") && skip != nil && skip(caller(op)) {
			return vfs.ErrSkipped
		}
		return nil
	})
	rep, err := run(w, fsys)
	if err == nil && rep.Result == report.Rejected {
		err = fmt.Errorf("refused: %v", rep.Findings)
	}
	return append(moments, moment{op: vfs.Op{Kind: "end"}, disk: w.Clone(), acked: err == nil}), err
}

// caller names the function of mmpush that makes a call, where that is called, and
// the kind of name that it is about.
func caller(op vfs.Op) string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		name := f.Function[strings.LastIndex(f.Function, "/")+1:]
		if strings.Contains(f.Function, "/core/") && !strings.HasPrefix(name, "vfs.") || !more {
			outer, _ := frames.Next()
			return fmt.Sprintf("%s in %s:%d %s %s", name, filepath.Base(outer.File), outer.Line, op.Kind, place(op.Name))
		}
	}
}

// place is a name without what is random in it.
func place(name string) string {
	for _, prefix := range []string{".mmpush/stage/", "pool/", ".mmpush/settings.yaml."} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = prefix + "ID"
			if strings.Contains(rest, "/") {
				name += "/FILE"
			}
		}
	}
	return name
}

// fates are the ways in which a power loss can treat n unsynced things: all lost,
// all kept, each one lost alone, kept alone and torn alone, and some at random.
func fates(n, random int, seed uint64) []func(int) vfs.Fate {
	list := []func(int) vfs.Fate{
		func(int) vfs.Fate { return vfs.Lost },
		func(int) vfs.Fate { return vfs.Kept },
	}
	one := func(i int, it, others vfs.Fate) func(int) vfs.Fate {
		return func(j int) vfs.Fate {
			if i == j {
				return it
			}
			return others
		}
	}
	for i := range n {
		list = append(list, one(i, vfs.Lost, vfs.Kept), one(i, vfs.Kept, vfs.Lost), one(i, vfs.Torn, vfs.Kept))
	}
	for k := range random {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		picks := make([]vfs.Fate, n)
		for i := range picks {
			picks[i] = []vfs.Fate{vfs.Lost, vfs.Kept, vfs.Kept, vfs.Torn}[r.IntN(4)]
		}
		list = append(list, func(i int) vfs.Fate { return picks[i] })
	}
	return list
}

// inquest judges states of the disk around one change: before and after are the
// indexes' texts.
type inquest struct {
	scenario
	before, after string
	// generation is the number that the change gets.
	generation uint64
	random     int
	// settled, if not nil, is one more judge after recovery.
	settled func(w *world) error
}

// judge judges one state: as it is served, after recovery and, if again is set,
// after the same action once more.
func (q inquest) judge(w *world, acked, again bool) error {
	// What the change is to repair may be broken until it has.
	excused := q.damaged && !acked
	if err := judgeServed(w.Mem); err != nil && !excused {
		return fmt.Errorf("as served: %w", err)
	}
	if err := recoverOnly(w, w.Mem); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	if err := judgeSettled(w); err != nil && !excused {
		return fmt.Errorf("after recovery: %w", err)
	}
	now, err := indexes(w.Mem)
	if err != nil {
		return err
	}
	if now != q.after && (now != q.before || acked) {
		return fmt.Errorf("after recovery (acknowledged: %t) the indexes are neither:\n%s", acked, now)
	}
	least := q.generation
	if now == q.before && !acked {
		least--
	}
	if err := judgeHistory(w, least); err != nil {
		return err
	}
	if q.settled != nil {
		return q.settled(w)
	}
	if !again {
		return nil
	}
	return q.again(w, now)
}

// again runs the action once more on the recovered state; now is its indexes.
func (q inquest) again(w *world, now string) error {
	rep, err := q.run(w, w.Mem)
	if err != nil {
		return fmt.Errorf("once more: %w", err)
	}
	if rep.Result == report.Rejected && now != q.after {
		return fmt.Errorf("once more: %v", rep.Findings)
	}
	if err := judgeSettled(w); err != nil {
		return fmt.Errorf("once more: %w", err)
	}
	if now, err = indexes(w.Mem); err != nil || now != q.after {
		return fmt.Errorf("once more (%v), the indexes are:\n%s", err, now)
	}
	return nil
}

// judgeHistory holds the history against what was published: it has at least so
// many generations, each once and in order.
func judgeHistory(w *world, least uint64) error {
	r, err := w.repo()
	if err != nil {
		return err
	}
	last, _, err := r.LastGeneration()
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if last.Number < least {
		return fmt.Errorf("history: ends with generation %d, not %d", last.Number, least)
	}
	if last.Number == 0 {
		return nil
	}
	text, err := vfs.ReadFile(w.Mem, ".mmpush/history", 1<<20)
	if lines := strings.Count(string(text), "\n"); err != nil || uint64(lines) != last.Number {
		return fmt.Errorf("history: %d lines, last generation %d (%v)", lines, last.Number, err)
	}
	return nil
}

// sweep judges all states that the moments can end in and returns how many, and
// the first that is broken.
func (q inquest) sweep(w *world, moments []moment) (states int, broken error) {
	for k, m := range moments {
		list := fates(m.disk.Unsynced(), q.random, uint64(k))
		for i := -1; i < len(list); i++ {
			disk, how := m.disk.Clone(), "killed"
			if i >= 0 {
				disk, how = m.disk.PowerLoss(list[i]), fmt.Sprintf("power loss %d", i)
			}
			states++
			if err := q.judge(w.with(disk), m.acked, i%8 == -1); err != nil {
				return states, fmt.Errorf("%s ahead of call %d (%s %s): %w\nnot durable: %q",
					how, k, m.op.Kind, m.op.Name, err, m.disk.Unsynceds())
			}
		}
	}
	return states, nil
}

// investigate sets the scene, films the change and returns what to judge.
func investigate(t *testing.T, s scenario, random int, skip func(label string) bool) (*world, inquest, []moment) {
	t.Helper()
	w := newWorld()
	w.setup(t, s.setup...)
	q := inquest{scenario: s, random: random}
	var err error
	q.before, err = indexes(w.Mem)
	must(err)
	moments, err := film(w, s.run, skip)
	if err != nil {
		t.Fatal(err)
	}
	q.after, err = indexes(w.Mem)
	must(err)
	r, err := w.open(w.Mem)
	must(err)
	last, _, err := r.LastGeneration()
	must(err)
	q.generation = last.Number
	return w, q, moments
}

// TestKillAndPowerLoss ends each change ahead of each of its calls, by a kill and
// by power losses that take any part of what is not durable.
func TestKillAndPowerLoss(t *testing.T) {
	t.Parallel()
	var total atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w, q, moments := investigate(t, s, tier(8, 60), nil)
				n, broken := q.sweep(w, moments)
				if broken != nil {
					t.Errorf("broken: %v", broken)
				}
				total.Add(int64(n))
				t.Logf("%d calls that write, %d states", len(moments)-1, n)
			})
		}
	})
	t.Logf("%d states in all", total.Load())
	if !testing.Short() && total.Load() < 20_000 {
		t.Errorf("only %d states were judged, want 20,000", total.Load())
	}
}
