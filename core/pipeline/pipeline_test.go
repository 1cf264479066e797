package pipeline_test

import (
	"fmt"
	"io/fs"
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

// photo is everything in the published folder: names, modes, times, bytes.
func photo(t *testing.T, fsys vfs.FS) string {
	t.Helper()
	files, err := walk(fsys, ".")
	must(err)
	var b strings.Builder
	for _, f := range files {
		if strings.HasPrefix(f, ".mmpush/") {
			continue
		}
		info, err := fsys.Lstat(f)
		must(err)
		text, err := vfs.ReadFile(fsys, f, 1<<24)
		must(err)
		fmt.Fprintf(&b, "%s %v %v %x\n", f, info.Mode, info.ModTime, text)
	}
	return b.String()
}

func codes(rep report.Report) string {
	var list []string
	for _, f := range rep.Findings {
		if f.Refuses() {
			list = append(list, string(f.Code))
		}
	}
	return strings.Join(list, " ")
}

func TestResults(t *testing.T) {
	t.Parallel()
	ask := plan.Requests{}
	tests := []struct {
		name     string
		setup    []action
		upload   string
		requests plan.Requests
		want     report.Result
		codes    string
	}{
		{"new", nil, greet090, ask, report.Published, ""},
		{"again", []action{publish(greet090)}, greet090, ask, report.Unchanged, ""},
		{"a newer version", []action{publish(greet090)}, greet100, ask, report.Published, ""},
		{"an older version", []action{publish(greet100)}, greet090, ask, report.Rejected, "MP-DOWNGRADE MP-DOWNGRADE"},
		{"an older version on request", []action{publish(greet100)}, greet090, plan.Requests{Downgrade: true}, report.Published, ""},
		{"other bytes", []action{publish(foo110)}, foo110b, ask, report.Rejected, strings.TrimSpace(strings.Repeat("MP-CONFLICT ", 5))},
		{"other bytes on request", []action{publish(foo110)}, foo110b, plan.Requests{Rebuild: true}, report.Published, ""},
		{"a missing file", []action{publish(greet090), losing("greet_0.9.0_src.tar.xz")}, greet090, ask, report.Restored, ""},
		{"a damaged file", []action{publish(greet090), damaging("greet_0.9.0_amd64-debian.mpk")}, greet090, ask, report.Restored, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, tt.setup...)
			before := photo(t, w.Mem)
			rep, err := w.push(w.Mem, tt.upload, tt.requests)
			if err != nil || rep.Result != tt.want || codes(rep) != tt.codes {
				t.Fatalf("got %s [%s] %v; want %s [%s]", rep.Result, codes(rep), err, tt.want, tt.codes)
			}
			changed := photo(t, w.Mem) != before
			committed := tt.want == report.Published || tt.want == report.Restored
			if changed != committed || (rep.Generation > 0) != committed {
				t.Errorf("%s: files changed %t, generation %d", rep.Result, changed, rep.Generation)
			}
			if tt.want != report.Rejected {
				if err := judgeSettled(w); err != nil {
					t.Error(err)
				}
			}
			if list, err := w.ReadDir(repo.StageDir); err != nil || len(list) > 0 {
				t.Errorf("stages are left: %v %v", list, err)
			}
		})
	}
}

// damaging flips a byte of a published file in place.
func damaging(name string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		text, err := vfs.ReadFile(fsys, name, 1<<24)
		must(err)
		text[len(text)/2] ^= 1
		must(fsys.Remove(name))
		return report.Report{}, vfs.CreateSynced(fsys, name, 0o600, text)
	}
}

// A conflict tells who published the bytes that are there, and when.
func TestConflictNamesThePublisher(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090), publish(foo110), publish(greet100))
	rep, err := w.push(w.Mem, foo110b, plan.Requests{})
	if err != nil || len(rep.Findings) != 5 {
		t.Fatalf("%+v %v", rep, err)
	}
	for _, f := range rep.Findings {
		if !strings.Contains(f.Message, "by somebody (generation 2)") || !strings.Contains(f.Message, "since 2023-11-") {
			t.Errorf("it does not: %s", f.Message)
		}
	}
	must(w.Remove(repo.HistoryFile))
	if rep, err = w.push(w.Mem, foo110b, plan.Requests{}); err != nil || codes(rep) == "" {
		t.Errorf("without a history: %+v %v", rep, err)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	for _, adopted := range []bool{true, false} {
		w := newWorld()
		w.setup(t, publish(greet090))
		if !adopted {
			must(vfs.RemoveAll(w.Mem, ".mmpush"))
		}
		wrote := ""
		fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
			if op.Writes() {
				wrote += op.Kind + " " + op.Name + "\n"
			}
			return nil
		})
		r, err := w.open(fsys)
		must(err)
		u, err := openUpload(greet100)
		must(err)
		opt := pipeline.Options{DryRun: true}
		rep, err := pipeline.Publish(ctx(), r, pipeline.Request{Upload: u, Options: opt})
		if err != nil || rep.Result != report.Planned || len(rep.Packages) < 3 || rep.BytesAdded == 0 {
			t.Errorf("publish: %+v, %v", rep, err)
		}
		if rep, err = pipeline.Remove(ctx(), r, index.Selector{Name: "greet"}, opt); err != nil || rep.Result != report.Planned {
			t.Errorf("remove: %+v, %v", rep, err)
		}
		if wrote != "" {
			t.Errorf("adopted %t: a dry run wrote:\n%s", adopted, wrote)
		}
	}
}

