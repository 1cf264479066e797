package pipeline_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestEveryCallFails lets each call of a change fail once (in the ordinary run, every
// other one), with each of the errors
// that disks give, and wants: no acknowledgement that does not hold, the old
// indexes byte for byte unless the change was decided, a message that names the
// cause, and a next run that needs no help.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	causes := []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EMFILE}
	for i, s := range scenarios() {
		if s.slow && !long() || s.apart { // for these see TestEveryCallOfAGroupFails
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			start := newWorld()
			start.setup(t, s.setup...)
			_, q, _ := investigate(t, s, 0, nil)
			step := tier(2, 1)
			for k := i % step; ; k += step {
				cause := causes[(i+k/step)%len(causes)]
				w := start.with(start.Clone())
				if fired := failOne(t, w, q, k, cause); !fired {
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
		n++
		if n == k+1 {
			at = op
			return cause
		}
		return nil
	})
	rep, err := q.run(w, fsys)
	if at == (vfs.Op{}) {
		return false
	}
	problem := judgeFailure(w, q, rep, err, cause)
	if problem == nil && slices.Contains([]string{"sync", "syncdir"}, at.Kind) {
		// What a failed sync was about may be gone, whatever is called later.
		problem = q.judge(w.with(w.PowerLoss(func(int) vfs.Fate { return vfs.Lost })), false, true)
	}
	if problem == nil {
		problem = q.judge(w, err == nil && rep.Result != report.Rejected, true)
	}
	if problem != nil {
		t.Errorf("call %d (%s %s) fails with %v: %v", k, at.Kind, at.Name, cause, problem)
	}
	return true
}

// judgeFailure judges what a failing change said and left.
func judgeFailure(w *world, q inquest, rep report.Report, err, cause error) error {
	if err == nil {
		if rep.Result == report.Rejected {
			return fmt.Errorf("a failing disk was told as a refusal: %v", rep.Findings)
		}
		return nil
	}
	if err := judgeError(err, cause); err != nil {
		return err
	}
	_, journal := w.Lstat(repo.JournalFile)
	if now, _ := indexes(w.Mem); now != q.before && journal != nil && !q.damaged {
		return fmt.Errorf("it said %q, and the indexes have changed", err)
	}
	if journal == nil && !strings.Contains(err.Error(), "decided") && !strings.Contains(err.Error(), "finish") {
		return fmt.Errorf("the change was decided, but it said %q", err)
	}
	return nil
}

// judgeError wants an error that knows its cause and tells people what to do.
func judgeError(err, cause error) error {
	if !errors.Is(err, cause) {
		return fmt.Errorf("the error does not know its cause: %w", err)
	}
	if told, ok := errors.AsType[*report.Error](err); !ok || told.File == "" || told.Hint == "" || told.Code == "" {
		return fmt.Errorf("the error is not for people: %#v", err)
	}
	return nil
}
