package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

// everything allows what has to be asked for.
func everything() plan.Requests { return plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true} }

// prepare stages and plans an upload of somebody's.
func (w *world) prepare(fsys vfs.FS, name, who string, requests plan.Requests, verifiers ...verify.Named) (*pipeline.Prepared, report.Report, error) {
	r, err := w.open(fsys)
	if err != nil {
		return nil, report.Report{}, err
	}
	u, err := openUpload(name)
	if err != nil {
		return nil, report.Report{}, err
	}
	return pipeline.Prepare(ctx(), r, pipeline.Request{Upload: u, Requests: requests, Verifiers: verifiers, Options: pipeline.Options{LockWait: 10 * time.Second, Who: who, Transport: "test"}})
}

// commitGroup publishes what is prepared, and gives the stages back.
func (w *world) commitGroup(fsys vfs.FS, list ...*pipeline.Prepared) ([]pipeline.Outcome, error) {
	r, err := w.open(fsys)
	if err != nil {
		return nil, err
	}
	out := pipeline.CommitGroup(ctx(), r, pipeline.Options{LockWait: 10 * time.Second}, list)
	for _, p := range list {
		p.Discard()
	}
	return out, nil
}

// grouped is a group of uploads as one action, everything allowed.
func grouped(names ...string) action { return groupedAs(everything(), names...) }

// groupedAs prepares behind the camera: what happens there happens in each publish.
func groupedAs(requests plan.Requests, names ...string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		var list []*pipeline.Prepared
		for _, name := range names {
			p, rep, err := w.prepare(w.Mem, name, "user of "+name, requests)
			if err != nil || rep.Result == report.Rejected {
				return rep, err
			}
			if p != nil {
				list = append(list, p)
			}
		}
		out, err := w.commitGroup(fsys, list...)
		var last report.Report
		for _, o := range out {
			if last = o.Report; o.Err != nil || o.Report.Result == report.Rejected {
				return o.Report, o.Err
			}
		}
		return last, err
	}
}

// TestGroup: uploads are published at once, each as a change of its own and with an
// answer of its own; one is refused alone, and one that another has replaced comes back
// with its files when that is taken back.
func TestGroup(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(weather))
	var list []*pipeline.Prepared
	// foo 1.1.0 comes twice, with other bytes; the third time nobody has asked for that.
	names := []string{foo100, greet090, foo110, foo110b, foo110, greet100}
	requests := []plan.Requests{{}, {}, {}, {Rebuild: true}, {}, {}}
	for i, name := range names {
		p, rep, err := w.prepare(w.Mem, name, "user of "+name, requests[i])
		if p == nil {
			t.Fatalf("%s: %v %v", name, rep, err)
		}
		list = append(list, p)
	}
	out, err := w.commitGroup(w.Mem, list...)
	must(err)
	for i, want := range []struct {
		result     report.Result
		superseded bool
	}{
		{report.Published, true}, {report.Published, true}, {report.Published, true}, {report.Published, false}, {report.Rejected, false}, {report.Published, false},
	} {
		rep := out[i].Report
		noted := slices.ContainsFunc(rep.Findings, func(f report.Finding) bool { return f.Code == report.CodeSuperseded })
		if out[i].Err != nil || rep.Result != want.result || noted != want.superseded || (rep.Generation == 2) != (rep.Result == report.Published) {
			t.Errorf("%d, %s: %+v %v", i, names[i], rep, out[i].Err)
		}
	}
	last := w.last()
	var who []string
	for _, c := range last.Changes {
		who = append(who, c.Who+" "+c.Manifest)
	}
	if last.Number != 2 || len(who) != 5 || !strings.HasPrefix(who[3], "user of "+foo110b+" foo_1.1.0") || !strings.HasPrefix(who[4], "user of "+greet100) {
		t.Errorf("generation %d has %q", last.Number, who)
	}
	must(judgeServed(w.Mem))
	must(judgeSettled(w))
	if left, err := walk(w.Mem, ".mmpush/stage"); err != nil || len(left) > 0 {
		t.Errorf("left in the stage: %q %v", left, err)
	}
	// Back to what the first of two uploads has published: never seen by anybody, and whole.
	for _, u := range []pipeline.UndoRequest{{Generation: 2, Change: 5}, {Generation: 2, Change: 4}, {Generation: 2, Change: 3}} {
		if rep, err := undo(u)(w, w.Mem); err != nil || rep.Result != report.Undone {
			t.Fatalf("undo 2.%d: %+v %v", u.Change, rep, err)
		}
		must(judgeServed(w.Mem))
		must(judgeSettled(w))
	}
	view, err := index.Open(w.Mem)
	must(err)
	for name, version := range map[string]string{"foo": "1.0.0", "greet": "0.9.0"} {
		if b, ok, err := view.Binary(name); err != nil || !ok || b.Version != version {
			t.Errorf("%s: %+v %v", name, b, err)
		}
	}
}