func TestGrace(t *testing.T) {
	t.Parallel()
	const old = "greet_0.9.0_amd64-debian.mpk"
	weatherThen := func(t *testing.T, w *world) { w.setup(t, publish(weather)) }
	tests := []struct {
		name  string
		setup func(t *testing.T, w *world)
		stays bool
	}{
		{"before its end", func(t *testing.T, w *world) { w.setup(t, wait50h); weatherThen(t, w) }, true},
		{"after its end", func(t *testing.T, w *world) { w.setup(t, wait50h, wait50h); weatherThen(t, w) }, false},
		{"published again meanwhile", func(t *testing.T, w *world) { w.setup(t, publish(greet090), wait50h, wait50h); weatherThen(t, w) }, true},
		{"another file of that name", func(t *testing.T, w *world) {
			must(w.Remove(old))
			must(vfs.CreateSynced(w.Mem, old, 0o644, []byte("foreign")))
			w.setup(t, wait50h, wait50h)
			weatherThen(t, w)
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.setup(t, publish(greet090), publish(greet100))
			tt.setup(t, w)
			_, err := w.Lstat(old)
			if (err == nil) != tt.stays {
				t.Errorf("%s: %v", old, err)
			}
			r, err := w.open(w.Mem)
			must(err)
			if recs, _ := r.RetiredFiles(); tt.name == "after its end" && len(recs) != 0 {
				t.Errorf("records are left: %v", recs)
			}
		})
	}
}

// An index's time grows with each publish, whatever the clock says, and is never far
// ahead of it.
func TestIndexTimes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090))
	ahead := w.now().Add(700 * time.Millisecond)
	must(w.Chtimes("binary-index.gz", ahead))
	w.setup(t, publish(greet100))
	info, err := w.Lstat("binary-index.gz")
	must(err)
	if got := info.ModTime; got.Before(ahead.Add(time.Millisecond)) || got.After(w.now().Add(time.Second)) {
		t.Errorf("dated %v after %v, now %v", got, ahead, w.now())
	}

	must(w.Chtimes("source-index", w.now().Add(8*time.Second)))
	began := w.now()
	w.setup(t, publish(foo100))
	if waited := w.now().Sub(began); waited < 7*time.Second {
		t.Errorf("waited %v for the clock", waited)
	}

	must(w.Chtimes("source-index", w.now().Add(time.Hour)))
	before := photo(t, w.Mem)
	_, err = publish(foo110)(w, w.Mem)
	if report.KindOf(err) != report.KindBusy || report.CodeOf(err) != report.CodeClock || !strings.Contains(err.Error(), "source-index") {
		t.Errorf("an index of the next hour: %v", err)
	}
	if photo(t, w.Mem) != before {
		t.Error("the refused publish changed files")
	}
}

// The published modes do not depend on the upload's.
func TestPublishedModes(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(foo110), publish(foo110b))
	info, err := w.Lstat("pool")
	if err != nil || info.Mode.Perm() != 0o755 {
		t.Errorf("pool: %v %v", info.Mode, err)
	}
	if err := judgeSettled(w); err != nil {
		t.Error(err)
	}
	if info, err = w.Lstat(".mmpush"); err != nil || info.Mode&(fs.ModePerm) != 0o700 {
		t.Errorf(".mmpush: %v %v", info.Mode, err)
	}
}

// A repository that moved between the plan and the lock is planned on again.
func TestPlansAgainUnderTheLock(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.setup(t, publish(greet090))
	done := false
	fsys := vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Kind == "lock-open" && !done {
			done = true
			return olderTool(w.Mem, weather)
		}
		return nil
	})
	if rep, err := publish(greet100)(w, fsys); err != nil || rep.Result != report.Published || !done {
		t.Fatalf("%v %v", rep.Result, err)
	}
	for _, name := range []string{greet100, weather} {
		if ok, err := has(w.Mem, name); err != nil || !ok {
			t.Errorf("%s is not there (%v)", name, err)
		}
	}
	done = false
	if rep, err := w.push(vfs.Observe(w.Mem, func(op vfs.Op) error {
		if op.Kind == "lock-open" && !done {
			done = true
			return olderTool(w.Mem, foo110)
		}
		return nil
	}), foo110b, plan.Requests{}); err != nil || rep.Result != report.Rejected {
		t.Errorf("against what came in between: %v %v", rep.Result, err)
	}
	if ok, err := has(w.Mem, foo110); err != nil || !ok {
		t.Errorf("what came in between is not there (%v)", err)
	}
}

// What would stop a commit behind its commit point is found ahead of it.
func TestObstaclesAreFoundInTime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, at string
		folder   bool
		upload   string
	}{
		{"a file where the pool is to be", "pool", false, foo110b},
		{"a folder where a package is to be", "pool/860ea950f98cf29b4d31dc54a34ca3d1e908cae57b3f8169fdc7adfeb3b2def9/foo_1.1.0_src.tar.xz", true, foo110b},
	}
	for _, tt := range tests {
		w := newWorld()
		w.setup(t, publish(foo110))
		if tt.folder {
			for i, c := range tt.at {
				if c == '/' {
					must(w.Mkdir(tt.at[:i], 0o755))
				}
			}
			must(w.Mkdir(tt.at, 0o755))
		} else {
			must(vfs.CreateSynced(w.Mem, tt.at, 0o644, nil))
		}
		before := photo(t, w.Mem)
		_, err := publish(tt.upload)(w, w.Mem)
		if err == nil || !strings.Contains(err.Error(), "pool") {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := w.Lstat(repo.JournalFile); err == nil || photo(t, w.Mem) != before {
			t.Errorf("%s: it was decided", tt.name)
		}
	}
}
