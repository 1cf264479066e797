//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// TestServeGensync: what users send is published in the pacman repository at once, under
// their names; what is refused there is told and stays, and what waits at the start comes
// first.
func TestServeGensync(t *testing.T) {
	t.Parallel()
	repo, users, pacman := newRepo(t), filepath.Join(t.TempDir(), "users"), filepath.Join(t.TempDir(), "pacman")
	writeUsers(t, users, "first")
	if got := (shell{}).run("init", pacman, "--kind", "pacman", "--name", "demo"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	text := func(name string) string {
		if name == "omega-1-1-any.pkg.tar.gz.sig" {
			name = "gamma-0.9rc1-3-x86_64.pkg.tar.zst.sig"
		}
		return mustRead(t, filepath.Join(pacmanPackages, name))
	}
	const waiting, older, newer = "zlibish-1.2.3-1-any.pkg.tar.gz", "alpha-1.0-1-any.pkg.tar.zst", "alpha-1.1-1-any.pkg.tar.zst"
	const gamma = "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	mine := filepath.Join(repo, ".mmpush/incoming/first")
	if err := os.MkdirAll(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(mine, waiting), []byte(text(waiting)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, repo, users, "--gensync", "demo="+pacman)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	told := func(name string, code report.Code, want string) {
		t.Helper()
		r, err := c.Push(t.Context(), tupkg.Set{Files: []tupkg.File{wireFile(name, text(name))}})
		if err != nil || !r.Pass() {
			t.Fatalf("%+v %v\n%s", r, err, s.stderr.String())
		}
		if !slices.ContainsFunc(r.Report.Findings, func(f report.Finding) bool {
			return f.Code == code && strings.Contains(f.Message, want) && !strings.Contains(f.File, "/")
		}) {
			t.Errorf("%s: %v\n%s", name, r.Report.Findings, s.stderr.String())
		}
	}
	told(newer, report.CodePacman, "added in demo.db as generation 2")
	// A signature that comes after its package joins it.
	told(gamma, report.CodePacman, "added in demo.db as generation 3")
	told(gamma+".sig", report.CodePacman, "in demo.db as generation 4")
	if got := mustRead(t, filepath.Join(pacman, gamma+".sig")); got != text(gamma+".sig") {
		t.Error("the signature has not joined its package")
	}
	told("omega-1-1-any.pkg.tar.gz.sig", report.CodePacman, "the signature waits for its package")
	told(older, report.CodeDowngrade, "a newer version is published; it is left where it is")
	if left, err := os.ReadDir(mine); err != nil || len(left) != 2 || left[0].Name() != older || left[1].Name() != "omega-1-1-any.pkg.tar.gz.sig" {
		t.Errorf("%v %v", left, err)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	got := (shell{}).run("who", "-R", pacman, "alpha", "zlibish")
	if got.code != exitDone || strings.Count(strings.Join(strings.Fields(got.stdout), " "), ": first, ") != 2 {
		t.Errorf("%d %s %s", got.code, got.stdout, got.stderr)
	}
	for _, bad := range []string{"demo", "demo=", "=" + pacman, "other=" + pacman, "demo=" + repo} {
		if got := (shell{}).run("serve", "-R", repo, "--listen", "127.0.0.1:0", "--users", users, "--gensync", bad); got.code != exitUsage {
			t.Errorf("%s: %d %s", bad, got.code, got.stderr)
		}
	}
}
