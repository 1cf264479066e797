package pipeline_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/vfs/vfstest"
)

// recovering is the action of the next run that finds something unfinished.
func recovering(w *world, fsys vfs.FS) (report.Report, error) {
	return report.Report{}, recoverOnly(w, fsys)
}

// scene is a scenario whose change, or whose recovery, is filmed.
type scene struct {
	scenario
	// killedAt and killedFor are how the label of the call begins and ends ahead of
	// which the change was killed; if they are not empty, the recovery is filmed.
	killedAt, killedFor string
}

// film films the scene from its start.
func (s scene) film(t *testing.T, skip func(label string) bool) (*world, inquest, []vfstest.Moment) {
	t.Helper()
	if s.killedAt == "" {
		return investigate(t, s.scenario, tier(0, 20), skip)
	}
	_, q, moments := investigate(t, s.scenario, tier(0, 20), nil)
	i := slices.IndexFunc(moments, func(m vfstest.Moment) bool {
		return strings.HasPrefix(m.Where, s.killedAt) && strings.HasSuffix(m.Where, s.killedFor)
	})
	if i < 0 {
		t.Fatalf("%s: no call %q", s.name, s.killedAt)
	}
	w := newWorld().with(moments[i].Disk.Clone())
	w.clock.skip(1 << 40)
	again, err := film(w, recovering, skip)
	if err != nil {
		t.Fatal(err)
	}
	// Once the recovery has said that it is done, the change is published.
	return w, q, again
}

// TestEachSyncIsNeeded leaves out one sync after the other, as a disk does that
// lies, and wants to see the repository broken: a sync whose absence nobody can see
// is not needed, or the test cannot see.
func TestEachSyncIsNeeded(t *testing.T) {
	t.Parallel()
	scenes := []scene{}
	for _, s := range scenarios() {
		scenes = append(scenes, scene{scenario: s})
	}
	scenes = append(scenes, scene{scenarios()[2], "commit.(*Tx).writeJournal ", " syncdir .mmpush"})
	labels := map[string][]int{}
	for i, s := range scenes {
		_, _, moments := s.film(t, nil)
		for _, m := range moments {
			if (m.Op.Kind == "sync" || m.Op.Kind == "syncdir") && !slices.Contains(labels[m.Where], i) {
				labels[m.Where] = append(labels[m.Where], i)
			}
		}
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		t.Run(strings.ReplaceAll(label, "/", "|"), func(t *testing.T) {
			t.Parallel()
			states := 0
			for _, i := range labels[label] {
				w, q, moments := scenes[i].film(t, func(l string) bool { return l == label })
				n, broken := q.sweep(w, moments)
				states += n
				if broken != nil {
					t.Logf("%s: broken without it after %d states, as it should be: %.200s", scenes[i].name, states, broken.Error())
					return
				}
			}
			t.Errorf("nothing is broken without it in %d states", states)
		})
	}
}
