package watch

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// scene is a drop folder in which something is about to happen.
type scene struct {
	name string
	// files are brought; want is the result that each of the manifests comes to.
	files []mpktest.File
	want  report.Result
	// wait is how long the watcher waits before it acts.
	wait time.Duration
	// index is what the repository has in the end.
	index []string
	// stride: only every so many calls are tried in the ordinary run.
	stride int
}

// every is how many calls to go ahead.
func (c scene) every() int {
	if os.Getenv("MMPUSH_LONG") != "" {
		return 1
	}
	return c.stride
}

func scenes() []scene {
	foo, bar := uploadOf("foo", "1.0", "foo", "libfoo1"), uploadOf("bar", "2.0", "bar")
	wrong := slices.Clone(foo.Files())
	wrong[1].Data = make([]byte, len(wrong[1].Data))
	return []scene{
		{"publish", foo.Files(), report.Published, quietTime, []string{"foo 1.0", "libfoo1 1.0"}, 1},
		{"publish two", slices.Concat(foo.Files(), bar.Files()), report.Published, quietTime, []string{"bar 2.0", "foo 1.0", "libfoo1 1.0"}, 5},
		{"refuse", wrong, report.Rejected, quietTime, nil, 1},
		{"give up", foo.Files()[1:], report.Rejected, DefaultSettle, nil, 1},
	}
}

// moment is both disks ahead of one call.
type moment struct {
	op         vfs.Op
	drop, disk *vfs.Mem
}

// stage sets a scene up to the scan in which it happens.
func (c scene) stage(t testing.TB) (*world, *Scanner) {
	t.Helper()
	w := newWorld(t)
	w.bring(t, c.files)
	w.drop.SyncAll()
	s := w.watch(t)
	w.scan(t, s)
	w.skip(c.wait)
	return w, s
}

// film plays a scene and keeps both disks ahead of each call that writes; the others
// leave nothing new behind.
func (c scene) film(t testing.TB) (*world, []moment) {
	t.Helper()
	w, s := c.stage(t)
	return w, filmScan(t, w, s)
}

// filmScan does so for one scan; the last moment is after it.
func filmScan(t testing.TB, w *world, s *Scanner) []moment {
	t.Helper()
	var moments []moment
	w.ahead = func(disk string, op vfs.Op) error {
		if !op.Writes() {
			return nil
		}
		moments = append(moments, moment{vfs.Op{Kind: op.Kind, Name: disk + ":" + op.Name}, w.drop.Clone(), w.disk.Clone()})
		return nil
	}
	w.scan(t, s)
	w.ahead, w.filmed = nil, w.now()
	return append(moments, moment{vfs.Op{Kind: "end"}, w.drop.Clone(), w.disk.Clone()})
}

// with is a world whose disks are in another state.
func (w *world) with(drop, disk *vfs.Mem) *world {
	// Nothing of what others have lived through has happened here.
	w.set(w.filmed)
	return &world{clock: w.clock, drop: drop, disk: disk, filmed: w.filmed}
}

// TestKill kills the watcher ahead of each call of a scan, and the next one ahead of
// each call of its first scan; the one after that finishes.
func TestKill(t *testing.T) {
	t.Parallel()
	var kills atomic.Int64
	t.Run("scenes", func(t *testing.T) {
		for _, c := range scenes() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w, moments := c.film(t)
				for k := 0; k < len(moments); k += c.every() {
					m := moments[k]
					if err := c.nothingLost(w.with(m.drop, m.disk)); err != nil {
						t.Fatalf("killed ahead of call %d (%s %s): %v", k, m.op.Kind, m.op.Name, err)
					}
					killed := w.with(m.drop.Clone(), m.disk.Clone())
					if err := c.judge(t, killed); err != nil {
						t.Fatalf("killed ahead of call %d (%s %s): %v\n%s", k, m.op.Kind, m.op.Name, err, &killed.log)
					}
					kills.Add(1)
					if c.every() == 1 && (k%4 == 3 || k > len(moments)-30 && k%2 == 0) {
						kills.Add(c.again(t, w.with(m.drop, m.disk), k))
					}
				}
			})
		}
	})
	if t.Logf("%d kills", kills.Load()); kills.Load() < 350 {
		t.Errorf("only %d kills", kills.Load())
	}
}

