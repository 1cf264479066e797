package watch

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestBusyRepository: uploads wait for a repository that somebody else changes, and
// only one of them asks for it each time, later and later.
func TestBusyRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	foo, bar := uploadOf("foo", "1.0", "foo"), uploadOf("bar", "1.0", "bar")
	w.bring(t, foo.Files())
	w.bring(t, bar.Files())
	lock, err := w.disk.OpenLock("lock", 0o644)
	must(t, err, lock.TryLock())
	var asked []time.Time
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && op.Kind == "lock-open" {
			asked = append(asked, w.now())
		}
		return nil
	}
	w.run(t, s, 30*time.Minute)
	var pauses []int
	for i := range asked[1:] {
		pauses = append(pauses, int(asked[i+1].Sub(asked[i]).Seconds()))
	}
	if len(pauses) < 8 || !slices.IsSorted(pauses[:6]) || pauses[0] < 5 || pauses[0] > 8 || pauses[7] < 300 || pauses[7] > 320 {
		t.Errorf("pauses in seconds: %v", pauses)
	}
	equal(t, "rejected", w.rejected(t))
	v := w.expect(t, bar.Manifest.Name, Waiting)
	if v.Error == nil || v.Error.Code != report.CodeLocked || v.Error.Hint == "" || v.Findings != nil {
		t.Errorf("told: %+v", v.Error)
	}
	must(t, lock.Close())
	w.run(t, s, 2*lastRetry)
	equal(t, "published", w.published(t), "bar 1.0", "foo 1.0")
	if w.expect(t, bar.Manifest.Name, report.Published).Error != nil {
		t.Error("the trouble is still told")
	}
	// The next trouble begins anew.
	lock, err = w.disk.OpenLock("lock", 0o644)
	must(t, err, lock.TryLock())
	w.bring(t, uploadOf("baz", "1.0", "baz").Files())
	asked = nil
	w.run(t, s, 20*time.Second)
	if len(asked) != 3 {
		t.Errorf("asked %d times in 20 s", len(asked))
	}
}

// TestFullDisk: what does not fit stays until there is room, and does not hold up
// what fits.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	large, small := uploadOf("a-large", "1.0", "a-large"), uploadOf("small", "1.0", "small")
	w.bring(t, large.Files())
	w.bring(t, small.Files())
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && op.Kind == "write" && strings.Contains(op.Name, "a-large") {
			return syscall.ENOSPC
		}
		return nil
	}
	w.run(t, s, 2*DefaultSettle)
	equal(t, "published", w.published(t), "small 1.0")
	equal(t, "rejected", w.rejected(t))
	if v := w.expect(t, large.Manifest.Name, Waiting); v.Error == nil || v.Error.Code != report.CodeDisk {
		t.Errorf("told: %+v", v.Error)
	}
	if n := w.logged("not published yet"); n < 5 || n > 12 {
		t.Errorf("%d attempts in 20 minutes", n)
	}
	w.ahead = nil
	w.run(t, s, lastRetry+time.Minute)
	equal(t, "published", w.published(t), "a-large 1.0", "small 1.0")
	equal(t, "left", w.files(t))
}

// TestFullDropFolder: on a full disk, what is published is deleted all the same,
// since that makes room; what is refused stays until it can be moved.
func TestFullDropFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	good, bad := uploadOf("good", "1.0", "good"), uploadOf("bad", "1.0", "bad")
	w.bring(t, good.Files())
	w.bring(t, bad.Files())
	w.put(t, bad.Source.Name, make([]byte, bad.Source.Size))
	full := func(disk string, op vfs.Op) error {
		if disk == "drop" && (op.Kind == "create" || op.Kind == "write" || op.Kind == "mkdir") {
			return syscall.ENOSPC
		}
		return nil
	}
	w.ahead = full
	w.run(t, s, time.Minute)
	equal(t, "published", w.published(t), "good 1.0")
	equal(t, "there", w.files(t), bad.Manifest.Name, bad.Packages[0].File.Name, bad.Source.Name)
	w.ahead = nil
	w.run(t, s, lastRetry)
	equal(t, "left", w.files(t))
	w.expect(t, bad.Manifest.Name, report.Rejected)
}

