package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// format is a repository of one index file with nothing in it.
type format struct{}

func (format) Kind() string        { return "test" }
func (format) Indexes() []string   { return []string{"index"} }
func (format) Empty(string) []byte { return []byte("empty") }
func (format) Names(vfs.FS) (func(string) (bool, error), func(), error) {
	return func(string) (bool, error) { return false, nil }, func() {}, nil
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newDisk() *vfs.Mem { return vfs.NewMem(func() time.Time { return start }) }

func initRepo(t *testing.T, fsys vfs.FS, opt repo.InitOptions) *repo.Repo {
	t.Helper()
	r, _, err := repo.Init(context.Background(), fsys, "/srv/repo", format{}, opt)
	if err != nil {
		t.Fatal(err)
	}
	tame(r)
	return r
}

// tame gives a repository a clock that stands and names that count.
func tame(r *repo.Repo) {
	var n atomic.Int64
	now := start
	r.NewID = func() string { return fmt.Sprintf("id%03d", n.Add(1)) }
	r.Now = func() time.Time { return now }
	r.Sleep = func(d time.Duration) { now = now.Add(d) }
}

func exists(fsys vfs.FS, name string) bool {
	_, err := fsys.Lstat(name)
	return err == nil
}

func TestInit(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "amd64-debian", CI: true})
	if r.Arch != "amd64-debian" || r.Settings.ID == "" || r.Settings.Rebuild.For("x") != repo.Allow || r.Settings.Downgrade.For("x") != repo.Ask {
		t.Errorf("a new repository has %q and %+v", r.Arch, r.Settings)
	}
	for name, mode := range map[string]fs.FileMode{
		"index": 0o644, "metadata": 0o644, "lock": 0o644, ".mmpush": 0o700, ".mmpush/settings.yaml": 0o600, ".mmpush/stage": 0o700,
	} {
		if i, err := disk.Lstat(name); err != nil || i.Mode.Perm() != mode {
			t.Errorf("%s: mode %v, want %v (%v)", name, i.Mode, mode, err)
		}
	}
	again, created, err := repo.Init(context.Background(), disk, "/srv/repo", format{}, repo.InitOptions{Arch: "amd64-debian"})
	if err != nil || created || again.Settings.ID != r.Settings.ID {
		t.Errorf("the second time: created %t, id %q, %v", created, again.Settings.ID, err)
	}
	_, _, err = repo.Init(context.Background(), disk, "/srv/repo", format{}, repo.InitOptions{Arch: "arm64-debian"})
	if report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "amd64-debian") {
		t.Errorf("for another architecture: %v", err)
	}
}

// TestInitSurvivesPowerLoss ends Init ahead of each call, with any part of what is
// not durable lost: the next Init finishes, and an acknowledged one is all there.
// Then each sync is left out once.
func TestInitSurvivesPowerLoss(t *testing.T) {
	t.Parallel()
	run := func(skip int) (syncs int, broken error) {
		disk := newDisk()
		var films []*vfs.Mem
		fsys := vfs.Observe(disk, func(op vfs.Op) error {
			films = append(films, disk.Clone())
			if op.Kind == "sync" || op.Kind == "syncdir" {
				if syncs++; syncs == skip {
					return vfs.ErrSkipped
				}
			}
			return nil
		})
		initRepo(t, fsys, repo.InitOptions{Arch: "a-b", CI: true})
		films = append(films, disk)
		for k, film := range films {
			acked := k == len(films)-1
			for lost := -1; lost <= film.Unsynced(); lost++ {
				after := film.PowerLoss(func(i int) vfs.Fate {
					if lost == -1 || i == lost {
						return vfs.Lost
					}
					return vfs.Kept
				})
				if err := judgeInit(after, acked); err != nil {
					return syncs, fmt.Errorf("ahead of call %d, %d lost: %w", k, lost, err)
				}
			}
		}
		return syncs, nil
	}
	syncs, broken := run(0)
	if broken != nil {
		t.Fatal(broken)
	}
	for s := 1; s <= syncs; s++ {
		if _, broken := run(s); broken == nil {
			t.Errorf("nothing is broken without sync %d of %d", s, syncs)
		}
	}
}

