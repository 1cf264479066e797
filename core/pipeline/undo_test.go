package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// between runs an action of somebody else when the first one is about to take the lock.
func between(w *world, other action) vfs.FS {
	done := false
	return vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op == (vfs.Op{Kind: "lock-open", Name: "lock"}) && !done {
			done = true
			_, err := other(w, w.Mem)
			return err
		}
		return nil
	})
}

// TestUndoMeansWhatWasLast: a publish that comes in between is not the change that is
// taken back, and one that touches the same is in the way.
func TestUndoMeansWhatWasLast(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(foo100))
	rep, err := undo(pipeline.UndoRequest{})(w, between(w, publish(weather)))
	must(err)
	if rep.Result != report.Undone || rep.Undoes != "generation 2" || rep.Generation != 4 {
		t.Errorf("%s %q as generation %d: %v", rep.Result, rep.Undoes, rep.Generation, rep.Findings)
	}
	if is, err := has(w.Mem, weather); err != nil || !is {
		t.Errorf("what was published in between is gone: %v", err)
	}

	w = newWorld()
	w.setup(t, publish(greet090))
	rep, err = undo(pipeline.UndoRequest{})(w, between(w, publish(greet100)))
	must(err)
	if rep.Result != report.Rejected || rep.Findings[0].Code != report.CodeOvertaken || !strings.Contains(rep.Findings[0].Message, "by generation 2 (publish by somebody)") {
		t.Errorf("%s %v", rep.Result, rep.Findings)
	}
}

// TestUndoToTakesAll: going back to a state takes back what came in between, too.
func TestUndoToTakesAll(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]action{"ours": publish(weather), "another program's": older(weather)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, publish(greet090))
			before, err := indexes(w.Mem)
			must(err)
			w.setup(t, publish(foo100))
			rep, err := undo(pipeline.UndoRequest{To: new(uint64(1))})(w, between(w, other))
			must(err)
			if now, err := indexes(w.Mem); err != nil || now != before || rep.Result != report.Undone {
				t.Errorf("%s %v %v\n%s", rep.Result, rep.Findings, err, now)
			}
		})
	}
}

// TestUndoRights: who undoes needs the right over each source that goes or comes back.
func TestUndoRights(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), batch(foo100, greet100))
	r, err := w.open(w.Mem)
	must(err)
	for right, refused := range map[string]bool{"foo:*:undo": true, "greet:*:undo": true, "*:*:publish": true, "*:*:undo": false} {
		parsed, err := access.ParseRight(right)
		must(err)
		v := pipeline.UndoRights{Who: access.NewIdentity("alice", []access.Right{parsed}), Arch: arch}
		rep, err := pipeline.Undo(ctx(), r, pipeline.UndoRequest{
			Verifiers: []verify.Named{{Name: "rights", Verifier: v}}, Options: pipeline.Options{DryRun: true, LockWait: time.Second},
		})
		must(err)
		if (rep.Result == report.Rejected) != refused {
			t.Errorf("%s: %s %v", right, rep.Result, rep.Findings)
		}
		for _, f := range rep.Findings {
			if f.Refuses() && f.Code != report.CodeRights {
				t.Errorf("%s: %v", right, f)
			}
		}
	}
}