// asked counts how often a verifier is asked about plans.
type asked struct{ plans int }

func (a *asked) Verify(context.Context, upload.Upload) ([]report.Finding, error) { return nil, nil }

func (a *asked) VerifyPlan(context.Context, index.View, plan.Plan) ([]report.Finding, error) {
	a.plans++
	return nil, nil
}

// TestGroupAsksAgain: a verifier that has judged a plan is asked again if the plan, or
// what it is made on, is another when it is committed.
func TestGroupAsksAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between action
		want    []int
	}{
		"alone":                  {nil, []int{1, 2}},
		"somebody has published": {publish(weather), []int{2, 2}},
	} {
		w := newWorld()
		verifiers := []*asked{{}, {}}
		var list []*pipeline.Prepared
		for i, name := range []string{foo100, greet090} {
			p, rep, err := w.prepare(w.Mem, name, "", plan.Requests{}, verify.Named{Name: "asked", Verifier: verifiers[i]})
			if p == nil {
				t.Fatalf("%v %v", rep, err)
			}
			list = append(list, p)
		}
		if c.between != nil {
			w.setup(t, c.between)
		}
		out, err := w.commitGroup(w.Mem, list...)
		must(err)
		for i := range list {
			if out[i].Err != nil || verifiers[i].plans != c.want[i] {
				t.Errorf("%s: upload %d was judged %d times, want %d (%v)", name, i, verifiers[i].plans, c.want[i], out[i].Err)
			}
		}
	}
}

// TestGroupOutrun: somebody else publishes between a group's commit point and its end.
// What of the group can be published still is; what cannot, since nobody has asked for a
// rebuild, takes nothing with it.
func TestGroupOutrun(t *testing.T) {
	t.Parallel()
	for name, group := range map[string][]string{"the first": {foo110, greet100}, "the last": {greet100, foo110}} {
		_, _, moments := investigate(t, scenario{name: name, setup: []action{publish(greet090)}, run: groupedAs(plan.Requests{}, group...)}, 0, nil)
		i := slices.IndexFunc(moments, func(m vfstest.Moment) bool { return strings.HasPrefix(m.Where, "commit.(*Tx).placeOne") })
		if i < 0 {
			t.Fatal("no call to kill at")
		}
		w := newWorld().with(moments[i].Disk.Clone())
		w.clock.skip(1 << 40)
		must(olderTool(w.Mem, foo110b))
		theirs := packageSum(w.Mem, "foo")
		if err := recoverOnly(w, w.Mem); err != nil {
			t.Fatal(err)
		}
		must(judgeServed(w.Mem))
		must(judgeSettled(w))
		if packageSum(w.Mem, "foo") != theirs {
			t.Errorf("%s: foo is replaced, though nobody has asked for that", name)
		}
		view, err := index.Open(w.Mem)
		must(err)
		if b, ok, err := view.Binary("greet"); err != nil || !ok || b.Version != "1.0.0" {
			t.Errorf("%s: greet: %+v %v", name, b, err)
		}
		if changes := w.last().Changes; len(changes) != 1 || changes[0].Who != "user of "+greet100 {
			t.Errorf("%s: the history has %+v", name, changes)
		}
	}
}

