package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

// collecting is gc.
func collecting(w *world, fsys vfs.FS) (report.Report, error) {
	r, err := w.open(fsys)
	if err != nil {
		return report.Report{}, err
	}
	_, err = upkeep.GC(context.Background(), r, pipeline.CommitOptions(pipeline.Options{LockWait: 10 * time.Second}), false)
	return report.Report{}, err
}

// purge takes packages out and deletes their files at once.
func purge(patterns ...string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		r, err := w.open(fsys)
		if err != nil {
			return report.Report{}, err
		}
		rm := pipeline.Removal{Patterns: patterns, Purge: true}
		return pipeline.RemovePackages(context.Background(), r, rm, pipeline.Options{LockWait: 10 * time.Second})
	}
}

// TestPurge: the files are gone with the acknowledgement, those of others are not; if
// it is killed in between, the next change deletes them.
func TestPurge(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(greet100), publish(weather))
	w.setup(t, purge("greet*"))
	files, err := walk(w.Mem, ".")
	must(err)
	for _, f := range files {
		if strings.HasPrefix(f, "greet") && !strings.Contains(f, "0.9.0") {
			t.Errorf("%s is still there", f)
		}
	}
	if _, err := w.Lstat("greet_0.9.0_amd64-debian.mpk"); err != nil {
		t.Errorf("what was retired before has its grace time: %v", err)
	}
	r, err := w.open(w.Mem)
	must(err)
	if last, _, err := r.LastGeneration(); err != nil || !last.Changes[0].Purged || last.Changes[0].Action != "remove" {
		t.Errorf("the history says %+v, %v", last.Changes, err)
	}
	start := newWorld()
	start.setup(t, publish(greet090), publish(weather))
	moments, err := film(start, purge("greet*"), nil)
	must(err)
	for k, m := range moments {
		again := start.with(m.Disk.Clone())
		if _, err := m.Disk.Lstat(".mmpush/journal"); err != nil {
			continue
		}
		again.setup(t, publish(foo100))
		if _, err := again.Lstat("greet_0.9.0_amd64-debian.mpk"); err == nil {
			t.Errorf("killed ahead of call %d (%s %s): the next change has not purged", k, m.Op.Kind, m.Op.Name)
		}
	}
}

// littering leaves what killed processes leave.
func littering(w *world, fsys vfs.FS) (report.Report, error) {
	return report.Report{}, errors.Join(
		fsys.Mkdir(".mmpush/stage/dead", 0o700),
		vfs.CreateSynced(fsys, ".mmpush/stage/dead/file", 0o600, []byte("x")),
		vfs.CreateSynced(fsys, ".mmpush/retired.new", 0o600, []byte("x")),
	)
}

// full is a disk on which calls of one kind fail until a retired file was deleted.
type full struct {
	kind, prefix string
	freed        bool
	fired        int
}

func (f *full) before(op vfs.Op) error {
	switch {
	case op.Kind == "remove" && strings.HasSuffix(op.Name, ".mpk") && !strings.Contains(op.Name, "/"):
		f.freed = true
	case op.Kind == f.kind && strings.HasPrefix(op.Name, f.prefix) && !f.freed:
		f.fired++
		return syscall.ENOSPC
	}
	return nil
}

// TestFullDiskTakesRetiredFiles fills the disk at each step of a publish: the oldest
// retired files give their room, the publish succeeds and says so.
func TestFullDiskTakesRetiredFiles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, kind, prefix string }{
		{"while it stages", "write", ".mmpush/stage/"},
		{"while it stages, no inode", "create", ".mmpush/stage/"},
		{"at the index", "write", ".mmpush/stage/ID/.binary-index.gz"},
		{"at the journal", "create", ".mmpush/journal.new"},
		{"at the journal's bytes", "write", ".mmpush/journal.new"},
		{"at the list of retired files", "write", ".mmpush/retired"},
		{"at the history", "write", ".mmpush/history"},
	} {
		for _, how := range []struct {
			name string
			run  action
		}{{"publish", publish(foo110)}, {"change set", batch(foo110)}} {
			t.Run(tt.name+", "+how.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld()
				w.setup(t, publish(greet090), publish(greet100), publish(foo100))
				f := &full{kind: tt.kind, prefix: tt.prefix}
				rep, err := how.run(w, vfs.Observe(w.Mem, func(op vfs.Op) error {
					if dir, name, ok := strings.Cut(strings.TrimPrefix(op.Name, ".mmpush/stage/"), "/"); ok && dir != op.Name && strings.HasPrefix(name, ".") {
						op.Name = ".mmpush/stage/ID/" + name
					}
					return f.before(op)
				}))
				if err != nil || f.fired == 0 {
					t.Fatalf("fired %d times: %v %v", f.fired, rep.Findings, err)
				}
				if how.name == "publish" && !slices.ContainsFunc(rep.Findings, func(x report.Finding) bool { return x.Code == report.CodeRoom }) {
					t.Errorf("nothing tells that retired files went: %v", rep.Findings)
				}
				if err := judgeSettled(w); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestFullDiskKeepsWhatIsNeeded: a retired file that the new index names again does
// not give its room.
func TestFullDiskKeepsWhatIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(greet100))
	f := &full{kind: "create", prefix: ".mmpush/journal.new"}
	rep, err := publish(greet090)(w, vfs.Observe(w.Mem, f.before))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v %v", rep, err)
	}
	if now, _ := indexes(w.Mem); !strings.Contains(now, "version: 1.0.0") {
		t.Errorf("the index has changed:\n%s", now)
	}
	w.setup(t, publish(greet090))
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
}

// TestFullDiskFails: with nothing to free, the error is clear and the old indexes are
// there, byte for byte; it works again once there is room.
func TestFullDiskFails(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090))
	before, err := indexes(w.Mem)
	must(err)
	f := &full{kind: "write", prefix: ".mmpush/stage/"}
	_, err = publish(greet100)(w, vfs.Observe(w.Mem, f.before))
	told, ok := errors.AsType[*report.Error](err)
	if !ok || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(told.Hint, "room") {
		t.Errorf("the error is %v, hint %q", err, told.Hint)
	}
	if now, _ := indexes(w.Mem); now != before {
		t.Errorf("the indexes have changed:\n%s", now)
	}
	w.setup(t, publish(greet100))
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
}

// TestRetiredMax: the oldest go first, and no more than has to.
func TestRetiredMax(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(greet100), publish(foo100), publish(foo110))
	r, err := w.open(w.Mem)
	must(err)
	all, err := r.RetiredFiles()
	must(err)
	var size int64
	for _, rec := range all {
		size += rec.Size
	}
	w.SetSpace(vfs.Space{Total: 10 * (size - 1)})
	r.Settings.RetiredMax.Percent = 10
	c, err := upkeep.GC(context.Background(), r, pipeline.CommitOptions(pipeline.Options{}), true)
	if err != nil || len(c.Files) != 1 || c.Files[0].File != all[0].Name || c.Files[0].Reason != "retired-max" {
		t.Errorf("a dry run: %+v, %v", c.Files, err)
	}
	c, err = upkeep.GC(context.Background(), r, pipeline.CommitOptions(pipeline.Options{}), false)
	if err != nil || len(c.Files) != 1 || c.Files[0].File != all[0].Name || c.Stay.Files != len(all)-1 {
		t.Errorf("%+v, %v", c, err)
	}
	if len(c.Findings) != 1 || c.Findings[0].Code != report.CodeRoom {
		t.Errorf("findings %v", c.Findings)
	}
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
}
