package pipeline_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

func ctx() context.Context { return context.Background() }

// long reports whether the long tier was asked for: MMPUSH_LONG=1.
func long() bool { return os.Getenv("MMPUSH_LONG") != "" }

// tier is a number that the long tier raises.
func tier(quick, inLong int) int {
	if long() {
		return inLong
	}
	return quick
}

// TestKillAndPowerLossInRecovery ends a change behind its decision, and then the
// recovery ahead of each of its own calls.
func TestKillAndPowerLossInRecovery(t *testing.T) {
	t.Parallel()
	names := []string{"new version", "rebuild into the pool", "remove", "restore a missing file", "undo a removal"}
	var total, recoveries atomic.Int64
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range scenarios() {
			if !long() && !slices.Contains(names, s.name) {
				continue
			}
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				w, q, moments := investigate(t, s, tier(0, 12), nil)
				decided := 0
				for k, m := range moments {
					if _, err := m.Disk.Lstat(repo.JournalFile); err != nil {
						continue
					}
					if decided++; !long() && decided%6 != 1 {
						continue
					}
					again := w.with(m.Disk.Clone())
					filmed, err := film(again, recovering, nil)
					if err != nil {
						t.Fatalf("killed ahead of call %d: recovery: %v", k, err)
					}
					recoveries.Add(1)
					n, broken := q.sweep(again, filmed)
					total.Add(int64(n))
					if broken != nil {
						t.Errorf("killed ahead of call %d (%s %s), then in the recovery: %v", k, m.Op.Kind, m.Op.Name, broken)
						return
					}
				}
			})
		}
	})
	t.Logf("%d states in %d recoveries", total.Load(), recoveries.Load())
}

// TestEveryCallFailsInRecovery lets each call of a recovery fail once (in the ordinary
// run, every other one): what was decided comes true with the next one.
func TestEveryCallFailsInRecovery(t *testing.T) {
	t.Parallel()
	causes := []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EMFILE}
	for _, s := range scenarios() {
		if !long() && s.name != "rebuild into the pool" && s.name != "undo a removal" && s.name != "new version" {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w, q, moments := investigate(t, s, 0, nil)
			failures := 0
			for i, m := range moments {
				if _, err := m.Disk.Lstat(repo.JournalFile); err != nil {
					continue
				}
				step := tier(2, 1)
				for k := i % step; ; k += step {
					again := w.with(m.Disk.Clone())
					n, cause := 0, causes[(i+k)%len(causes)]
					var at vfs.Op
					err := recoverOnly(again, vfs.Observe(again.Mem, func(op vfs.Op) error {
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
						t.Errorf("call %d (%s %s) of the recovery: the error does not know its cause: %v", k, at.Kind, at.Name, err)
					}
					// What the change repairs is broken until the next recovery.
					if err := q.judge(again, !q.damaged, k%8 == 0); err != nil {
						t.Errorf("killed ahead of call %d, call %d (%s %s) of the recovery fails: %v", i, k, at.Kind, at.Name, err)
					}
				}
			}
			t.Logf("%d failures", failures)
		})
	}
}
