package pipeline_test

import (
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// scenario is one change of a repository that has a past.
type scenario struct {
	name  string
	setup []action
	run   action
	// damaged: the repository is broken before, and the change repairs it.
	damaged bool
	// slow: the ordinary run leaves it to the long tier, but for its syncs.
	slow bool
	// apart: its uploads are answered each for itself, so that one may fail alone.
	apart bool
}

func scenarios() []scenario {
	return []scenario{
		{name: "first publish", setup: nil, run: publish(greet090)},
		{name: "second source", setup: []action{publish(greet090)}, run: publish(foo100)},
		{name: "new version", setup: []action{publish(foo100), publish(greet090)}, run: publish(greet100)},
		{name: "new version, all binaries", setup: []action{publish(foo100)}, run: publish(foo110)},
		{name: "rebuild into the pool", setup: []action{publish(foo110)}, run: publish(foo110b)},
		{name: "rebuild back out of the pool", setup: []action{publish(foo110), publish(foo110b)}, run: publish(foo110)},
		{name: "part of a source stays", setup: []action{publish(foo110)}, run: publish(foo200)},
		{name: "downgrade", setup: []action{publish(greet090), publish(greet100)}, run: publish(greet090)},
		{name: "remove", setup: []action{publish(greet090), publish(weather)}, run: remove(index.Selector{Name: "greet"})},
		{name: "restore a missing file", setup: []action{publish(greet090), losing("greet_0.9.0_amd64-debian.mpk")}, run: publish(greet090), damaged: true},
		{name: "a change set", setup: []action{publish(greet090), publish(foo100)}, run: batch(foo110, greet100, foo110b)},
		{name: "a group", setup: []action{publish(foo100)}, run: groupedAs(plan.Requests{}, foo110, foo200), apart: true},
		{name: "a large group", setup: []action{publish(greet090), publish(foo100)}, run: groupedAs(plan.Requests{}, weather, foo110, greet100, foo200), slow: true, apart: true},
		{name: "undo in a group", setup: []action{publish(foo100), grouped(foo110, greet100, foo110b)}, run: undo(pipeline.UndoRequest{Generation: 2, Change: 3}), slow: true},
		{name: "expire on the way", setup: []action{publish(greet090), publish(greet100), wait50h, wait50h}, run: publish(weather)},
		{name: "expire some", setup: []action{publish(greet090), publish(greet100), wait50h, publish(foo100), publish(foo110), wait50h}, run: publish(weather)},
		{name: "purge", setup: []action{publish(greet090), publish(weather)}, run: purge("greet*")},
		{name: "gc", setup: []action{publish(greet090), publish(greet100), wait50h, publish(foo100), publish(foo110), wait50h, littering}, run: collecting},
		{name: "undo a new version", setup: []action{publish(greet090), publish(foo100), publish(greet100)}, run: undo(pipeline.UndoRequest{Generation: 3})},
		{name: "undo a rebuild", setup: []action{publish(foo110), publish(foo110b)}, run: undo(pipeline.UndoRequest{Generation: 2}), slow: true},
		{name: "undo a removal", setup: []action{publish(greet090), publish(weather), remove(index.Selector{Name: "greet"})}, run: undo(pipeline.UndoRequest{Generation: 3})},
		{name: "undo a change set", setup: []action{publish(greet090), publish(foo100), batch(foo110, greet100, foo110b)}, run: undo(pipeline.UndoRequest{Generation: 3}), slow: true},
		{name: "undo to a state, past another program", setup: []action{publish(foo100), publish(greet090), older(weather), publish(greet100)}, run: undo(pipeline.UndoRequest{To: new(uint64(1))})},
		{name: "after another program", setup: []action{publish(greet090), older(foo100)}, run: publish(greet100)},
		{name: "a repository of the older tool", setup: []action{publish(greet090), forgetting}, run: publish(greet100)},
	}
}

// losing deletes a published file behind everybody's back.
func losing(name string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) { return report.Report{}, fsys.Remove(name) }
}

// wait50h lets more than half of the grace time pass.
func wait50h(w *world, _ vfs.FS) (report.Report, error) {
	w.skip(50 * time.Hour)
	return report.Report{}, nil
}

// undo takes back.
func undo(req pipeline.UndoRequest) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		r, err := w.open(fsys)
		if err != nil {
			return report.Report{}, err
		}
		req := req
		req.Options = pipeline.Options{LockWait: 10 * time.Second, Who: "somebody"}
		return pipeline.Undo(ctx(), r, req)
	}
}

// older lets the older tool publish, as if it had been there all the time.
func older(name string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		w.skip(2 * time.Second)
		return report.Report{}, olderTool(fsys, name)
	}
}

// forgetting takes away everything that is ours.
func forgetting(w *world, fsys vfs.FS) (report.Report, error) {
	return report.Report{}, vfs.RemoveAll(fsys, ".mmpush")
}
