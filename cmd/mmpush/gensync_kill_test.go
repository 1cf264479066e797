//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestGensyncKilled kills a real process ahead of its calls of the file system, in an
// upgrade, a removal and an undo: the repository is the old one or the new one, and the
// next run needs no help.
func TestGensyncKilled(t *testing.T) {
	t.Parallel()
	step := 43
	if long() {
		step = 1
	}
	packages := func(name string) string { return filepath.Join(pacmanPackages, name) }
	gensync := func(args ...string) []string {
		return append([]string{"gensync", "REPO", "--name", "demo", "--lock-wait", "10s"}, args...)
	}
	older, newer := packages("alpha-1.0-1-any.pkg.tar.zst"), packages("alpha-1.1-1-any.pkg.tar.zst")
	for name, change := range map[string][]string{
		"upgrade": gensync("--add", newer, "--add", packages("gamma-0.9rc1-3-x86_64.pkg.tar.zst")),
		"remove":  gensync("--remove", "alpha"),
		"undo":    {"undo", "1", "-R", "REPO"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kills := 0
			for at := 1 + len(name); killGensync(t, gensync("--add", older), change, at); at += step {
				kills++
			}
			if t.Logf("%d kills", kills); kills*step < 60 {
				t.Errorf("only %d kills, every %d calls", kills, step)
			}
		})
	}
}

// killGensync kills one change of a repository with one package; false if it came to its
// end before.
func killGensync(t *testing.T, first, change []string, at int) (killed bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	in := func(args []string) []string {
		return strings.Split(strings.ReplaceAll(strings.Join(args, "\x00"), "REPO", dir), "\x00")
	}
	mustRun(t, "init", dir, "--kind", "pacman", "--name", "demo")
	mustRun(t, in(first)...)
	before := wholePacman(t, dir)
	cmd := exec.Command("mmpush-killed", in(change)...)
	cmd.Env = append(os.Environ(), fmt.Sprint(killAt, "=", at))
	out, err := cmd.CombinedOutput()
	exit, _ := errors.AsType[*exec.ExitError](err)
	killed = exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Fatalf("killed at %d: %v\n%s", at, err, out)
	}
	now := wholePacman(t, dir)
	mustRun(t, "gc", "-R", dir)
	recovered := wholePacman(t, dir)
	if now != before && recovered != now {
		t.Errorf("killed ahead of call %d: recovery makes\n%s\nof\n%s", at, recovered, now)
	}
	if recovered == before {
		mustRun(t, in(change)...)
	}
	if after := wholePacman(t, dir); after == before {
		t.Errorf("killed ahead of call %d: the next run has changed nothing", at)
	}
	mustRun(t, "fsck", "-R", dir, "--deep")
	return killed
}
