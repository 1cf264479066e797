//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/repo"
)

// long says whether the long tier was asked for.
func long() bool { return os.Getenv("MMPUSH_LONG") != "" }

// tinyUploads makes uploads of one small package each.
func tinyUploads(t *testing.T, prefix string, n int) []string {
	t.Helper()
	dir := t.TempDir()
	var manifests []string
	for i := range n {
		manifests = append(manifests, mpktest.Upload{Name: fmt.Sprintf("%s-%d", prefix, i)}.In(t, dir))
	}
	return manifests
}

// TestManyProcesses publishes from many processes at once into one repository:
// everything is there at the end.
func TestManyProcesses(t *testing.T) {
	t.Parallel()
	processes, each := 8, 5
	if long() {
		processes, each = 64, 20
	}
	at := newRepo(t)
	var cmds []*exec.Cmd
	for i := range processes {
		uploads := tinyUploads(t, fmt.Sprintf("p%d", i), each)
		args := append([]string{"push", "--to", at, "--lock-wait", "30m"}, uploads...)
		cmds = append(cmds, exec.Command("mmpush", args...))
	}
	start := time.Now()
	var all sync.WaitGroup
	for i, cmd := range cmds {
		all.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	got := versionsOf(t, at)
	for i := range processes {
		for j := range each {
			if name := fmt.Sprintf("p%d-%d 1.0.0", i, j); !got[name] {
				t.Errorf("%s is lost", name)
			}
		}
	}
	if n := strings.Count(mustRead(t, filepath.Join(at, repo.HistoryFile)), "\n"); n != processes*each {
		t.Errorf("%d generations, want %d", n, processes*each)
	}
	if err := whole(at); err != nil {
		t.Error(err)
	}
	mustBeAtRest(t, at)
	t.Logf("%d processes x %d publishes: %d of %d there, %v, %v each", processes, each, len(got), processes*each,
		took.Round(time.Millisecond), (took / time.Duration(processes*each)).Round(time.Microsecond))
}

// TestRaceForAVersion: two processes publish one name and version with other bytes
// at once; one wins, the other is told that it is a conflict.
func TestRaceForAVersion(t *testing.T) {
	t.Parallel()
	rounds := 10
	if long() {
		rounds = 100
	}
	at := newRepo(t)
	wins := map[string]int{}
	for i := range rounds {
		winner := raceOnce(t, at, fmt.Sprintf("race-%d", i))
		wins[winner]++
	}
	if err := whole(at); err != nil {
		t.Error(err)
	}
	if got := versionsOf(t, at); len(got) != rounds {
		t.Errorf("%d packages, want %d", len(got), rounds)
	}
	t.Logf("%d races: one winner and one conflict (exit %d) each; won by %v", rounds, exitConflict, wins)
}

// raceOnce lets both come to the lock before either gets it.
func raceOnce(t *testing.T, at, name string) (winner string) {
	t.Helper()
	release := holdLock(t, at)
	salts := []string{"left", "right"}
	cmds, hashes := map[string]*exec.Cmd{}, map[string]string{}
	for _, salt := range salts {
		u := mpktest.Upload{Name: name, Salt: salt}
		hashes[salt] = u.Build().Packages[0].File.SHA256
		cmds[salt] = exec.Command("mmpush", "push", u.In(t, t.TempDir()), "--to", at, "--lock-wait", "10m")
		if err := cmds[salt].Start(); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "two stages", func() bool { return stages(at) == 2 })
	release()
	codes := map[int]string{}
	for _, salt := range salts {
		_ = cmds[salt].Wait() // the exit code says it all
		codes[cmds[salt].ProcessState.ExitCode()] = salt
	}
	winner, won := codes[exitDone]
	if _, told := codes[exitConflict]; !won || !told {
		t.Fatalf("%s: exit codes %v", name, codes)
	}
	if err := hasHash(filepath.Join(at, name+"_1.0.0_amd64-debian.mpk"), hashes[winner]); err != nil {
		t.Errorf("%s: %s won: %v", name, winner, err)
	}
	return winner
}
