package pipeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// meanwhile runs something once, when the publish goes for the lock.
func meanwhile(w *world, do func()) vfs.FS {
	done := false
	return vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Kind == "lock-open" && !done {
			done = true
			do()
		}
		return nil
	})
}

// A file that was there when the plan was made, and is not under the lock, is put
// there: with the indexes unmoved, only the files tell.
func TestFilesThatVanishBeforeTheLock(t *testing.T) {
	t.Parallel()
	gone := []string{"greet_0.9.0_amd64-debian.mpk", "greet_0.9.0_src.tar.xz"}
	w := newWorld()
	w.setup(t, publish(greet090), publish(greet100))
	fsys := meanwhile(w, func() {
		for _, name := range gone {
			must(w.Remove(name))
		}
	})
	if rep, err := publish(greet090)(w, fsys); err != nil || rep.Result != report.Published {
		t.Fatalf("%+v %v", rep, err)
	}
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
}

// A push that first has to give up another's interrupted change, whose files it meant
// to keep, brings its own.
func TestRecoveryTakesTheFilesAway(t *testing.T) {
	t.Parallel()
	w, disks := overtaken(t)
	for i, disk := range disks {
		w := w.with(disk.Clone())
		rep, err := w.push(w.Mem, foo110, plan.Requests{Rebuild: true, Downgrade: true})
		if err != nil || rep.Result != report.Published {
			t.Fatalf("state %d: %+v %v", i, rep, err)
		}
		if err := judgeSettled(w); err != nil {
			t.Errorf("state %d: %v", i, err)
		}
	}
}

// An init that comes while others publish the first upload takes nothing away.
func TestInitBesideThePublish(t *testing.T) {
	t.Parallel()
	for k := range 200 {
		w := &world{Mem: vfs.NewMem((&clock{}).now), clock: &clock{}}
		n := 0
		published := false
		fsys := vfs.Observe(w.Mem, func(vfs.Op) error {
			if n++; n == k+1 {
				_, _, err := repo.Init(ctx(), w.Mem, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
				if err != nil {
					return nil // the first one holds the lock
				}
				rep, err := publish(greet090)(w, w.Mem)
				published = err == nil && rep.Result == report.Published
			}
			return nil
		})
		_, _, err := repo.Init(ctx(), fsys, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
		if err != nil {
			t.Fatalf("ahead of call %d: %v", k, err)
		}
		if n <= k {
			return
		}
		if ok, err := has(w.Mem, greet090); published && (err != nil || !ok) {
			t.Fatalf("ahead of call %d: the published upload is gone (%v)", k, err)
		}
	}
}

// The grace time begins when the index is switched, not when the change was decided.
func TestGraceBeginsWithTheSwitch(t *testing.T) {
	t.Parallel()
	w, _, moments := investigate(t, scenario{setup: []action{publish(greet090)}, run: publish(greet100)}, 0, nil)
	for _, m := range moments {
		if _, err := m.Disk.Lstat(repo.JournalFile); err != nil {
			continue
		}
		w := w.with(m.Disk.Clone())
		view, err := index.Open(w.Mem)
		must(err)
		if b, _, _ := view.Binary("greet"); b.Version != "0.9.0" {
			continue
		}
		w.skip(100 * time.Hour)
		w.setup(t, publish(weather)) // finishes the change, and expires
		if _, err := w.Lstat("greet_0.9.0_amd64-debian.mpk"); err != nil {
			t.Fatalf("a file that was served until now is gone: %v", err)
		}
	}
}

// A file that was retired, published again and retired again has its whole grace time
// from the last of these.
func TestGraceBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(greet100), wait50h, publish(greet090), publish(greet100), wait50h, publish(weather))
	if _, err := w.Lstat("greet_0.9.0_amd64-debian.mpk"); err != nil {
		t.Errorf("after 50 hours: %v", err)
	}
	w.setup(t, wait50h, publish(foo100))
	if _, err := w.Lstat("greet_0.9.0_amd64-debian.mpk"); err == nil {
		t.Error("after 100 hours it is still there")
	}
}

