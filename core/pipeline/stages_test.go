package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
)

// TestStages: the stage of a published upload is the next one's, and empty; that of one
// that failed is nobody's. None is left in the end.
func TestStages(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var stages pipeline.Stages
	var seen [][]string
	staged := func() {
		t.Helper()
		list, err := w.ReadDir(".mmpush/stage")
		must(err)
		var names []string
		for _, e := range list {
			names = append(names, e.Name)
		}
		seen = append(seen, names)
	}
	for i, name := range []string{foo100, foo110, greet090} {
		r, err := w.open(w.Mem)
		must(err)
		u, err := openUpload(name)
		must(err)
		opt := pipeline.Options{LockWait: time.Second, Stages: &stages}
		p, rep, err := pipeline.Prepare(ctx(), r, pipeline.Request{Upload: u, Options: opt})
		if p == nil {
			t.Fatal(rep, err)
		}
		staged()
		if i < 2 {
			out := pipeline.CommitGroup(ctx(), r, opt, []*pipeline.Prepared{p})
			must(out[0].Err)
		}
		p.Discard()
		p.Discard()
	}
	if len(seen[0]) != 1 || !slices.Equal(seen[0], seen[1]) || !slices.Equal(seen[1], seen[2]) {
		t.Errorf("%q", seen)
	}
	if staged(); len(seen[3]) > 0 {
		t.Errorf("the stage of an upload that was given up is kept: %q", seen[3])
	}
	stages.Close()
	if staged(); len(seen[4]) > 0 {
		t.Errorf("left: %q", seen[4])
	}
	must(judgeServed(w.Mem))
	must(judgeSettled(w))
}
