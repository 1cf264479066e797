package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// TestServiceUnits: systemd finds nothing wrong with the units, and little that they
// leave open.
func TestServiceUnits(t *testing.T) {
	t.Parallel()
	analyze, dir := programtest.Need(t, "systemd-analyze"), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := (shell{}).run("service", "print", "--dir", dir, "--program", playAs(t, self)); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	var units []string
	for _, pattern := range []string{"*.service", "*.socket", "*.timer"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		units = append(units, found...)
	}
	if len(units) != 6 {
		t.Fatalf("units %q", units)
	}
	instances := slices.Clone(units)
	for i, u := range instances {
		instances[i] = strings.Replace(u, "@.", "@srv-drop.", 1)
	}
	if out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, instances...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, u := range units {
		if !strings.HasSuffix(u, ".service") {
			continue
		}
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", u).CombinedOutput()
		m := level.FindSubmatch(out)
		if err != nil || m == nil {
			t.Errorf("security %s: %v\n%s", u, err, out)
			continue
		}
		if exposure, err := strconv.ParseFloat(string(m[1]), 64); err != nil || exposure >= 2 {
			t.Errorf("%s leaves too much open: %s", filepath.Base(u), m[0])
		}
	}
}

// TestServicePrint: a unit alone is its bytes; what does not fit is said.
func TestServicePrint(t *testing.T) {
	t.Parallel()
	if got := (shell{}).run("service", "print", "mmpush.socket"); got.code != exitDone || got.stdout != mustRead(t, "systemd/mmpush.socket") {
		t.Errorf("%d %q", got.code, got.stdout)
	}
	if got := (shell{}).run("service", "print", "mmpush-gc.service", "--program", "/opt/mmpush"); !strings.Contains(got.stdout, "\nExecStart=/opt/mmpush gc\n") {
		t.Errorf("%q", got.stdout)
	}
	for _, args := range [][]string{{"x.service"}, {"--dir", "/nowhere/at/all"}, {"--program", "mmpush"}, {"--program", "/a b"}} {
		if got := (shell{}).run(append([]string{"service", "print"}, args...)...); got.code != exitUsage {
			t.Errorf("%q: exit %d %s", args, got.code, got.stderr)
		}
	}
}

// TestServeNotifies: who has started the server hears when it serves, that it lives, and
// when it stops.
func TestServeNotifies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	_ = manager.SetReadDeadline(time.Now().Add(time.Minute))
	hears := func() string {
		buf := make([]byte, 4096)
		n, err := manager.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	at := newRepo(t)
	s := startProcess(t, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=100000"}, "serve", "-R", at, "--http", "127.0.0.1:0")
	if got := hears(); got != "READY=1\nSTATUS=serving "+at {
		t.Errorf("%q", got)
	}
	if conn, err := net.Dial("tcp", s.addressOf(t, "showing the repository")); err != nil {
		t.Errorf("ready ahead of the listener: %v", err)
	} else {
		_ = conn.Close()
	}
	for range 2 {
		if got := hears(); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for got := hears(); got != "STOPPING=1"; got = hears() {
		if got != "WATCHDOG=1" {
			t.Fatalf("%q", got)
		}
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, s.stderr.String())
	}
}

// freePort is an address that nobody listens at just now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestSocketActivation: systemd's own program opens the sockets, and starts the server
// with them at the first connection; which is answered.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	program := programtest.Need(t, "systemd-socket-activate")
	at, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	uploads, readers := freePort(t), freePort(t)
	s := &serving{cmd: exec.Command(program, "--listen="+uploads, "--listen="+readers, "--fdname=tupkg:http",
		playAs(t, self), "serve", "-R", at, "--users", users)}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	until(t, "the sockets", func() bool { return strings.Count(s.stderr.String(), "Listening on") == 2 })
	conn, err := net.Dial("tcp", uploads)
	if err != nil {
		t.Fatal(err)
	}
	o := tupkg.UploadOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}}
	if r, err := tupkg.Upload(t.Context(), conn, wireFiles(t, "uploads/03-greet-0.9.0"), o); err != nil || !r.Pass() {
		t.Fatalf("%+v %v\n%s", r, err, s.stderr.String())
	}
	r, err := http.Get("http://" + readers + "/greet_0.9.0_amd64-debian.mpk")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil || string(body) != mustRead(t, filepath.Join(at, "greet_0.9.0_amd64-debian.mpk")) {
		t.Errorf("%d, %d bytes: %v", r.StatusCode, len(body), err)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}
