package syncdb

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
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
		{name: "first publish", run: add(alpha10)},
		{name: "several, one signed", setup: []action{add(alpha10)}, run: add(gamma, beta)},
		{name: "upgrade", setup: []action{add(alpha10, beta)}, run: add(alpha11)},
		{name: "remove", setup: []action{add(alpha10, gamma)}, run: remove("gamma")},
		{name: "restore", setup: []action{add(alpha10), losing(alpha10)}, run: add(alpha10), damaged: true},
		{name: "back from the retired", setup: []action{add(alpha10), remove("alpha")}, run: add(alpha10)},
		{name: "signed", setup: []action{signed(alpha10)}, run: signed(alpha11)},
		{name: "undo", setup: []action{add(alpha10, gamma), add(alpha11), later(time.Hour)}, run: undo},
		{name: "expire and sweep", setup: []action{add(alpha10), later(time.Hour), add(alpha11), later(80 * time.Hour)}, run: add(beta)},
	}
}

// tier is how much to do: more with MMPUSH_LONG=1.
func tier(quick, long int) int {
	if os.Getenv("MMPUSH_LONG") != "" {
		return long
	}
	return quick
}

// film runs an action and keeps the disk ahead of each call that writes, and after the
// last. The syncs that skip picks are left out.
func film(w *world, run action, skip func(where string) bool) ([]vfstest.Moment, error) {
	return vfstest.Film(w.Mem, func(fsys vfs.FS) error {
		out, err := run(w, fsys)
		if err == nil && out.Result == report.Rejected {
			err = fmt.Errorf("refused: %v", out.Findings)
		}
		return err
	}, skip, ".mmpush/stage/", ".demo.db/", ".mmpush/settings.yaml.")
}

// inquest judges states of the disk around one change.
type inquest struct {
	scenario
	before, after    string
	generation, past uint64
}

// judge judges one state: as it is served, after recovery and, if again is set, after
// the same action once more.
func (q inquest) judge(w *world, acked, again bool) error {
	excused := q.damaged && !acked
	served, err := judgeServed(w.Mem)
	if err != nil && !excused {
		return fmt.Errorf("as served: %w", err)
	}
	if err := recoverOnly(w, w.Mem); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	now, err := judgeServed(w.Mem)
	if err != nil && !excused {
		return fmt.Errorf("after recovery: %w", err)
	}
	if served == q.after && now != q.after && q.after != q.before {
		return errors.New("recovery has taken back what was served")
	}
	if err == nil && now != q.after && (now != q.before || acked) {
		return fmt.Errorf("after recovery (acknowledged: %t) there is neither:\n%s", acked, now)
	}
	if err := q.history(w, now, acked); err != nil || !again {
		return err
	}
	out, err := q.run(w, w.Mem)
	if err != nil || out.Result == report.Rejected && now != q.after {
		return fmt.Errorf("once more: %v %w", out.Findings, err)
	}
	if now, err = judgeServed(w.Mem); err != nil || now != q.after {
		return fmt.Errorf("once more (%w), there is:\n%s", err, now)
	}
	return nil
}

// history wants the generations that were acknowledged, each once and chained.
func (q inquest) history(w *world, now string, acked bool) error {
	least := q.generation
	if now == q.before && !acked {
		least = q.past
	}
	r, err := w.open(w.Mem)
	if err != nil {
		return err
	}
	last, _, err := r.LastGeneration()
	if err != nil || last.Number < least || last.Number > q.generation {
		return fmt.Errorf("the history ends with %d, not %d (%w)", last.Number, least, err)
	}
	if last.Number == 0 {
		return nil
	}
	if chain, err := r.VerifyHistory(""); err != nil || report.Refused(chain.Findings) {
		return fmt.Errorf("history: %v %w", chain.Findings, err)
	}
	return nil
}

