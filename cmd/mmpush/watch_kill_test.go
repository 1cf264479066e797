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
	"time"

	"github.com/mmpush/mmpush/core/watch"
)

// TestWatchKilled kills a real watcher ahead of one call after the other, while it
// publishes one upload and refuses another; the next one finishes: published once,
// refused once, nothing lost.
func TestWatchKilled(t *testing.T) {
	t.Parallel()
	step := 9
	if long() {
		step = 1
	}
	template := newRepo(t, "uploads/02-weather-data-2024.01")
	kills := 0
	for at := 1; killWatch(t, template, at); at += step {
		kills++
	}
	if t.Logf("%d kills", kills); kills < 150/step {
		t.Errorf("only %d kills", kills)
	}
}

// killWatch kills one watcher; false if it came to its end before.
func killWatch(t *testing.T, template string, at int) (killed bool) {
	t.Helper()
	d := &dropFolder{T: t, at: t.TempDir(), repo: filepath.Join(t.TempDir(), "repo")}
	if err := os.CopyFS(d.repo, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	good, bad := filesOf(t, "uploads/03-greet-0.9.0"), filesOf(t, "uploads-bad/wrong-sha-mpk")
	for _, f := range append(good[:len(good):len(good)], bad...) {
		d.append(filepath.Base(f), []byte(mustRead(t, f)))
		// As cp -p leaves it.
		if err := os.Chtimes(filepath.Join(d.at, filepath.Base(f)), time.Time{}, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	killed = d.killedAt(at)
	if err := whole(d.repo); err != nil {
		t.Errorf("killed ahead of call %d, as it is served: %v", at, err)
	}
	d.start("--settle=20ms")
	d.becomes(bad[0], "rejected")
	d.published("greet 0.9.0", 2)
	until(t, "an end", d.idle)
	d.stop(syscall.SIGTERM, exitDone)
	if v := d.verdict(good[0]); v.Result != "published" && v.Result != "unchanged" {
		t.Errorf("killed ahead of call %d: told %+v", at, v)
	}
	folders, err := filepath.Glob(filepath.Join(d.at, watch.RejectedDir, "*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("killed ahead of call %d: refused %q (%v)\n%s", at, folders, err, d.process.stderr.String())
	}
	for _, f := range bad {
		if mustRead(t, filepath.Join(folders[0], filepath.Base(f))) != mustRead(t, f) {
			t.Errorf("killed ahead of call %d: %s is lost", at, f)
		}
	}
	return killed
}

// killedAt runs a watcher that dies ahead of a call; false if everything was done
// before that.
func (d *dropFolder) killedAt(at int) bool {
	d.Helper()
	cmd := exec.Command("mmpush-killed", "watch", d.at, "-R", d.repo, "--settle=20ms")
	var stderr strings.Builder
	cmd.Env, cmd.Stderr = append(os.Environ(), fmt.Sprint(killAt, "=", at)), &stderr
	if err := cmd.Start(); err != nil {
		d.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	until(d.T, "a kill, or an empty folder", func() bool {
		select {
		case err = <-ended:
			return true
		default:
		}
		if !d.idle() || len(d.files()) > 0 {
			return false
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		err = <-ended
		return true
	})
	exit, _ := errors.AsType[*exec.ExitError](err)
	killed := exit != nil && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if err != nil && !killed {
		d.Fatalf("killed at %d: %v\n%s", at, err, stderr.String())
	}
	return killed
}
