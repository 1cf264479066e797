package syncdb

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestEveryCallFails lets each call of a change fail once; the ordinary run, every third.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	causes := []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EMFILE}
	for i, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			start := newWorld()
			start.setup(t, s.setup...)
			_, q, _ := investigate(t, s, nil)
			for k := i % 3; ; k += tier(3, 1) {
				if fired := failOne(t, start.with(start.Clone()), q, k, causes[(i+k)%len(causes)]); !fired {
					t.Logf("%d calls", k)
					return
				}
			}
		})
	}
}

// failOne runs the change with its k-th call failing; false if it has fewer calls.
func failOne(t *testing.T, w *world, q inquest, k int, cause error) bool {
	t.Helper()
	n := 0
	var at vfs.Op
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		if n++; n == k+1 {
			at = op
			return cause
		}
		return nil
	})
	out, err := q.run(w, fsys)
	if at == (vfs.Op{}) {
		return false
	}
	problem := judgeFailure(w, q, out, err, cause)
	if problem == nil && slices.Contains([]string{"sync", "syncdir"}, at.Kind) && err != nil {
		// What a failed sync was about may be gone, whatever is called later.
		problem = q.judge(w.with(w.PowerLoss(func(int) vfs.Fate { return vfs.Lost })), false, true)
	}
	if problem == nil {
		problem = q.judge(w, err == nil, true)
	}
	if problem != nil {
		t.Errorf("call %d (%s %s) fails with %v: %v", k, at.Kind, at.Name, cause, problem)
	}
	return true
}

func judgeFailure(w *world, q inquest, out Outcome, err, cause error) error {
	if err == nil {
		if out.Result == report.Rejected {
			return fmt.Errorf("a failing disk was told as a refusal: %v", out.Findings)
		}
		return nil
	}
	if !errors.Is(err, cause) {
		return fmt.Errorf("the error does not know its cause: %w", err)
	}
	if told, ok := errors.AsType[*report.Error](err); !ok || told.File == "" || told.Hint == "" || told.Code == "" {
		return fmt.Errorf("the error is not for people: %#v", err)
	}
	_, journal := w.Lstat(repo.JournalFile)
	if now, _ := judgeServed(w.Mem); now != q.before && journal != nil && !q.damaged {
		return fmt.Errorf("it said %q, and the databases have changed", err)
	}
	return nil
}
