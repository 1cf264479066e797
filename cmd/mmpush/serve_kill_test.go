//go:build unix

package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// sendTo has one session with a server that may die at any moment.
func sendTo(t *testing.T, addr string, version int, wrap func(net.Conn) net.Conn, files []tupkg.File) (tupkg.Result, error) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return tupkg.Result{}, err
	}
	conn = wrap(conn)
	who := tupkg.Credentials{User: "bfinch@example.net", Password: servePassword}
	if version == 1 {
		return tupkg.Upload(t.Context(), conn, files, tupkg.UploadOptions{Credentials: who, Dialect: tupkg.HistoricalCode})
	}
	c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Credentials: who})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	set := tupkg.Set{Files: files}
	for i, f := range files {
		if strings.HasSuffix(f.Name, ".mmpack-manifest") {
			text, err := io.ReadAll(io.NewSectionReader(f.Content, 0, f.Size))
			if err != nil {
				return tupkg.Result{}, err
			}
			set.Manifest, set.ManifestFile = text, i
		}
	}
	return c.Push(t.Context(), set)
}

func asItIs(c net.Conn) net.Conn { return c }

// killing ends a server once so many bytes of an upload are in its folder. It does not
// run ahead of the server by more than ahead: what is on its way then is lost.
type killing struct {
	net.Conn
	kept func() int64
	// from is what was kept before this session, at is when to kill.
	from, at, written int64
	ahead             int64
	kill              func()
	dead              bool
	t                 *testing.T
}

func (k *killing) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		until(k.t, "the server to read", func() bool {
			kept := k.kept()
			if kept >= k.at && !k.dead {
				k.kill()
				k.dead = true
			}
			return k.dead || kept-k.from >= k.written-k.ahead
		})
		m, err := k.Conn.Write(p[n:min(len(p), n+32<<10)])
		n += m
		k.written += int64(m)
		if err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// keptIn is how much of uploads lies in a server's folder.
func keptIn(repo string) (n int64) {
	for _, kind := range []string{"partial/*/*", "area/*/*/*"} {
		list, _ := filepath.Glob(filepath.Join(repo, ".mmpush", kind))
		for _, name := range list {
			if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
				n += info.Size()
			}
		}
	}
	return n
}

// TestServeKilledInMidUpload kills a real server while it receives, again and again, at
// random places of one upload: the next one needs no help, at most a chunk is sent
// twice, of a very large package two MiB more, and what is published in the end has the right hashes.
func TestServeKilledInMidUpload(t *testing.T) {
	t.Parallel()
	kills := 3
	if long() {
		kills = 50
	}
	for name, c := range map[string]struct {
		version int
		ahead   int64
		size    int64
	}{
		"version 1": {1, 512 << 10, int64(kills+3) << 20}, "version 2": {2, 512 << 10, int64(kills+3) << 20},
		// So much is left at last that it is written directly all the time.
		"very large": {2, 3 << 20, int64(kills)*6<<20 + 20<<20},
	} {
		version, ahead := c.version, c.ahead
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(7, uint64(ahead)+uint64(version)))
			repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
			writeUsers(t, users, "bfinch@example.net")
			files := largeUpload(t, c.size) // far more than all kills let through
			size := int64(0)
			for _, f := range files {
				size += f.Size
			}
			var sent, kept int64
			for k := range kills {
				s := startServing(t, repo, users)
				c := &killing{kept: func() int64 { return keptIn(repo) }, from: kept, at: kept + 1 + random.Int64N(ahead), ahead: ahead, t: t}
				c.kill = func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() }
				r, err := sendTo(t, s.addr, version, func(conn net.Conn) net.Conn { c.Conn = conn; return c }, files)
				if err == nil || !c.dead {
					t.Fatalf("kill %d: %+v %v", k, r, err)
				}
				if sent += r.Sent; r.Skipped < kept {
					t.Errorf("kill %d: %d bytes lay there, %d were offered", k, kept, r.Skipped)
				}
				kept = keptIn(repo)
				if err := whole(repo); err != nil {
					t.Errorf("kill %d, as it is served: %v", k, err)
				}
			}
			s := startServing(t, repo, users)
			r, err := sendTo(t, s.addr, version, asItIs, files)
			if err != nil || !r.Pass() {
				t.Errorf("at last: %+v %v\n%s", r, err, s.stderr.String())
			}
			if r.Skipped < kept {
				t.Errorf("at last: %d bytes lay there, %d were offered", kept, r.Skipped)
			}
			if sent += r.Sent; sent > size+int64(kills)*2*ahead {
				t.Errorf("%d bytes were sent for %d, with %d kills", sent, size, kills)
			}
			s.stop(t, syscall.SIGTERM, exitDone)
			if err := whole(repo); err != nil {
				t.Error(err)
			}
			if got := (shell{}).run("list", "-R", repo); !strings.Contains(got.stdout, "large") {
				t.Errorf("%s%s", got.stdout, got.stderr)
			}
			t.Logf("%d kills, %d bytes sent for %d", kills, sent, size)
		})
	}
}

