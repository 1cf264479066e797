package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// overtaken returns the states of a change that was decided and killed, after
// somebody else has published the same version with other bytes; nobody asked for a
// rebuild, so it does not plan any more.
func overtaken(t *testing.T) (*world, []*vfs.Mem) {
	t.Helper()
	s := scenario{name: "overtaken", setup: []action{publish(foo100)}, run: func(w *world, fsys vfs.FS) (report.Report, error) {
		return w.push(fsys, foo110, plan.Requests{})
	}}
	w, _, moments := investigate(t, s, 0, nil)
	var disks []*vfs.Mem
	for _, m := range moments {
		if _, err := m.Disk.Lstat(repo.JournalFile); err != nil {
			continue
		}
		if served, err := has(m.Disk, foo110); err != nil || served {
			// What the older tool replaces then is published already.
			continue
		}
		if err := olderTool(m.Disk, foo110b); err != nil {
			t.Fatal(err)
		}
		m.Disk.SyncAll()
		disks = append(disks, m.Disk)
	}
	if len(disks) == 0 {
		t.Fatal("no kill fell behind the decision")
	}
	return w, disks
}

// judgeRejected wants the files of the change, and why it was given up, where the
// operator finds them.
func judgeRejected(w *world) error {
	list, err := w.ReadDir(repo.RejectedDir)
	if err != nil || len(list) != 1 {
		return fmt.Errorf("rejected: %v %w", list, err)
	}
	dir := path.Join(repo.RejectedDir, list[0].Name)
	text, err := vfs.ReadFile(w.Mem, path.Join(dir, ".report.json"), 1<<20)
	if err != nil || !strings.Contains(string(text), "MP-CONFLICT") {
		return fmt.Errorf("report: %s %w", text, err)
	}
	u, err := openUpload(foo110)
	if err != nil {
		return err
	}
	for _, f := range u.Files {
		got, err := vfs.ReadFile(w.Mem, path.Join(dir, f.Name), 1<<24)
		if errors.Is(err, nil) && int64(len(got)) == f.Size {
			continue
		}
		if clobbered, _ := has(w.Mem, foo110b); clobbered {
			// The older tool has written its own bytes over a placed file.
			if _, err := w.Lstat(f.Name); err == nil {
				continue
			}
		}
		return fmt.Errorf("%s is not kept: %w", f.Name, err)
	}
	return nil
}

func TestDecidedChangeThatNoLongerPlans(t *testing.T) {
	t.Parallel()
	w, disks := overtaken(t)
	for i, disk := range disks {
		w := w.with(disk.Clone())
		if err := recoverOnly(w, w.Mem); err != nil {
			t.Fatalf("state %d: recovery: %v", i, err)
		}
		if err := judgeSettled(w); err != nil {
			t.Errorf("state %d: %v", i, err)
		}
		if err := judgeRejected(w); err != nil {
			t.Errorf("state %d: %v", i, err)
		}
		if ok, err := has(w.Mem, foo110b); err != nil || !ok {
			t.Errorf("state %d: what the older tool published is gone (%v)", i, err)
		}
	}
}

// TestPowerLossWhileRejecting is the crash test of that path, with each of its syncs
// left out once.
func TestPowerLossWhileRejecting(t *testing.T) {
	t.Parallel()
	start, disks := overtaken(t)
	run := func(skip func(string) bool) (states int, labels map[string]bool, broken error) {
		labels = map[string]bool{}
		for _, disk := range []*vfs.Mem{disks[0], disks[len(disks)/2], disks[len(disks)-1]} {
			now, err := indexes(disk)
			must(err)
			w := start.with(disk.Clone())
			q := inquest{scenario: scenario{run: recovering}, before: now, after: now, generation: 1, random: 4, settled: judgeRejected}
			moments, err := film(w, recovering, skip)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range moments {
				if m.Op.Kind == "sync" || m.Op.Kind == "syncdir" {
					labels[m.Where] = true
				}
			}
			n, broken := q.sweep(w, moments)
			if states += n; broken != nil {
				return states, labels, broken
			}
		}
		return states, labels, nil
	}
	states, labels, broken := run(nil)
	if broken != nil {
		t.Fatalf("broken: %v", broken)
	}
	t.Logf("%d states", states)
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if strings.Contains(label, "(*Tx).recover ") {
			continue // TestEachSyncIsNeeded has it.
		}
		if n, _, broken := run(func(l string) bool { return l == label }); broken == nil {
			t.Errorf("nothing is broken without %q in %d states", label, n)
		}
	}
}
