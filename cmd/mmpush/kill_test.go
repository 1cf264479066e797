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
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/vfs"
)

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