// TestServeKilledAtEachCall kills a real server ahead of one call to the file system
// after the other, from its start to its end, while a client pushes. Whatever was told
// to be published is, and the next server and the next session need no help.
func TestServeKilledAtEachCall(t *testing.T) {
	t.Parallel()
	step := 97
	if long() {
		step = 1
	}
	template, users := newRepo(t, "uploads/03-greet-0.9.0"), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "bfinch@example.net")
	files := wireFiles(t, "uploads/08-greet-1.0.0")
	kills := 0
	for at := 1; killServing(t, template, users, files, at); at += step {
		kills++
	}
	if t.Logf("%d kills", kills); kills*step < 300 {
		t.Errorf("only %d kills, every %d calls", kills, step)
	}
}

// killServing kills one server; false if it came to its end before.
func killServing(t *testing.T, template, users string, files []tupkg.File, at int) (killed bool) {
	t.Helper()
	repo := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(repo, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	version := 1 + at%2
	cmd := exec.Command("mmpush-killed", "serve", "-R", repo, "--listen", "127.0.0.1:0", "--users", users)
	cmd.Env = append(os.Environ(), fmt.Sprint(killAt, "=", at))
	log := &lockedBuffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- cmd.Wait() }()
	addr, err := addressIn(t, log, over)
	told := false
	if addr != "" {
		var r tupkg.Result
		r, serr := sendTo(t, addr, version, asItIs, files)
		told = serr == nil && r.Pass()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err = <-over
	}
	exit, _ := errors.AsType[*exec.ExitError](err)
	killed = exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Fatalf("killed at %d: %v\n%s", at, err, log.String())
	}
	has := func() bool { return strings.Contains((shell{}).run("list", "-R", repo).stdout, "1.0.0") }
	if err := whole(repo); err != nil || told && !has() {
		t.Errorf("killed ahead of call %d, told to be published: %v; as it is served: %v", at, told, err)
	}
	next := startServing(t, repo, users)
	r, err := sendTo(t, next.addr, version, asItIs, files)
	if err != nil || !r.Pass() {
		t.Errorf("killed ahead of call %d, the next session: %+v %v\n%s", at, r, err, next.stderr.String())
	}
	next.stop(t, syscall.SIGTERM, exitDone)
	if err := whole(repo); err != nil || !has() {
		t.Errorf("killed ahead of call %d, at last: %v", at, err)
	}
	for _, kind := range []string{"partial", "area"} {
		if left, _ := filepath.Glob(filepath.Join(repo, ".mmpush", kind, "*", "*")); len(left) > 0 {
			t.Errorf("killed ahead of call %d: left over %q", at, left)
		}
	}
	return killed
}

// addressIn waits for a server to listen, or to be over; then its end is err.
func addressIn(t *testing.T, log *lockedBuffer, over chan error) (addr string, err error) {
	t.Helper()
	until(t, "a listener, or an end", func() bool {
		select {
		case err = <-over:
			return true
		default:
		}
		text := log.String()
		if i := strings.Index(text, "msg=listening address="); i >= 0 && strings.Contains(text, "msg=serving") {
			addr, _, _ = strings.Cut(text[i+len("msg=listening address="):], " ")
		}
		return addr != ""
	})
	return addr, err
}

// largeUpload is an upload of one package of that size, the manifest last.
func largeUpload(t *testing.T, size int64) (files []tupkg.File) {
	t.Helper()
	for _, f := range (mpktest.Upload{Name: "large", Packages: []mpktest.Package{{Name: "large", Payload: size}}}).Build().Files() {
		m, s := md5.Sum(f.Data), sha256.Sum256(f.Data)
		files = append(files, tupkg.File{
			Name: f.Name, Size: int64(len(f.Data)), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:]), Content: bytes.NewReader(f.Data),
		})
	}
	return files
}
