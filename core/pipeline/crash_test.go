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

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

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
	// generation is the number that the change gets, past the one before it.
	generation, past uint64
	random           int
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
		least = q.past
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

// last is the newest generation.
func (w *world) last() repo.Generation {
	r, err := w.open(w.Mem)
	must(err)
	last, _, err := r.LastGeneration()
	must(err)
	return last
}

// judgeHistory holds the history against what was published: it has at least so many
// generations, each once, in order and chained, and the index files of the last one
// are kept.
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
	if chain, err := r.VerifyHistory(""); err != nil || report.Refused(chain.Findings) {
		return fmt.Errorf("history: %v %w", chain.Findings, err)
	}
	if kept, err := r.Kept(last); err != nil || len(kept) != 2 {
		return fmt.Errorf("history: the indexes of generation %d are not kept: %v %w", last.Number, kept, err)
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
	q.past = w.last().Number
	moments, err := film(w, s.run, skip)
	if err != nil {
		t.Fatal(err)
	}
	q.after, err = indexes(w.Mem)
	must(err)
	q.generation = w.last().Number
	return w, q, moments
}

// TestKillAndPowerLoss ends each change ahead of each of its calls, by a kill and
// by power losses that take any part of what is not durable.
func TestKillAndPowerLoss(t *testing.T) {
	t.Parallel()
	var total atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range scenarios() {
			if s.slow && !long() {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w, q, moments := investigate(t, s, tier(3, 60), nil)
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
