//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/tupkg"
)

// serving is a real server process.
type serving struct {
	cmd            *exec.Cmd
	addr           string
	stdout, stderr lockedBuffer
}

func startServing(t *testing.T, repo, users string, args ...string) *serving {
	t.Helper()
	s := runServing(t, append([]string{"-R", repo, "--listen", "127.0.0.1:0", "--users", users, "--drain-time=50ms"}, args...)...)
	s.listening(t)
	return s
}

// listening waits until the server listens, and notes where.
func (s *serving) listening(t *testing.T) {
	t.Helper()
	s.addr = s.stderr.listening(t)
}

// runServing starts a server process.
func runServing(t *testing.T, args ...string) *serving {
	t.Helper()
	return startProcess(t, nil, append([]string{"serve"}, args...)...)
}

// startProcess starts mmpush in a process of its own, with more in its environment.
func startProcess(t *testing.T, environ []string, args ...string) *serving {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{cmd: exec.Command(self, args...)}
	s.cmd.Env = append(os.Environ(), environ...)
	s.cmd.Args[0] = "mmpush"
	s.cmd.Path = playAs(t, self)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	return s
}

// playAs is a link to the test binary by which it plays mmpush.
func playAs(t *testing.T, self string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "mmpush")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

func (s *serving) stop(t *testing.T, signal syscall.Signal, want int) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait()
	if code := s.cmd.ProcessState.ExitCode(); code != want {
		t.Errorf("exit %d\n%s", code, s.stderr.String())
	}
	if strings.Contains(s.stderr.String(), servePassword) {
		t.Error("the password is in the log")
	}
}

// wireFiles declares the files of a genuine upload.
func wireFiles(t *testing.T, upload string) (files []tupkg.File) {
	t.Helper()
	for _, name := range filesOf(t, upload) {
		data := []byte(mustRead(t, name))
		m, s := md5.Sum(data), sha256.Sum256(data)
		files = append(files, tupkg.File{
			Name: filepath.Base(name), Size: int64(len(data)), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:]), Content: bytes.NewReader(data),
		})
	}
	return files
}

// cutConn breaks after so many bytes.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	n, err := c.Conn.Write(p[:n])
	if err == nil && n < len(p) {
		err = net.ErrClosed
	}
	return n, err
}

// TestServe: a real server, cut in the middle, stopped, killed and started again, goes
// on where it was, and publishes.
func TestServe(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
		writeUsers(t, users, "bfinch@example.net")
		o := tupkg.UploadOptions{Credentials: tupkg.Credentials{User: "bfinch@example.net", Password: servePassword}, Dialect: tupkg.HistoricalCode}
		files := wireFiles(t, "uploads/01-foo-1.0.0")
		s := startServing(t, repo, users)
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tupkg.Upload(t.Context(), &cutConn{conn, 4000}, files, o); err == nil {
			t.Fatal("not cut")
		}
		until(t, "bytes", func() bool {
			found, _ := filepath.Glob(filepath.Join(repo, ".mmpush/area/*/*/*"))
			return len(found) > 0
		})
		s.stop(t, signal, map[syscall.Signal]int{syscall.SIGTERM: exitDone, syscall.SIGKILL: -1}[signal])
		s = startServing(t, repo, users)
		if conn, err = net.Dial("tcp", s.addr); err != nil {
			t.Fatal(err)
		}
		r, err := tupkg.Upload(t.Context(), conn, files, o)
		if err != nil || !r.Pass() || r.Skipped == 0 {
			t.Errorf("%+v %v\n%s", r, err, s.stderr.String())
		}
		s.stop(t, syscall.SIGTERM, exitDone)
		if got := (shell{}).run("list", "-R", repo); !strings.Contains(got.stdout, "libfoo1") {
			t.Errorf("%s%s", got.stdout, got.stderr)
		}
	}
}

// TestServeTLS: version 2 over TLS with a certificate of its own, the same after a
// restart; and users that change while it runs.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	s := startServing(t, repo, users, "--tls-self-signed")
	fingerprint := s.stdout.String()
	push := func(user string) error {
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{server.ALPN}})
		if err != nil {
			return err
		}
		sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
		if fingerprint != "fingerprint sha256:"+hex.EncodeToString(sum[:])+"\n" {
			t.Errorf("printed %q", fingerprint)
		}
		c, err := tupkg.Connect(context.Background(), conn, tupkg.ConnectOptions{Start: tupkg.StartLogin, Credentials: tupkg.Credentials{User: user, Password: servePassword}})
		if err != nil {
			return err
		}
		defer c.Close()
		r, err := c.Push(context.Background(), tupkg.Set{Files: wireFiles(t, "uploads/03-greet-0.9.0")})
		if err == nil && !r.Pass() {
			t.Errorf("%+v", r)
		}
		return err
	}
	if err := push("first"); err != nil {
		t.Error(err)
	}
	writeUsers(t, users, "second")
	if err := push("first"); err == nil {
		t.Error("the first user is still let in")
	}
	if err := push("second"); err != nil {
		t.Error(err)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	s = startServing(t, repo, users, "--tls-self-signed")
	if err := push("second"); err != nil {
		t.Error(err)
	}
	s.stop(t, syscall.SIGINT, exitStopped)
}
