package pipeline_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

// setScenario is one change of several repositories.
type setScenario struct {
	name  string
	repos []string
	setup []setAction
	run   setAction
	// slow: the ordinary run leaves it to the long tier.
	slow bool
}

func setScenarios() []setScenario {
	two, three := []string{"a", "b"}, []string{"a", "b", "c"}
	return []setScenario{
		{"two, first publish", two, nil, publishAll(greet090, greet090), false},
		{"two, one of the older tool", two, []setAction{publishAll(greet090, greet090), forgetOne("b")}, publishAll(greet100, greet100), false},
		{"three, new version", three, []setAction{publishAll(greet090, greet090, greet090)}, publishAll(greet100, greet100, greet100), false},
		{"three, one has it", three, []setAction{publishAll(foo100, greet090, foo110), publishOne("b", greet100)}, publishAll(foo110, greet100, foo110b), true},
	}
}

// forgetOne takes away everything that is ours in one repository.
func forgetOne(name string) setAction {
	return func(w *setWorld, fsys vfs.FS) error { return vfs.RemoveAll(fsys, name+"/.mmpush") }
}

// filmSet keeps the disk ahead of each call that writes, and after the last. A call is
// called the same in each of the repositories.
func filmSet(w *setWorld, run setAction, skip func(label string) bool) ([]vfstest.Moment, error) {
	var random []string
	for _, n := range w.names {
		for _, dir := range []string{"/.mmpush/stage/", "/pool/", "/.mmpush/settings.yaml.", "/.mmpush/decisions/"} {
			random = append(random, n+dir)
		}
	}
	moments, err := vfstest.Film(w.Mem, func(fsys vfs.FS) error { return run(w, fsys) },
		func(where string) bool { return skip != nil && skip(label(where)) }, random...)
	for i := range moments {
		moments[i].Where = label(moments[i].Where)
	}
	return moments, err
}

// label is the name of a call without that of the repository.
func label(where string) string {
	return strings.NewReplacer(" a/", " ", " b/", " ", " c/", " ").Replace(where)
}

// setInquest judges states of the disk around one change of several repositories.
type setInquest struct {
	setScenario
	before, after []string
}

// judge opens one repository first: from then on all have the change, or none has.
func (q setInquest) judge(w *setWorld, acked bool, first int) error {
	if err := w.judgeServedAll(); err != nil {
		return err
	}
	for i := range w.names {
		name := w.names[(first+i)%len(w.names)]
		if err := w.recoverOne(w.Mem, name); err != nil {
			return fmt.Errorf("recovery of %s: %w", name, err)
		}
		if err := w.judgeServedAll(); err != nil {
			return fmt.Errorf("%s recovered: %w", name, err)
		}
		now, err := w.texts()
		if err != nil {
			return err
		}
		if !slices.Equal(now, q.after) && (acked || !slices.Equal(now, q.before)) {
			return fmt.Errorf("%s recovered (acknowledged: %t): neither all nor none:\n%s", name, acked, strings.Join(now, "\n----\n"))
		}
	}
	return w.judgeSettledAll()
}

// takesPart are the repositories that have something to change.
func (q setInquest) takesPart() (list []int) {
	for i := range q.before {
		if q.before[i] != q.after[i] {
			list = append(list, i)
		}
	}
	return list
}

// some are the fates of the ordinary run: all lost, all kept, and some at random.
func some(random int) func(n int, seed uint64) []func(int) vfs.Fate {
	return func(n int, seed uint64) []func(int) vfs.Fate {
		list := vfstest.Fates(n, random, seed)
		return append(list[:2:2], list[len(list)-random:]...)
	}
}

// ends are those of the ordinary run, or every in the long tier.
func ends(quick func(int, uint64) []func(int) vfs.Fate) func(int, uint64) []func(int) vfs.Fate {
	if long() {
		return every
	}
	return quick
}

// every are the fates of the long tier.
func every(n int, seed uint64) []func(int) vfs.Fate { return vfstest.Fates(n, 20, seed) }

