//go:build unix

package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// place is a drop folder and a repository on the real disk.
type place struct {
	drop, repo string
	*world
	mu sync.Mutex
}

// Write keeps the log of a watcher that runs in its own goroutine.
func (p *place) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{drop: t.TempDir(), repo: t.TempDir(), world: &world{}}
	_, _, err := repo.Init(context.Background(), p.folder(t, p.repo), p.repo, pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
	must(t, err)
	return p
}

func (p *place) folder(t *testing.T, at string) *vfs.Dir {
	t.Helper()
	d, err := vfs.OpenDir(at)
	must(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (p *place) watcher(t *testing.T, settle time.Duration) *Scanner {
	t.Helper()
	disk := p.folder(t, p.repo)
	s, err := New(Options{
		Drop: p.folder(t, p.drop), Path: p.drop, Settle: settle, Log: slog.New(slog.NewTextHandler(p, nil)),
		Open: func() (*repo.Repo, func(), error) {
			r, err := pipeline.Open(disk, p.repo)
			return r, func() {}, err
		},
	})
	must(t, err)
	return s
}

// tree is everything below a folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		all[name] = d.Type().String()
		if d.Type().IsRegular() {
			text, err := os.ReadFile(name)
			all[name] += fmt.Sprintf("%x", sha256.Sum256(text))
			return err
		}
		return nil
	}))
	return all
}

