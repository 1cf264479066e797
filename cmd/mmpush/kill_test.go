//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/vfs"
)

// killAt is the variable that tells mmpush-killed ahead of which call it dies.
const killAt = "MMPUSH_TEST_KILL_AT"

// playKilled runs the program and kills the process, with nothing left to run in it,
// ahead of one of its calls to the file system.
func playKilled() {
	at, err := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	if err != nil {
		panic(err)
	}
	var calls atomic.Int64
	e := processEnv()
	e.WrapFS = func(fsys vfs.FS) vfs.FS {
		return vfs.Observe(fsys, func(vfs.Op) error {
			if calls.Add(1) == at {
				return syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return nil
		})
	}
	os.Exit(interruptible(e))
}

// peakFile is the variable that tells mmpush-measured where to leave its peak of
// memory.
const peakFile = "MMPUSH_TEST_PEAK_FILE"

// playMeasured runs the program and tells the most memory that it ever had.
func playMeasured() {
	code := interruptible(processEnv())
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if err := os.WriteFile(os.Getenv(peakFile), []byte(strings.TrimSpace(kb)), 0o600); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(code)
}

// TestKillOfARealProcess kills a real process ahead of each of its calls to the file
// system, until there are no more, and wants the repository whole, the next push
// unaided, and its result the same.
func TestKillOfARealProcess(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		before []string
		push   string
		flags  []string
	}{
		{"new version", []string{"uploads/03-greet-0.9.0"}, "uploads/08-greet-1.0.0", nil},
		{"rebuild", []string{"uploads/06-foo-1.1.0"}, "uploads/07-foo-1.1.0-rebuild", []string{"--rebuild"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			template := filepath.Join(t.TempDir(), "repo")
			for _, b := range tt.before {
				mustRun(t, "push", manifestOf(t, b), "--to", template, "--init", "--arch", "amd64-debian")
			}
			push := append([]string{"push", manifestOf(t, tt.push)}, tt.flags...)
			kills := 0
			for at := 1; killOnce(t, template, push, at); at++ {
				kills = at
			}
			if t.Logf("%d kills", kills); kills < 50 {
				t.Errorf("only %d calls could be killed", kills)
			}
		})
	}
}

// killOnce kills one push into a copy of the template; false if it ended by itself.
func killOnce(t *testing.T, template string, push []string, at int) bool {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	push = append(push, "--to", dir)
	cmd := exec.Command("mmpush-killed", push...)
	cmd.Env = append(os.Environ(), fmt.Sprint(killAt, "=", at))
	out, err := cmd.CombinedOutput()
	exit, _ := errors.AsType[*exec.ExitError](err)
	killed := exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		t.Fatalf("killed at %d: %v\n%s", at, err, out)
	}
	if err := whole(dir); err != nil {
		t.Errorf("killed ahead of call %d, as it is served: %v", at, err)
	}
	mustRun(t, push...)
	if err := whole(dir); err != nil {
		t.Errorf("killed ahead of call %d, after the next push: %v", at, err)
	}
	again := shell{}.run(push...)
	if again.code != exitDone || !strings.Contains(again.stdout, "unchanged") {
		t.Errorf("killed ahead of call %d, the push after the next: exit %d\n%s%s", at, again.code, again.stdout, again.stderr)
	}
	return killed
}

func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if o := (shell{}).run(args...); o.code != exitDone {
		t.Fatalf("mmpush %q: exit %d\n%s%s", args, o.code, o.stdout, o.stderr)
	}
}

// whole reads what is published as a client does: indexes first, then each file.
func whole(dir string) error {
	fsys, err := vfs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	view, err := index.Open(fsys)
	if err != nil {
		return err
	}
	for b, err := range view.All() {
		if err == nil {
			err = hasHash(filepath.Join(dir, b.Filename), b.SHA256)
		}
		if err != nil {
			return err
		}
	}
	sources, err := view.Sources(index.Selector{})
	for _, s := range sources {
		err = errors.Join(err, hasHash(filepath.Join(dir, s.Filename), s.SHA256))
	}
	return err
}

func hasHash(name, want string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s has the hash %s, the index says %s", name, got, want)
	}
	return nil
}
