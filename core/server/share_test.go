package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// beside is another process's server of the same repository.
func (w *world) beside(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	other := &world{disk: w.disk, users: w.users}
	other.start(t, change...)
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// stall begins an upload of the files, that stops in the middle of the last one; told
// gives what its client hears at last.
func (w *world) stall(t testing.TB, user string, files ...mpktest.File) (told <-chan error) {
	t.Helper()
	list := wire(files)
	last := &list[len(list)-1]
	pause := slow{last.Content, last.Size / 2, make(chan struct{}), make(chan struct{}), &sync.Once{}}
	last.Content = pause
	lies := func() (n int64) {
		for _, kind := range []string{"partial", "area"} {
			_ = w.walk(w.path(kind, user), 2, func(size int64) { n += size })
		}
		return n
	}
	want := lies() + pause.stop
	for _, f := range list[:len(list)-1] {
		want += f.Size
	}
	client, _ := w.dial(t)
	heard := make(chan error, 1)
	go func() {
		c, err := tupkg.Connect(context.Background(), client, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(user)})
		if err == nil {
			_, err = c.Push(context.Background(), tupkg.Set{Files: list})
			_ = c.Close()
		}
		heard <- err
	}()
	t.Cleanup(func() { close(pause.until); _ = client.Close() })
	select {
	case <-pause.there:
	case err := <-heard:
		t.Fatalf("the upload ended: %v", err)
	}
	until(t, func() bool { return lies() >= want })
	return heard
}

func big(name string) mpktest.File {
	return mpktest.File{Name: name, Data: []byte(strings.Repeat(name, (1<<20)/len(name)))}
}

// TestTakeOverElsewhere: a session that is stalled in another process is told to go, and
// the newer one goes on where it stopped.
func TestTakeOverElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.beside(t)
	told := w.stall(t, bfinch, big("big"))
	r, err := other.v2(t, bfinch, tupkg.Set{}, big("big"))
	mustPass(t, r, err)
	if r.Skipped == 0 {
		t.Error("everything was sent again")
	}
	// net.Pipe writes synchronously: the stalled client hears when it goes on.
	if len(w.files(t, "area")) != 1 || len(w.files(t, "partial")) != 0 {
		t.Errorf("area %q, partial %q", w.files(t, "area"), w.files(t, "partial"))
	}
	select {
	case err := <-told:
		t.Errorf("told too early: %v", err)
	default:
	}
}

// TestOtherFilesElsewhere: two processes take different files of one user at once.
func TestOtherFilesElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stall(t, bfinch, big("big"))
	r, err := w.beside(t).v2(t, bfinch, tupkg.Set{}, big("other"))
	mustPass(t, r, err)
	if len(w.files(t, "partial")) != 1 {
		t.Errorf("partial %q", w.files(t, "partial"))
	}
}

// TestBusyElsewhere: who is being judged in another process is waited for, not for ever.
func TestBusyElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.beside(t, func(o *Options) { o.Limits.TakeOver = 100 * time.Millisecond })
	w.stall(t, bfinch, big("big"))
	w.mu.Lock()
	for _, in := range w.intakes {
		in.judging = true
	}
	w.mu.Unlock()
	_, err := other.v2(t, bfinch, tupkg.Set{}, big("big"))
	if told, ok := errors.AsType[*tupkg.Refusal](err); !ok || told.Code != tupkg.CodeBusy {
		t.Errorf("%v", err)
	}
}

// TestDeadProcess: what a process that died has held is free at once.
func TestDeadProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stall(t, bfinch, big("big"))
	// Its lock goes, as when the kernel takes it; the rest stays.
	if err := w.alive.Close(); err != nil {
		t.Fatal(err)
	}
	other := w.beside(t, func(o *Options) { o.Limits.TakeOver = time.Nanosecond })
	r, err := other.v2(t, bfinch, tupkg.Set{}, big("big"))
	mustPass(t, r, err)
	if left := w.files(t, "live"); !slices.Equal(left, []string{other.self + "/alive", other.self + "/reserved"}) {
		t.Errorf("live: %q", left)
	}
}

// TestQuotaElsewhere: what is declared to one process counts in the other, for the
// user's quota and for the disk.
func TestQuotaElsewhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Options)
		user   string
	}{
		"quota": {func(o *Options) { o.Limits.UserBytes = 3 << 19 }, bfinch},
		"disk":  {func(o *Options) { o.Free = func() (int64, error) { return 1<<30 + 5<<19, nil } }, "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.change)
			other := w.beside(t, c.change)
			told := w.stall(t, bfinch, big("big"))
			if _, err := other.v2(t, c.user, tupkg.Set{}, big("more")); !errors.Is(err, tupkg.ErrRefused) {
				t.Errorf("%v", err)
			}
			// The same files to the other process: the reservation goes with them.
			r, err := other.v2(t, bfinch, tupkg.Set{}, big("big"))
			mustPass(t, r, err)
			_ = told
		})
	}
}

// TestNeededElsewhere: a published file stays in the area as long as an upload in
// another process counts on it.
func TestNeededElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.beside(t)
	files := built("foo", "1.0")
	at := slices.IndexFunc(files, func(f mpktest.File) bool { return isManifest(f.Name) })
	manifest := files[at]
	files = slices.Delete(files, at, at+1)
	w.stall(t, bfinch, append(slices.Clone(files), big("big"))...)
	r, err := other.v2(t, bfinch, tupkg.Set{}, manifest)
	mustPass(t, r, err)
	if got := w.published(t); !slices.Equal(got, []string{"foo 1.0"}) {
		t.Fatalf("published %q", got)
	}
	if got := w.files(t, "area"); len(got) != len(files) {
		t.Errorf("area %q", got)
	}
}

// TestSweepElsewhere: what another process works on does not expire, and only one
// process sweeps at a time.
func TestSweepElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.beside(t)
	whole := mpktest.File{Name: "whole", Data: []byte("whole")}
	w.stall(t, bfinch, whole, big("big"))
	other.skip = 8 * 24 * time.Hour
	if err := other.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.files(t, "area")) != 1 || len(w.files(t, "partial")) != 1 {
		t.Errorf("area %q, partial %q", w.files(t, "area"), w.files(t, "partial"))
	}
	lock, err := w.disk.OpenLock(w.path("sweep"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	err = errors.Join(lock.TryLock(), vfs.CreateSynced(w.disk, w.path("partial", bfinch, "old"), 0o600, nil), other.Sweep(t.Context()))
	if err != nil || len(w.files(t, "partial")) != 2 {
		t.Errorf("%v; partial %q", err, w.files(t, "partial"))
	}
}

// TestProcessesAtOnce: uploads of one user by many processes are all published.
func TestProcessesAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for p := range 6 {
		process := w.beside(t)
		for i := range 4 {
			all.Go(func() {
				r, err := process.session(t, bfinch, tupkg.Set{}, built(fmt.Sprintf("foo%d-%d", p, i), "1.0")...)
				if err != nil || r.Report.Result != report.Published {
					t.Errorf("%d, %d: %+v %v", p, i, r, err)
				}
			})
		}
	}
	all.Wait()
	if got := w.published(t); len(got) != 24 || len(w.files(t, "area"))+len(w.files(t, "partial")) > 0 {
		t.Errorf("%d published, area %q", len(got), w.files(t, "area"))
	}
}