// sweepStates judges the states that the moments can end in; of the power losses, one in
// each.
func (q inquest) sweepStates(w *world, moments []vfstest.Moment, random, each int) (states int, broken error) {
	judged := vfstest.NewJudged()
	for k, m := range moments {
		list := vfstest.Fates(m.Disk.Unsynced(), random, uint64(k))
		for i := -1; i < len(list); i++ {
			if i > 1 && (i+k)%each != 0 {
				continue
			}
			disk, how := m.Disk.Clone(), "killed"
			if i >= 0 {
				disk, how = m.Disk.PowerLoss(list[i]), fmt.Sprintf("power loss %d", i)
			}
			states++
			if judged.Before(disk, m.Acked, i%8 == -1) {
				continue
			}
			if err := q.judge(w.with(disk), m.Acked, i%8 == -1); err != nil {
				return states, fmt.Errorf("%s ahead of call %d (%s %s): %w\nnot durable: %q", how, k, m.Op.Kind, m.Op.Name, err, m.Disk.Unsynceds())
			}
		}
	}
	return states, nil
}

// investigate sets the scene, films the change and returns what to judge.
func investigate(t *testing.T, s scenario, skip func(label string) bool) (*world, inquest, []vfstest.Moment) {
	t.Helper()
	w := newWorld()
	w.setup(t, s.setup...)
	q := inquest{scenario: s, past: w.last().Number}
	q.before, _ = judgeServed(w.Mem)
	moments, err := film(w, s.run, skip)
	must(err)
	q.after, err = judgeServed(w.Mem)
	must(err)
	q.generation = w.last().Number
	return w, q, moments
}

// TestKillAndPowerLoss ends each change ahead of each of its calls, by a kill and by
// power losses that take any part of what is not durable.
func TestKillAndPowerLoss(t *testing.T) {
	t.Parallel()
	var total atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w, q, moments := investigate(t, s, nil)
				n, broken := q.sweepStates(w, moments, tier(2, 40), tier(10, 1))
				if broken != nil {
					t.Errorf("broken: %v", broken)
				}
				total.Add(int64(n))
				t.Logf("%d calls that write, %d states", len(moments)-1, n)
			})
		}
	})
	t.Logf("%d states in all", total.Load())
}

// TestKilledRecovery kills the recovery of each change ahead of each of its calls.
func TestKilledRecovery(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, q, moments := investigate(t, s, nil)
			states := 0
			for _, m := range moments {
				if _, err := m.Disk.Lstat(repo.JournalFile); err != nil {
					continue
				}
				again, err := film(w.with(m.Disk.Clone()), func(w *world, fsys vfs.FS) (Outcome, error) { return Outcome{}, recoverOnly(w, fsys) }, nil)
				must(err)
				n, broken := q.sweepStates(w, again, 0, tier(8, 1))
				if states += n; broken != nil {
					t.Fatalf("killed ahead of %s, then: %v", m.Where, broken)
				}
				if testing.Short() || states > tier(60, 5000) {
					break
				}
			}
			if states == 0 {
				t.Error("no moment has a journal")
			}
			t.Logf("%d states", states)
		})
	}
}

// TestEachSyncIsNeeded leaves out one sync after the other and wants to see the
// repository broken.
func TestEachSyncIsNeeded(t *testing.T) {
	t.Parallel()
	labels := map[string][]int{}
	for i, s := range scenarios() {
		_, _, moments := investigate(t, s, nil)
		for _, m := range moments {
			// The syncs of commit are the subject of the same test in pipeline.
			ours := strings.HasPrefix(m.Where, "syncdb.") || strings.Contains(m.Where, ".demo.db")
			if (m.Op.Kind == "sync" || m.Op.Kind == "syncdir") && ours && !slices.Contains(labels[m.Where], i) {
				labels[m.Where] = append(labels[m.Where], i)
			}
		}
	}
	if len(labels) < 3 {
		t.Errorf("%v", labels)
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		t.Run(strings.ReplaceAll(label, "/", "|"), func(t *testing.T) {
			t.Parallel()
			states := 0
			for _, i := range labels[label] {
				w, q, moments := investigate(t, scenarios()[i], func(l string) bool { return l == label })
				n, broken := q.sweepStates(w, moments, tier(2, 20), 1)
				if states += n; broken != nil {
					t.Logf("%s: broken without it after %d states, as it should be: %.200s", q.name, states, broken.Error())
					return
				}
			}
			t.Errorf("nothing is broken without it in %d states", states)
		})
	}
}
