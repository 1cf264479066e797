package pipeline_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

// film runs an action and keeps the disk ahead of each call that writes, and after the
// last. The syncs that skip picks are left out.
func film(w *world, run action, skip func(where string) bool) ([]vfstest.Moment, error) {
	return vfstest.Film(w.Mem, func(fsys vfs.FS) error {
		rep, err := run(w, fsys)
		if err == nil && rep.Result == report.Rejected {
			err = fmt.Errorf("refused: %v", rep.Findings)
		}
		return err
	}, skip, ".mmpush/stage/", "pool/", ".mmpush/settings.yaml.")
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
func (q inquest) sweep(w *world, moments []vfstest.Moment) (states int, broken error) {
	judged := vfstest.NewJudged()
	for k, m := range moments {
		list := vfstest.Fates(m.Disk.Unsynced(), q.random, uint64(k))
		for i := -1; i < len(list); i++ {
			disk, how := m.Disk.Clone(), "killed"
			if i >= 0 {
				disk, how = m.Disk.PowerLoss(list[i]), fmt.Sprintf("power loss %d", i)
			}
			states++
			if judged.Before(disk, m.Acked, i%8 == -1) {
				continue
			}
			if err := q.judge(w.with(disk), m.Acked, i%8 == -1); err != nil {
				return states, fmt.Errorf("%s ahead of call %d (%s %s): %w\nnot durable: %q",
					how, k, m.Op.Kind, m.Op.Name, err, m.Disk.Unsynceds())
			}
		}
	}
	return states, nil
}

// investigate sets the scene, films the change and returns what to judge.
func investigate(t *testing.T, s scenario, random int, skip func(label string) bool) (*world, inquest, []vfstest.Moment) {
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