func judgeInit(disk *vfs.Mem, acked bool) error {
	r, err := repo.Open(disk, "/srv/repo", format{})
	if err != nil && (acked || report.CodeOf(err) != report.CodeNoRepo) {
		return err
	}
	if err == nil {
		if text, err := vfs.ReadFile(disk, "index", 100); string(text) != "empty" {
			return fmt.Errorf("a repository whose index is %q (%w)", text, err)
		}
		if r.Settings.Rebuild.For("x") != repo.Allow {
			return errors.New("a repository without its settings")
		}
	}
	r, _, err = repo.Init(context.Background(), disk, "/srv/repo", format{}, repo.InitOptions{Arch: "a-b", CI: true})
	if err != nil || r.Arch != "a-b" {
		return fmt.Errorf("the next Init: %w", err)
	}
	return nil
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, metadata, settings string
		code                     report.Code
		want                     string
	}{
		{"no metadata", "", "", report.CodeNoRepo, "no metadata file"},
		{"metadata of something else", "hello\n", "", report.CodeNoRepo, "architecture"},
		{"metadata with no architecture", "arch: x\n", "", report.CodeNoRepo, "architecture"},
		{"an unknown setting", "architecture: a\n", "rebiuld: allow\n", report.CodeSettings, "rebiuld"},
		{"an unknown word", "architecture: a\n", "rebuild: maybe\n", report.CodeSettings, "maybe"},
		{"a bad pattern", "architecture: a\n", "rebuild: {'[': ask}\n", report.CodeSettings, "pattern"},
		{"a bad time", "architecture: a\n", "grace: soon\n", report.CodeSettings, "soon"},
		{"a negative time", "architecture: a\n", "grace: -1h\n", report.CodeSettings, "-1h"},
		{"not YAML", "architecture: a\n", "a: [\n", report.CodeSettings, ""},
		{"another kind", "architecture: a\n", "kind: pacman\n", report.CodeNoRepo, "pacman"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disk := newDisk()
			if tt.metadata != "" {
				put(t, disk, "metadata", tt.metadata)
			}
			if tt.settings != "" {
				if err := disk.Mkdir(".mmpush", 0o700); err != nil {
					t.Fatal(err)
				}
				put(t, disk, repo.SettingsFile, tt.settings)
			}
			_, err := repo.Open(disk, "/srv/repo", format{})
			if report.CodeOf(err) != tt.code || report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v (%s), want %s and %q", err, report.CodeOf(err), tt.code, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), "/srv/repo") {
				t.Errorf("the error does not say which repository: %v", err)
			}
		})
	}
}