// What a commit needs behind its commit point is tried ahead of it.
func TestRecordsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		obstacle func(w *world)
		want     string
	}{
		"retired is a folder": {func(w *world) { must(vfs.RemoveAll(w.Mem, repo.RetiredFile)); must(w.Mkdir(repo.RetiredFile, 0o700)) }, "retired"},
		"history is a folder": {func(w *world) { must(vfs.RemoveAll(w.Mem, repo.HistoryFile)); must(w.Mkdir(repo.HistoryFile, 0o700)) }, "history"},
		"history is garbage": {func(w *world) {
			must(vfs.RemoveAll(w.Mem, repo.HistoryFile))
			must(vfs.CreateSynced(w.Mem, repo.HistoryFile, 0o600, []byte("one\ntwo\nthree\n")))
		}, "history"},
	}
	for name, tt := range tests {
		w := newWorld()
		w.setup(t, publish(greet090))
		tt.obstacle(w)
		before := photo(t, w.Mem)
		_, err := publish(greet100)(w, w.Mem)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.Lstat(repo.JournalFile); err == nil || photo(t, w.Mem) != before {
			t.Errorf("%s: it was decided", name)
		}
	}
}

// A stanza of another tool may name what cannot be a file; replacing it must not fail
// behind the commit point.
func TestForeignStanzaThatNamesNoFile(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"greet_0.9.0_src.tar.xz/x.mpk", "no/such/folder.mpk", "pool", strings.Repeat("x", 300)} {
		w := newWorld()
		w.setup(t, publish(greet090))
		view, err := index.Open(w.Mem)
		must(err)
		b, _, err := view.Binary("greet-doc")
		must(err)
		b.Filename, b.Text = file, ""
		next, err := index.Apply(view, index.Edit{ReplaceBinaries: []index.Binary{b}})
		must(err)
		must(rewriteIndexes(w.Mem, next))
		if rep, err := publish(greet100)(w, w.Mem); err != nil || rep.Result != report.Published {
			t.Errorf("%.40s: %+v %v", file, rep.Result, err)
		}
		if err := judgeServed(w.Mem); err != nil {
			t.Errorf("%.40s: %v", file, err)
		}
	}
}

// Folders of .mmpush that somebody has deleted are made again, also for a recovery.
func TestMissingFolders(t *testing.T) {
	t.Parallel()
	w, disks := overtaken(t)
	w = w.with(disks[0].Clone())
	must(vfs.RemoveAll(w.Mem, repo.RejectedDir))
	must(vfs.RemoveAll(w.Mem, repo.TrashDir))
	if err := recoverOnly(w, w.Mem); err != nil {
		t.Fatal(err)
	}
	if err := judgeRejected(w); err != nil {
		t.Error(err)
	}
}

// Half a repository is not published on.
func TestHalfARepository(t *testing.T) {
	t.Parallel()
	for _, empty := range []bool{false, true} {
		w := newWorld()
		w.setup(t, publish(greet090))
		must(w.Remove("binary-index.gz"))
		if empty {
			must(vfs.CreateSynced(w.Mem, "binary-index.gz", 0o644, nil))
		}
		_, err := publish(foo100)(w, w.Mem)
		if report.CodeOf(err) != report.CodeIndex || !strings.Contains(fmt.Sprint(err), "binary-index.gz") {
			t.Errorf("empty %t: %v", empty, err)
		}
	}
}

// What the world cannot read is not kept as published.
func TestKeptFilesAreReadable(t *testing.T) {
	t.Parallel()
	w := newWorld()
	text, err := vfs.ReadFile(uploads(), greet090+"/greet_0.9.0_amd64-debian.mpk", 1<<20)
	must(err)
	must(vfs.CreateSynced(w.Mem, "greet_0.9.0_amd64-debian.mpk", 0o600, text))
	w.setup(t, publish(greet090))
	view, err := index.Open(w.Mem)
	must(err)
	b, _, err := view.Binary("greet")
	must(err)
	if info, err := w.Lstat(b.Filename); err != nil || info.Mode.Perm() != 0o644 {
		t.Errorf("%s: mode %v (%v)", b.Filename, info.Mode, err)
	}
	must(w.Chmod(b.Filename, 0o600))
	if rep, err := publish(greet090)(w, w.Mem); err != nil || rep.Result != report.Restored {
		t.Errorf("a published file that nobody can read: %v %v", rep.Result, err)
	}
	if info, _ := w.Lstat(b.Filename); info.Mode.Perm() != 0o644 {
		t.Errorf("after that its mode is %v", info.Mode)
	}
}

// A pusher with a stage that cannot be swept is in nobody's way.
func TestStagesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	must(w.Mkdir(".mmpush/stage/of-root", 0o700))
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		if strings.Contains(op.Name, "of-root") {
			return fmt.Errorf("permission denied")
		}
		return nil
	})
	if rep, err := publish(greet090)(w, fsys); err != nil || rep.Result != report.Published {
		t.Errorf("%v %v", rep.Result, err)
	}
}