// again kills the next watcher, too, at some of its calls.
func (c scene) again(t *testing.T, w *world, first int) (kills int64) {
	t.Helper()
	s, err := New(w.options())
	must(t, err)
	for j, m := range filmScan(t, w, s) {
		if j%5 != first%5 {
			continue
		}
		killed := w.with(m.drop, m.disk)
		if err := c.judge(t, killed); err != nil {
			t.Fatalf("killed ahead of call %d, then ahead of call %d (%s %s): %v\n%s", first, j, m.op.Kind, m.op.Name, err, &killed.log)
		}
		kills++
	}
	return kills
}

// TestPowerLoss takes the power ahead of each call that writes: any part of what is not durable
// on either disk is lost. Nothing is deleted before its commit is durable, and
// nothing refused gets lost on its way.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	var states atomic.Int64
	t.Run("scenes", func(t *testing.T) {
		for _, c := range scenes() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				w, moments := c.film(t)
				for k := 0; k < len(moments); k += c.every() {
					m := moments[k]
					for i, fate := range fatePairs(uint64(k)) {
						after := w.with(m.drop.PowerLoss(fate[0]), m.disk.PowerLoss(fate[1]))
						if err := c.judge(t, after); err != nil {
							t.Fatalf("power loss %d ahead of call %d (%s %s): %v\n%s\nnot durable: %q", i, k, m.op.Kind, m.op.Name, err, &after.log, m.drop.Unsynceds())
						}
						states.Add(1)
					}
				}
			})
		}
	})
	if t.Logf("%d states", states.Load()); states.Load() < 900 {
		t.Errorf("only %d states", states.Load())
	}
}

// fatePairs are what power losses do to the drop folder and to the repository.
func fatePairs(seed uint64) [][2]func(int) vfs.Fate {
	all := func(f vfs.Fate) func(int) vfs.Fate { return func(int) vfs.Fate { return f } }
	some := func(k uint64) func(int) vfs.Fate {
		r := rand.New(rand.NewPCG(seed, k))
		picks := make([]vfs.Fate, 400)
		for i := range picks {
			picks[i] = []vfs.Fate{vfs.Lost, vfs.Kept, vfs.Torn}[r.IntN(3)]
		}
		return func(i int) vfs.Fate { return picks[i%len(picks)] }
	}
	return [][2]func(int) vfs.Fate{
		{all(vfs.Kept), all(vfs.Lost)}, {all(vfs.Lost), all(vfs.Kept)}, {all(vfs.Lost), all(vfs.Lost)},
		{some(1), some(2)}, {some(3), all(vfs.Lost)},
	}
}

// TestEveryCallFails lets each call of a scan fail, alone or with all that follow:
// the upload comes to its end later, and nothing is lost.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	var failures atomic.Int64
	t.Run("scenes", func(t *testing.T) {
		for _, c := range scenes() {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for i, lasting := range []bool{false, true} {
					for at := 1; c.fail(t, at, lasting); at += 2*c.every() - 1 + i {
						failures.Add(1)
					}
				}
			})
		}
	})
	if t.Logf("%d failures", failures.Load()); failures.Load() < 500 {
		t.Errorf("only %d failures", failures.Load())
	}
}

// fail lets the at-th call of a scan fail; false if there are fewer.
func (c scene) fail(t *testing.T, at int, lasting bool) bool {
	t.Helper()
	w, s := c.stage(t)
	var n atomic.Int64
	var failed atomic.Value
	w.ahead = func(disk string, op vfs.Op) error {
		if k := int(n.Add(1)); k == at || lasting && k > at {
			if k == at {
				failed.Store(disk + " " + op.Kind + " " + op.Name)
			}
			return []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE}[at%3]
		}
		return nil
	}
	if _, err := s.Scan(context.Background()); err != nil {
		t.Fatalf("call %d fails (%v): %v", at, failed.Load(), err)
	}
	w.ahead = nil
	if err := c.nothingLost(w); err != nil {
		t.Fatalf("call %d fails (%v): %v\n%s", at, failed.Load(), err, &w.log)
	}
	w.finish(t, s)
	must(t, s.Close())
	if err := c.settled(t, w); err != nil {
		t.Fatalf("call %d fails (%v): %v\n%s", at, failed.Load(), err, &w.log)
	}
	return int(n.Load()) >= at
}

// settled is verdictOn, but for files that could not be deleted at the time: a new
// watcher takes them, or they were told.
func (c scene) settled(t *testing.T, w *world) error {
	if left := filesIn(t, w.drop, "."); len(left) > 0 && strings.Contains(w.log.String(), "left in the drop folder") {
		if c.want != report.Published {
			return nil
		}
		return c.inRepository(w)
	}
	return c.verdictOn(t, w)
}