func put(t *testing.T, fsys vfs.FS, name, content string) {
	t.Helper()
	if err := vfs.CreateSynced(fsys, name, 0o644, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	put(t, disk, "metadata", "architecture: a\n")
	if err := disk.Mkdir(".mmpush", 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, disk, repo.SettingsFile, "rebuild:\n  'lib*': allow\n  libfoo: never\n  '*': never\ntake-over: never\ngrace: 0s\nshared: true\n")
	r, err := repo.Open(disk, "/srv/repo", format{})
	if err != nil {
		t.Fatal(err)
	}
	s := r.Settings
	if s.Rebuild.For("libfoo") != repo.Allow || s.Rebuild.For("foo") != repo.Never || s.TakeOver.For("foo") != repo.Never || s.Downgrade.For("foo") != repo.Ask {
		t.Errorf("policies: %+v", s)
	}
	if s.Grace != 0 || !s.Shared || r.PrivateFolderMode() != 0o770|fs.ModeSetgid || !r.Adopted() {
		t.Errorf("settings: %+v", s)
	}
}

// What the older tool wrote is a repository; opening writes nothing.
func TestOpenForeign(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	put(t, disk, "metadata", "architecture: amd64-debian\n")
	r, err := repo.Open(disk, "/srv/repo", format{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Adopted() || exists(disk, ".mmpush") || r.Settings.Grace != repo.DefaultGrace {
		t.Errorf("opening adopted it: %+v", r.Settings)
	}
	if err := r.Adopt(); err != nil || !r.Adopted() || r.Settings.ID == "" {
		t.Fatal(err)
	}
	again, err := repo.Open(disk, "/srv/repo", format{})
	if err != nil || again.Settings.ID != r.Settings.ID {
		t.Errorf("settings: %+v, %v", again.Settings, err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	put(t, disk, "lock", "kept")
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	held, err := r.Lock(context.Background(), repo.Patience{Program: "mmpush push"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := repo.Open(disk, "/srv/repo", format{})
	if err != nil {
		t.Fatal(err)
	}
	tame(other)
	began := other.Now()
	var told []string
	_, err = other.Lock(context.Background(), repo.Patience{
		Wait: 3 * time.Second, Program: "mmpush gc", Waiting: func(holder string) { told = append(told, holder) },
	})
	if len(told) != 1 || !strings.Contains(told[0], "mmpush push") {
		t.Errorf("who waits was told: %q", told)
	}
	if report.KindOf(err) != report.KindBusy || !strings.Contains(err.Error(), "mmpush push") {
		t.Errorf("while it is held: %v", err)
	}
	if waited := other.Now().Sub(began); waited < 3*time.Second || waited > 4*time.Second {
		t.Errorf("waited %v", waited)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := other.Lock(ctx, repo.Patience{Wait: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
	if err := held.Unlock(); err != nil {
		t.Fatal(err)
	}
	if l, err := other.Lock(context.Background(), repo.Patience{}); err != nil {
		t.Errorf("after it was given back: %v", err)
	} else if err := l.Unlock(); err != nil {
		t.Error(err)
	}
	if text, _ := vfs.ReadFile(disk, "lock", 10); string(text) != "kept" {
		t.Errorf("the lock file was changed to %q", text)
	}
}

func TestSweepLeavesTheLiving(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	live, err := r.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	dead, err := r.NewStage()
	if err != nil {
		t.Fatal(err)
	}
	put(t, disk, path.Join(dead.Dir, "file"), "x")
	after := disk.Clone() // nobody holds a lock now: both are dead there
	r2 := initRepo(t, after, repo.InitOptions{Arch: "a-b"})
	if err := r2.Sweep(); err != nil || exists(after, live.Dir) || exists(after, dead.Dir) {
		t.Errorf("dead stages are left (%v)", err)
	}
	if list, _ := after.ReadDir(repo.TrashDir); len(list) != 0 {
		t.Errorf("trash is left: %v", list)
	}
	if err := r.Sweep(); err != nil || !exists(disk, live.Dir) || !exists(disk, dead.Dir) {
		t.Errorf("a living stage was swept (%v)", err)
	}
	if err := dead.Discard(); err != nil || exists(disk, dead.Dir) {
		t.Errorf("discarded, it is still there (%v)", err)
	}
	put(t, disk, repo.JournalFile, "unfinished")
	if err := live.Discard(); err != nil || !exists(disk, live.Dir) {
		t.Errorf("a stage that a journal may need was deleted (%v)", err)
	}
}

// The sweeper may come between the making of a stage and its locking; then the maker
// makes another.
func TestStageThatIsSweptWhileItIsMade(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	sweeper := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	for _, kind := range []string{"open", "trylock", "fstat"} {
		done := false
		r.FS = vfs.Observe(disk, func(op vfs.Op) error {
			if op.Kind == kind && strings.HasPrefix(op.Name, repo.StageDir+"/") && !done {
				done = true
				return sweeper.Sweep()
			}
			return nil
		})
		s, err := r.NewStage()
		if err != nil || !done {
			t.Fatalf("%s: %v, swept %t", kind, err, done)
		}
		if !exists(disk, s.Dir) {
			t.Errorf("swept ahead of %s: the stage is not there", kind)
		}
		if err := s.Discard(); err != nil {
			t.Error(err)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	if g, hash, err := r.LastGeneration(); err != nil || g.Number != 0 || hash != "" {
		t.Errorf("an empty history: %+v %q %v", g, hash, err)
	}
	long := strings.Repeat("x", 100_000) // more than one step of the reader
	previous := ""
	for n := uint64(1); n <= 5; n++ {
		g := repo.Generation{Number: n, Transaction: fmt.Sprint("t", n), Previous: previous, Changes: []repo.Change{{Manifest: long}}}
		if err := r.AppendGeneration(g); err != nil {
			t.Fatal(err)
		}
		last, hash, err := r.LastGeneration()
		if err != nil || last.Number != n || len(hash) != 64 || hash == previous {
			t.Fatalf("generation %d: %+v %q %v", n, last.Number, hash, err)
		}
		previous = hash
	}
	whole, err := vfs.ReadFile(disk, repo.HistoryFile, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range []string{"", `{"generation":6,"trans`, `{"generation":6,"trans` + "\n", "\x00\x00\x00", "\x00\n"} {
		disk := newDisk()
		r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
		put(t, disk, repo.HistoryFile, string(whole)+tail)
		last, hash, err := r.LastGeneration()
		if err != nil || last.Number != 5 || hash != previous {
			t.Errorf("tail %q: last %d %v", tail, last.Number, err)
		}
		if err := r.AppendGeneration(repo.Generation{Number: 6}); err != nil {
			t.Fatal(err)
		}
		got, _ := vfs.ReadFile(disk, repo.HistoryFile, 1<<20)
		if lines := strings.Split(string(got), "\n"); len(lines) != 7 || !strings.HasPrefix(string(got), string(whole)) {
			t.Errorf("tail %q: %d lines after the next append", tail, len(lines)-1)
		}
	}
}

func TestRetired(t *testing.T) {
	t.Parallel()
	disk := newDisk()
	r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
	a, b := repo.Retired{Name: "a", Ino: 1, Since: start}, repo.Retired{Name: "b", Ino: 2, Since: start}
	if err := errors.Join(r.AppendRetired(nil), r.AppendRetired([]repo.Retired{a}), r.AppendRetired([]repo.Retired{b})); err != nil {
		t.Fatal(err)
	}
	if got, err := r.RetiredFiles(); err != nil || len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("got %v %v", got, err)
	}
	f, err := disk.Append(repo.RetiredFile, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(`{"name":"torn`)); err != nil {
		t.Fatal(err)
	}
	if got, err := r.RetiredFiles(); err != nil || len(got) != 2 {
		t.Errorf("with a torn tail: %v %v", got, err)
	}
	if err := r.ReplaceRetired([]repo.Retired{b}); err != nil {
		t.Fatal(err)
	}
	if got, err := r.RetiredFiles(); err != nil || len(got) != 1 || got[0] != b {
		t.Errorf("replaced: %v %v", got, err)
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"generation":1}` + "\n" + `{"generation":2`))
	f.Add([]byte("\n\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		disk := newDisk()
		r := initRepo(t, disk, repo.InitOptions{Arch: "a-b"})
		put(t, disk, repo.HistoryFile, string(text))
		put(t, disk, repo.RetiredFile, string(text))
		if _, err := r.RetiredFiles(); err != nil {
			t.Errorf("retired: %v", err)
		}
		if _, _, err := r.LastGeneration(); err != nil {
			return // two damaged records are more than a power loss leaves
		}
		if err := r.AppendGeneration(repo.Generation{Number: 7, Transaction: "t"}); err != nil {
			t.Fatal(err)
		}
		if g, _, err := r.LastGeneration(); err != nil || g.Number != 7 {
			t.Errorf("after an append: %+v %v", g, err)
		}
	})
}

// TestEmptySettings: what is left of the settings after a power loss is not taken for a
// wish to check nothing.
func TestEmptySettings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", " \n\n"} {
		disk := newDisk()
		initRepo(t, disk, repo.InitOptions{Arch: "amd64-debian"})
		if err := vfs.ReplaceFile(disk, repo.SettingsFile, repo.SettingsFile+".new", 0o600, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := repo.Open(disk, "/srv/repo", format{}); err == nil || !strings.Contains(err.Error(), "is empty") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
