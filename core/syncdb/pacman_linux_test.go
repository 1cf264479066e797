package syncdb

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/web"
)

// disk is a pacman repository on the disk.
type disk struct {
	dir  string
	fs   vfs.FS
	from *vfs.Mem
	// ahead is how far its clock is ahead of the machine's.
	ahead atomic.Int64
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	d := &disk{dir: t.TempDir(), from: genuineFiles(time.Now)}
	open, err := vfs.OpenDir(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = open.Close() })
	d.fs = open
	if _, _, err := repo.Init(context.Background(), d.fs, d.dir, Format{"demo"}, repo.InitOptions{Arch: AnyArch}); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *disk) publish(ctx context.Context, req Request, names ...string) error {
	r, err := Open(d.fs, d.dir)
	if err != nil {
		return err
	}
	r.Now = func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) }
	for _, n := range names {
		req.Add = append(req.Add, Source{FS: d.from, Path: n, Shown: n})
	}
	req.LockWait = 10 * time.Second
	out, err := Publish(ctx, r, req)
	if err == nil && out.Result == report.Rejected {
		err = fmt.Errorf("refused: %v", out.Findings)
	}
	return err
}

// pacman is the real one, with a root and a database of its own.
type pacman struct {
	program, dir string
}

func newPacman(t *testing.T, server string) pacman {
	t.Helper()
	p := pacman{programtest.Need(t, "pacman"), t.TempDir()}
	for _, dir := range []string{"root", "db", "cache"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conf := fmt.Sprintf("[options]\nArchitecture = x86_64\nRootDir = %[1]s/root\nDBPath = %[1]s/db\nCacheDir = %[1]s/cache\n"+
		"LogFile = %[1]s/log\nSigLevel = Never\n[demo]\nServer = %[2]s\n", p.dir, server)
	if err := os.WriteFile(filepath.Join(p.dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// run wants pacman to succeed, and returns the lines that it prints.
func (p pacman) run(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.program, append([]string{"--config", filepath.Join(p.dir, "conf"), "--noconfirm"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if os.Geteuid() != 0 {
		// It wants to be root, if only of a namespace.
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pacman %q: %v\n%s", args, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// TestRealPacman: the real client reads, lists and installs, over file and http, after an
// upgrade, a removal, and two publishes within one second.
func TestRealPacman(t *testing.T) {
	t.Parallel()
	programtest.Need(t, "pacman")
	for _, way := range []string{"file", "http"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			d := newDisk(t)
			server := "file://" + d.dir
			if way == "http" {
				s := httptest.NewServer(&web.Files{FS: d.fs})
				t.Cleanup(s.Close)
				server = s.URL
			}
			p := newPacman(t, server)
			step := func(req Request, names ...string) {
				t.Helper()
				if err := d.publish(t.Context(), req, names...); err != nil {
					t.Fatal(err)
				}
			}
			has := func(lines []string, want string) {
				t.Helper()
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
					t.Errorf("no %q in %q", want, lines)
				}
			}
			step(Request{}, alpha10, beta, gamma, delta, zlibish)
			p.run(t, "-Sy")
			if list := p.run(t, "-Sl", "demo"); len(list) != 5 {
				t.Errorf("%q", list)
			}
			has(p.run(t, "-Si", "beta"), "2:1.0-1")
			has(p.run(t, "-Sp", "gamma"), server+"/"+gamma)
			p.run(t, "-Fy")
			has(p.run(t, "-Fl", "alpha"), "alpha usr/")
			p.run(t, "-S", "alpha", "delta-git")
			has(p.run(t, "-Q"), "alpha 1.0-1")

			// Two publishes, at once: each of them is noticed.
			step(Request{}, alpha11)
			p.run(t, "-Sy")
			has(p.run(t, "-Sl"), "alpha 1.1-1")
			step(Request{Remove: []string{"zlibish"}})
			p.run(t, "-Sy")
			if list := p.run(t, "-Sl"); len(list) != 4 {
				t.Errorf("after a removal: %q", list)
			}
			p.run(t, "-Fy")
			p.run(t, "-Su")
			has(p.run(t, "-Q"), "alpha 1.1-1")
		})
	}
}

// TestManyPieces: the real client, and libarchive, read databases that are cut into many
// gzip members, most of them copied from the generation before.
func TestManyPieces(t *testing.T) {
	t.Parallel()
	bsdtar := programtest.Need(t, "bsdtar")
	d := newDisk(t)
	const n = 600
	for k, packed := range many(t, n) {
		if err := os.WriteFile(filepath.Join(d.dir, "demo.current", Format{"demo"}.file(Kind(k))), packed, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{alpha10, beta} {
		if err := d.publish(t.Context(), Request{}, name); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Format{"demo"}.read(d.fs)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if len(s.view.pieces) < 5 {
		t.Errorf("%d pieces", len(s.view.pieces))
	}
	p := newPacman(t, "file://"+d.dir)
	p.run(t, "-Sy")
	p.run(t, "-Fy")
	if list := p.run(t, "-Sl", "demo"); len(list) != n+2 {
		t.Errorf("%d packages", len(list))
	}
	if list := p.run(t, "-Fl", "package-00599"); len(list) != 40 {
		t.Errorf("%q", list)
	}
	for file, members := range map[string]int{"demo.db": 2, "demo.files": 3} {
		out, err := exec.CommandContext(t.Context(), bsdtar, "-tf", filepath.Join(d.dir, file)).Output()
		if lines := strings.Count(string(out), "\n"); err != nil || lines != (n+2)*members {
			t.Errorf("%s: %d members, %v", file, lines, err)
		}
	}
}

// TestReaders: while 200 generations are published, readers never see a database missing
// or torn, nor one that names a file that is not there; one that resolves the folder's
// link once sees both databases agree.
func TestReaders(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var readers sync.WaitGroup
	var reads, generations atomic.Int64
	failed := make(chan error, 2)
	for i := range 2 {
		readers.Go(func() {
			last := ""
			for ctx.Err() == nil {
				folder, err := d.read(i%2 == 0)
				if err != nil {
					failed <- err
					return
				}
				if reads.Add(1); folder != last {
					last = folder
					generations.Add(1)
				}
			}
		})
	}
	for i := range 200 {
		req, names := Request{}, []string{alpha10}
		switch i % 4 {
		case 1:
			names = []string{alpha11}
		case 2:
			names, req.Remove = []string{gamma}, []string{"alpha"}
		case 3:
			names, req.Remove = nil, []string{"gamma"}
		}
		d.ahead.Add(int64(time.Second))
		if err := d.publish(ctx, req, names...); err != nil {
			t.Fatalf("publish %d: %v", i, err)
		}
	}
	stop()
	readers.Wait()
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
	t.Logf("200 publishes, %d reads, of %d generations", reads.Load(), generations.Load())
	if generations.Load() < 20 {
		t.Error("the readers have seen too little")
	}
}

// read reads as a client does: by the names, or by the folder, resolved once.
func (d *disk) read(byName bool) (folder string, err error) {
	if folder, err = os.Readlink(filepath.Join(d.dir, "demo.current")); err != nil {
		return "", err
	}
	files := []string{"demo.db", "demo.files"}
	if !byName {
		files = []string{folder + "/demo.db.tar.gz", folder + "/demo.files.tar.gz"}
	}
	var seen [2]string
	for i, file := range files {
		packed, err := os.ReadFile(filepath.Join(d.dir, file))
		if err != nil {
			return "", err
		}
		texts, v, err := parseServed(packed)
		if err != nil {
			return "", fmt.Errorf("%s: %w", file, err)
		}
		for p := range v.All() {
			seen[i] += texts[p.Folder()]
			info, err := os.Stat(filepath.Join(d.dir, p.FileName))
			if err != nil || info.Size() != p.Size {
				return "", fmt.Errorf("%s names %s: %w", file, p.FileName, err)
			}
		}
	}
	if !byName && seen[0] != seen[1] {
		return "", fmt.Errorf("%s: the databases disagree", folder)
	}
	return folder, nil
}
