//go:build unix

package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// sendHalf begins an upload at a server and stops in the middle of its data.
func (s *serving) sendHalf(t *testing.T, file tupkg.File) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	half := &halfContent{file.Content.(*strings.Reader), file.Size / 2, make(chan struct{}), make(chan struct{})}
	file.Content = half
	go func() {
		o := tupkg.UploadOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}}
		_, _ = tupkg.Upload(t.Context(), conn, []tupkg.File{file}, o)
	}()
	t.Cleanup(func() { close(half.end) })
	<-half.there
}

// halfContent has its first half only, until its end.
type halfContent struct {
	*strings.Reader
	half       int64
	there, end chan struct{}
}

func (h *halfContent) ReadAt(p []byte, off int64) (int, error) {
	if off < h.half {
		return h.Reader.ReadAt(p[:min(int64(len(p)), h.half-off)], off)
	}
	close(h.there)
	<-h.end
	return 0, errors.New("no more")
}

// push sends one file in version 2.
func (s *serving) push(t *testing.T, file tupkg.File) (tupkg.Result, error) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	return c.Push(t.Context(), tupkg.Set{Files: []tupkg.File{file}})
}

// TestServeProcesses: two servers share a repository. The files of a process that stands
// still are busy, those of one that was killed are free at once.
func TestServeProcesses(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	one := startServing(t, repo, users)
	two := startServing(t, repo, users, "--take-over-time=1s")
	text := strings.Repeat("0123456789abcdef", 1<<17)
	file := func() tupkg.File { return wireFile("big", text) }
	v1 := wireFile("big", text)
	one.sendHalf(t, v1)
	partial := func() (size int64) {
		found, _ := filepath.Glob(filepath.Join(repo, ".mmpush/partial/first/*"))
		for _, name := range found {
			if info, err := os.Stat(name); err == nil {
				size += info.Size()
			}
		}
		return size
	}
	until(t, "half of the file", func() bool { return partial() == v1.Size/2 })
	// The same key: version 1 again, by the other process.
	again := func() (tupkg.Result, error) {
		conn, err := net.Dial("tcp", two.addr)
		if err != nil {
			t.Fatal(err)
		}
		o := tupkg.UploadOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}, WantReason: true}
		return tupkg.Upload(t.Context(), conn, []tupkg.File{file()}, o)
	}
	if err := one.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := again(); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "still at work") {
		t.Errorf("of a process that stands still: %v", err)
	}
	if r, err := two.push(t, wireFile("other", "other")); err != nil || !r.Pass() {
		t.Errorf("another file: %+v %v", r, err)
	}
	if err := one.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = one.cmd.Wait()
	r, err := again()
	if err != nil || !r.Pass() || r.Skipped != v1.Size/2 {
		t.Errorf("of a process that was killed: %+v %v\n%s", r, err, two.stderr.String())
	}
	two.stop(t, syscall.SIGTERM, exitDone)
	if left, _ := filepath.Glob(filepath.Join(repo, ".mmpush/live/*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestServeRunsWhatIsLeft: an upload that is complete, and that a killed server has not
// judged, is published when the next one starts.
func TestServeRunsWhatIsLeft(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	for _, f := range (mpktest.Upload{Name: "foo", Version: "1.0"}).Build().Files() {
		dir := filepath.Join(repo, ".mmpush/area/first", wireFile(f.Name, string(f.Data)).SHA256)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s := startServing(t, repo, users)
	until(t, "a publish", func() bool { return strings.Contains(s.stderr.String(), "msg=published") })
	s.stop(t, syscall.SIGTERM, exitDone)
	if got := (shell{}).run("list", "-R", repo); !strings.Contains(got.stdout, "foo") {
		t.Errorf("%s%s", got.stdout, got.stderr)
	}
}