// TestHostileFolder fills the drop folder with everything that is no upload, and
// with uploads that reach for what is not theirs.
func TestHostileFolder(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	outside := t.TempDir()
	victim := uploadOf("victim", "1.0", "victim")
	for _, f := range victim.Files() {
		must(t, os.WriteFile(filepath.Join(outside, f.Name), f.Data, 0o644))
	}
	in := func(name string) string { return filepath.Join(p.drop, name) }
	for _, f := range victim.Files() {
		must(t, os.Symlink(filepath.Join(outside, f.Name), in(f.Name)))
	}
	// A genuine manifest whose files are links, a pipe and a folder.
	odd := uploadOf("odd", "1.0", "odd", "pipe", "folder")
	must(t, os.WriteFile(in(odd.Manifest.Name), odd.Manifest.Data, 0o644))
	must(t, os.WriteFile(filepath.Join(outside, "src"), odd.Source.Data, 0o644))
	must(t, os.Symlink(filepath.Join(outside, "src"), in(odd.Source.Name)))
	must(t, os.Symlink("there-is-none", in(odd.Packages[0].File.Name)))
	must(t, syscall.Mkfifo(in(odd.Packages[1].File.Name), 0o666))
	must(t, os.Mkdir(in(odd.Packages[2].File.Name), 0o755))
	// Things that are called like manifests.
	must(t, os.Mkdir(in("folder"+manifestSuffix), 0o755))
	must(t, syscall.Mkfifo(in("pipe"+manifestSuffix), 0o666))
	must(t, os.Symlink(filepath.Join(outside, victim.Manifest.Name), in("link"+manifestSuffix)))
	must(t, os.Symlink("/dev/zero", in("zero"+manifestSuffix)))
	var lc net.ListenConfig
	socket, err := lc.Listen(t.Context(), "unix", in("s"))
	must(t, err, os.Rename(in("s"), in("socket"+manifestSuffix)))
	defer socket.Close()
	must(t, os.WriteFile(in(manifestSuffix), victim.Manifest.Data, 0o644))
	must(t, os.WriteFile(in(".hidden"+manifestSuffix), victim.Manifest.Data, 0o644))
	// Manifests that lead out, in some spellings.
	for i, lead := range []string{"../", "/", "..\\", "sub/../../", "./../", "rejected/../../"} {
		text := strings.ReplaceAll(string(victim.Manifest.Data), "file: ", "file: "+lead)
		must(t, os.WriteFile(in(fmt.Sprint("lead", i, manifestSuffix)), []byte(text), 0o644))
	}
	// One that names what is not an upload's.
	for i, name := range []string{RejectedDir, VerdictDir, privateDir, odd.Manifest.Name} {
		text := strings.ReplaceAll(string(victim.Manifest.Data), victim.Source.Name, name)
		must(t, os.WriteFile(in(fmt.Sprint("own", i, manifestSuffix)), []byte(text), 0o644))
	}
	must(t, os.WriteFile(in("file00000.mpk"), nil, 0o644))
	for i := range 9_999 {
		must(t, os.Link(in("file00000.mpk"), in(fmt.Sprintf("file%05d.mpk", i+1))))
	}
	before := tree(t, outside)
	good := uploadOf("good", "1.0", "good")
	s := p.watcher(t, time.Second)
	p.clock = &clock{at: time.Now()}
	s.opt.Now = p.now
	for _, f := range good.Files() {
		must(t, os.WriteFile(in(f.Name), f.Data, 0o644))
	}
	start := time.Now()
	p.run(t, s, 5*time.Second)
	took := time.Since(start)
	must(t, s.Close())
	if after := tree(t, outside); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("outside: %v\nbefore: %v", after, before)
	}
	if _, err := os.Stat(in(good.Manifest.Name)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the good one is still there: %v\n%s", err, &p.log)
	}
	if got := s.Totals(); got.Published != 1 || got.Rejected != 11 || got.Waiting != 0 {
		t.Errorf("totals: %+v\n%s", got, &p.log)
	}
	// Ordinary files only: everything odd is where it was.
	for _, name := range []string{odd.Source.Name, odd.Packages[0].File.Name, odd.Packages[1].File.Name, odd.Packages[2].File.Name,
		"folder" + manifestSuffix, "pipe" + manifestSuffix, "link" + manifestSuffix, "zero" + manifestSuffix, "socket" + manifestSuffix,
		victim.Manifest.Name, victim.Source.Name, manifestSuffix, ".hidden" + manifestSuffix, "file09999.mpk"} {
		if _, err := os.Lstat(in(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := p.logged("msg=ignored"); n != 6 {
		t.Errorf("%d lines about odd manifests", n)
	}
	t.Logf("10,000 files and some odd ones: %s", took)
}

// TestSwapsWhileItRuns replaces a file of an upload, by another one or by a link to
// the outside, ahead of one call after the other: what is published has the
// declared bytes, and no other file is ever deleted.
func TestSwapsWhileItRuns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	outside := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, []byte("secret"), 0o600))
	swaps := 0
	for at := 1; swaps == at-1; at++ {
		u := mpktest.Upload{Name: "foo", Version: fmt.Sprint("1.", at)}.Build()
		name := filepath.Join(p.drop, u.Packages[0].File.Name)
		for _, f := range u.Files() {
			must(t, os.WriteFile(filepath.Join(p.drop, f.Name), f.Data, 0o644))
		}
		want := "new"
		must(t, os.WriteFile(name+".other", []byte(want), 0o644))
		if at%2 == 1 {
			want = "secret"
			must(t, os.Remove(name+".other"), os.Symlink(outside, name+".other"))
		}
		var calls atomic.Int64
		s := p.watcher(t, time.Minute)
		s.quiet = 0
		s.opt.Drop = vfs.Observe(s.opt.Drop, func(vfs.Op) error {
			if calls.Add(1) == int64(at) {
				swaps++
				return os.Rename(name+".other", name)
			}
			return nil
		})
		_, err := s.Scan(t.Context())
		must(t, err, s.Close())
		text, err := os.ReadFile(name)
		if swaps == at && (err != nil || string(text) != want) {
			t.Errorf("swapped ahead of call %d: %q, %v\n%s", at, text, err, &p.log)
		}
		for _, f := range u.Files() {
			must(t, os.RemoveAll(filepath.Join(p.drop, f.Name)))
		}
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "secret" {
		t.Errorf("outside: %q, %v", text, err)
	}
	if t.Logf("%d swaps", swaps); swaps < 40 {
		t.Errorf("only %d swaps", swaps)
	}
}