// sweep judges the states that the moments can end in; killed, with each repository
// opened first, and after a power loss with one of them in turn.
func (q setInquest) sweep(w *setWorld, moments []vfstest.Moment, ends func(int, uint64) []func(int) vfs.Fate) (states int, broken error) {
	all, judged := q.takesPart(), vfstest.NewJudged()
	for k, m := range moments {
		look := func(disk *vfs.Mem, how string, first int) error {
			states++
			err := q.judge(w.with(disk), m.Acked, first)
			if err == nil {
				return nil
			}
			return fmt.Errorf("%s ahead of call %d (%s %s; %s), %s opened first: %w\nnot durable: %q",
				how, k, m.Op.Kind, m.Op.Name, m.Where, w.names[first], err, m.Disk.Unsynceds())
		}
		for _, first := range all {
			if err := look(m.Disk.Clone(), "killed", first); err != nil {
				return states, err
			}
		}
		for i, fate := range ends(m.Disk.Unsynced(), uint64(k)) {
			disk := m.Disk.PowerLoss(fate)
			if judged.Before(disk, m.Acked, false) {
				continue
			}
			if err := look(disk, fmt.Sprintf("power loss %d", i), all[(k+i)%len(all)]); err != nil {
				return states, err
			}
		}
	}
	return states, nil
}

// investigateSet sets the scene, films the change and returns what to judge.
func investigateSet(t *testing.T, s setScenario, skip func(label string) bool) (*setWorld, setInquest, []vfstest.Moment) {
	t.Helper()
	w := newSetWorld(s.repos...)
	w.setup(t, s.setup...)
	q := setInquest{setScenario: s}
	var err error
	q.before, err = w.texts()
	must(err)
	moments, err := filmSet(w, s.run, skip)
	if err != nil {
		t.Fatal(err)
	}
	q.after, err = w.texts()
	must(err)
	if slices.Equal(q.before, q.after) {
		t.Fatal("nothing is changed")
	}
	return w, q, moments
}

// TestSetKillAndPowerLoss ends a change of several repositories ahead of each of its
// calls, and then opens any of the repositories first.
func TestSetKillAndPowerLoss(t *testing.T) {
	t.Parallel()
	var total atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range setScenarios() {
			if s.slow && !long() {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w, q, moments := investigateSet(t, s, nil)
				if !long() {
					moments = shared(moments)
				}
				n, broken := q.sweep(w, moments, ends(some(2)))
				total.Add(int64(n))
				if broken != nil {
					t.Errorf("broken: %v", broken)
				}
				t.Logf("%d calls that write, %d states", len(moments)-1, n)
			})
		}
	})
	t.Logf("%d states in all", total.Load())
}

// shared are the moments in which a change is prepared or decided somewhere: those in
// which one repository can depend on another.
func shared(moments []vfstest.Moment) []vfstest.Moment {
	return slices.DeleteFunc(slices.Clone(moments), func(m vfstest.Moment) bool {
		if m.Acked {
			return false
		}
		for _, n := range []string{"a", "b", "c"} {
			for _, name := range []string{repo.PreparedFile, repo.PreparedFile, repo.JournalFile} {
				if _, err := m.Disk.Lstat(n + "/" + name); err == nil {
					return false
				}
			}
		}
		return true
	})
}