// TestBrokenRepository: a repository that cannot be opened is waited for; a watcher
// is not started on one.
func TestBrokenRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	must(t, w.disk.Rename("metadata", "hidden"))
	w.run(t, s, time.Hour)
	if v := w.expect(t, u.Manifest.Name, Waiting); v.Error == nil || v.Error.Code != report.CodeNoRepo {
		t.Errorf("told: %+v", v.Error)
	}
	other := w.with(vfs.NewMem(w.now), w.disk)
	if _, err := New(other.options()); report.CodeOf(err) != report.CodeNoRepo {
		t.Errorf("started: %v", err)
	}
	w.set(time.Unix(1_700_010_000, 0))
	must(t, vfs.CreateSynced(w.disk, "metadata", 0o644, []byte("architecture: other\n")))
	w.run(t, s, time.Hour)
	if v := w.expect(t, u.Manifest.Name, Waiting); v.Error == nil || !strings.Contains(v.Error.Message, "serves other now") {
		t.Errorf("told: %+v", v.Error)
	}
	must(t, w.disk.Rename("hidden", "metadata"))
	w.run(t, s, lastRetry)
	w.expect(t, u.Manifest.Name, report.Published)
}

// TestDefect: a panic in the work on one upload does not reach the others.
func TestDefect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	cursed, good := uploadOf("cursed", "1.0", "cursed"), uploadOf("good", "1.0", "good")
	w.bring(t, cursed.Files())
	w.bring(t, good.Files())
	w.ahead = func(disk string, op vfs.Op) error {
		if disk == "repo" && op.Kind == "create" && strings.Contains(op.Name, "cursed") {
			panic("a curse")
		}
		return nil
	}
	w.run(t, s, DefaultSettle)
	equal(t, "published", w.published(t), "good 1.0")
	equal(t, "rejected", w.rejected(t))
	if v := w.expect(t, cursed.Manifest.Name, Waiting); v.Error == nil || v.Error.Code != report.CodeInternal || !strings.Contains(v.Error.Message, "a curse") {
		t.Errorf("told: %+v", v.Error)
	}
	if w.logged("a curse") == 0 || w.logged("\n\n") > 0 {
		t.Errorf("log:\n%s", &w.log)
	}
	for line := range strings.Lines(w.log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("not one line: %q", line)
		}
	}
	// Reading a manifest, and leaving, are no exceptions.
	for _, cursed := range []vfs.Op{{Kind: "open", Name: good.Manifest.Name}, {Kind: "rename"}, {Kind: "remove"}, {Kind: "lstat", Name: privateDir + "/"}} {
		w.bring(t, good.Files())
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "drop" && op.Kind == cursed.Kind && strings.HasPrefix(op.Name, cursed.Name) {
				panic("another curse")
			}
			return nil
		}
		w.run(t, s, time.Minute)
		w.ahead = nil
		w.run(t, s, 2*DefaultSettle)
		w.expect(t, good.Manifest.Name, report.Unchanged)
	}
}

// TestStopped: who is asked to stop in the middle of a publish stops before its
// commit, or after it; the next watcher goes on.
func TestStopped(t *testing.T) {
	t.Parallel()
	u, next := uploadOf("bar", "1.0", "bar"), uploadOf("foo", "1.0", "foo")
	stops, finished := 0, 0
	for at := 1; stops == at-1; at++ {
		w := newWorld(t)
		s := w.watch(t)
		w.bring(t, u.Files())
		w.bring(t, next.Files())
		w.scan(t, s)
		w.skip(quietTime)
		ctx, stop := context.WithCancel(context.Background())
		n := 0
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "repo" && op.Writes() && op.Kind != "sync" && op.Kind != "write" {
				if n++; n == at {
					stops = at
					stop()
				}
			}
			return nil
		}
		_, err := s.Scan(ctx)
		must(t, err, s.Close())
		w.ahead = nil
		stop()
		got := w.published(t)
		if stops == at && slices.Contains(got, "foo 1.0") && at < 20 {
			t.Errorf("stopped at %d, and went on to the next", at)
		}
		if slices.Contains(got, "bar 1.0") {
			finished++
			w.expect(t, u.Manifest.Name, report.Published)
		}
		if w.logged("level=ERROR") > 0 || w.logged("msg=stopped") > 1 {
			t.Errorf("stopped at %d: log:\n%s", at, &w.log)
		}
		equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), lockName)
		s = w.watch(t)
		w.run(t, s, time.Minute)
		equal(t, "published", w.published(t), "bar 1.0", "foo 1.0")
		equal(t, "left", w.files(t))
		equal(t, "rejected", w.rejected(t))
		if g := w.generation(t); g != 2 {
			t.Errorf("stopped at %d: %d generations", at, g)
		}
	}
	if t.Logf("stopped at %d calls, %d times behind the commit", stops, finished); stops < 20 || finished == 0 || finished == stops {
		t.Error("not at all of them")
	}
}