// packageSum is the SHA-256 of a published package.
func packageSum(fsys vfs.FS, name string) string {
	view, err := index.Open(fsys)
	must(err)
	b, _, err := view.Binary(name)
	must(err)
	return b.SHA256
}

// TestEveryCallOfAGroupFails lets each call of a group's commit fail once (in the
// ordinary run, every other one): those are public that are told so, and, unless the
// group was decided, nobody else.
func TestEveryCallOfAGroupFails(t *testing.T) {
	t.Parallel()
	names := []string{foo110, greet100, foo200}
	start := newWorld()
	start.setup(t, publish(foo100))
	texts := map[int]string{}
	for mask := range 1 << len(names) {
		w := start.with(start.Clone())
		w.groupFails(nil, subset(names, mask)...)
		var err error
		texts[mask], err = indexes(w.Mem)
		must(err)
	}
	causes := []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EMFILE}
	step := tier(2, 1)
	for k := 0; ; k += step {
		w, n, cause := start.with(start.Clone()), 0, causes[k/step%len(causes)]
		var at vfs.Op
		out := w.groupFails(func(op vfs.Op) error {
			if n++; n == k+1 {
				at = op
				return cause
			}
			return nil
		}, names...)
		if n <= k {
			t.Logf("%d calls", n)
			return
		}
		if err := w.judgeGroup(out, cause, texts); err != nil {
			t.Errorf("call %d (%s %s) fails with %v: %v", k, at.Kind, at.Name, cause, err)
		}
	}
}

// subset picks the names whose bits are set.
func subset(names []string, mask int) (list []string) {
	for i, name := range names {
		if mask&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}

// groupFails publishes a group; ahead, if not nil, is asked ahead of each call of the
// commit.
func (w *world) groupFails(ahead func(vfs.Op) error, names ...string) []pipeline.Outcome {
	var list []*pipeline.Prepared
	for _, name := range names {
		p, rep, err := w.prepare(w.Mem, name, "user of "+name, everything())
		if err != nil || p == nil {
			panic(fmt.Sprint(name, rep, err))
		}
		list = append(list, p)
	}
	fsys := vfs.FS(w.Mem)
	if ahead != nil {
		fsys = vfs.Observe(w.Mem, ahead)
	}
	out, err := w.commitGroup(fsys, list...)
	if err != nil { // to open the repository has failed
		out = slices.Repeat([]pipeline.Outcome{{Err: err}}, len(names))
	}
	return out
}

// judgeGroup judges what a group was told against what is served; texts are the indexes
// by who is in them, a bit for each.
func (w *world) judgeGroup(out []pipeline.Outcome, cause error, texts map[int]string) error {
	told := 0
	for i, o := range out {
		if o.Err == nil {
			told |= 1 << i
		} else if err := judgeError(o.Err, cause); err != nil {
			return err
		}
	}
	_, lstatErr := w.Lstat(repo.JournalFile)
	decided := lstatErr == nil
	if err := judgeServed(w.Mem); err != nil {
		return fmt.Errorf("as served: %w", err)
	}
	if err := recoverOnly(w, w.Mem); err != nil {
		return fmt.Errorf("recovery: %w", err)
	}
	if err := judgeSettled(w); err != nil {
		return fmt.Errorf("after recovery: %w", err)
	}
	now, err := indexes(w.Mem)
	must(err)
	for mask, text := range texts {
		if text == now && (mask == told || decided && mask&told == told) {
			return nil
		}
	}
	return fmt.Errorf("told: %b, decided: %t; there is:\n%s", told, decided, now)
}