// TestSetKillInRecovery ends a change of several repositories once it is decided, and
// then the recovery ahead of each of its own calls.
func TestSetKillInRecovery(t *testing.T) {
	t.Parallel()
	for _, s := range setScenarios() {
		if !long() && s.name != "two, first publish" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, q, moments := investigateSet(t, s, nil)
			states, recoveries := 0, 0
			for k, m := range shared(moments) {
				if m.Acked || k%tier(12, 3) != tier(4, 1) {
					continue
				}
				for first, name := range w.names {
					if !long() && (k/12)%2 != first {
						continue
					}
					again := w.with(m.Disk.Clone())
					filmed, err := filmSet(again, func(w *setWorld, fsys vfs.FS) error { return w.recoverOne(fsys, name) }, nil)
					if err != nil {
						t.Fatalf("killed ahead of call %d (%s %s): recovery of %s: %v", k, m.Op.Kind, m.Op.Name, name, err)
					}
					recoveries++
					// That the recovery of one ends well is no acknowledgement.
					filmed[len(filmed)-1].Acked = false
					n, broken := q.sweep(again, filmed, some(tier(0, 1)))
					states += n
					if broken != nil {
						t.Fatalf("killed ahead of call %d (%s %s), then in the recovery of %s: %v", k, m.Op.Kind, m.Op.Name, name, broken)
					}
				}
			}
			t.Logf("%d states in %d recoveries", states, recoveries)
		})
	}
}

// setScene is a change of several repositories that is filmed; with killedAt, it is
// killed ahead of such a call, and the recovery of the last repository is filmed.
type setScene struct {
	setScenario
	killedAt string
}

func (s setScene) film(t *testing.T, skip func(label string) bool) (*setWorld, setInquest, []vfstest.Moment) {
	t.Helper()
	if s.killedAt == "" {
		return investigateSet(t, s.setScenario, skip)
	}
	w, q, moments := investigateSet(t, s.setScenario, nil)
	i := slices.IndexFunc(moments, func(m vfstest.Moment) bool { return strings.Contains(m.Where, s.killedAt) })
	if i < 0 {
		t.Fatalf("no call %q", s.killedAt)
	}
	again := w.with(moments[i].Disk.Clone())
	last := w.names[len(w.names)-1]
	filmed, err := filmSet(again, func(w *setWorld, fsys vfs.FS) error { return w.recoverOne(fsys, last) }, skip)
	if err != nil {
		t.Fatal(err)
	}
	return again, q, filmed
}

// ofDecisions reports whether a sync is one that a shared decision has and no other.
func ofDecisions(label string) bool {
	return slices.ContainsFunc([]string{"commit.(*Tx).decideAll", "commit.identify", "settle.go", "commit.(*beginning).", "commit.(*Tx).writeJournal", "commit.(*Tx).writeTemp"},
		func(part string) bool {
			return strings.HasPrefix(label, part) || part == "settle.go" && strings.Contains(label, "commit") && strings.Contains(label, part)
		})
}

// TestSetEachSyncIsNeeded leaves out one after the other of the syncs that only a shared
// decision has, and wants to see the repositories broken.
func TestSetEachSyncIsNeeded(t *testing.T) {
	t.Parallel()
	var scenes []setScene
	for _, s := range setScenarios()[:2] {
		scenes = append(scenes, setScene{s, ""})
	}
	scenes = append(scenes, setScene{setScenarios()[0], "syncdir .mmpush/decisions"})
	labels := map[string][]int{}
	for i, s := range scenes {
		_, _, moments := s.film(t, nil)
		for _, m := range moments {
			if (m.Op.Kind == "sync" || m.Op.Kind == "syncdir") && ofDecisions(m.Where) && !slices.Contains(labels[m.Where], i) {
				labels[m.Where] = append(labels[m.Where], i)
			}
		}
	}
	if len(labels) < 7 {
		t.Errorf("only these syncs were met: %q", slices.Sorted(maps.Keys(labels)))
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		t.Run(strings.ReplaceAll(label, "/", "|"), func(t *testing.T) {
			t.Parallel()
			states := 0
			for _, i := range labels[label] {
				w, q, moments := scenes[i].film(t, func(l string) bool { return l == label })
				// What is missing is missed from there on; of several, the last.
				for from, m := range slices.Backward(moments) {
					if m.Where == label {
						moments = shared(moments[from:])
						break
					}
				}
				n, broken := q.sweep(w, moments, every)
				states += n
				if broken != nil {
					t.Logf("%s: broken without it after %d states, as it should be: %.300s", scenes[i].name, states, broken.Error())
					return
				}
			}
			t.Errorf("nothing is broken without it in %d states", states)
		})
	}
}
