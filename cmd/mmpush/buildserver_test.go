//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// buildServer works as the public build server of mmpack does: it keeps one process
// for each architecture's repository, and publishes a build in all of them or in none.
type buildServer struct {
	t     *testing.T
	archs []string
	repos map[string]string
	pipes []*pipe
}

func startBuildServer(t *testing.T, archs ...string) *buildServer {
	t.Helper()
	s := &buildServer{t: t, archs: archs, repos: map[string]string{}}
	for _, arch := range archs {
		at := filepath.Join(t.TempDir(), "repositories", arch)
		s.repos[arch] = at
		s.pipes = append(s.pipes, startPipe(t, modifyrepoName, "--path="+at, "--arch="+arch, "batch", "--initial-change=false"))
	}
	// Once they answer, the repositories are there.
	s.all("BEGIN_CHANGES")
	s.all("ROLLBACK_CHANGES")
	return s
}

// build makes the merged manifest of all architectures and their packages, in a
// folder of its own.
func (s *buildServer) build(project string, round int) (manifest string) {
	s.t.Helper()
	dir := s.t.TempDir()
	u := mpktest.Upload{Name: project, Version: fmt.Sprintf("1.%d.0", round)}
	for _, arch := range s.archs {
		u.Packages = append(u.Packages, mpktest.Package{Name: project, Arch: arch}, mpktest.Package{Name: project + "-devel", Arch: arch})
	}
	merged := filepath.Join(dir, u.Name+"_"+u.Version+".mmpack-manifest")
	if err := os.Rename(u.In(s.t, dir), merged); err != nil {
		s.t.Fatal(err)
	}
	return merged
}

// all says one command to each process and wants OK of each.
func (s *buildServer) all(command string) {
	s.t.Helper()
	for _, p := range s.pipes {
		p.ask(command, "OK")
	}
}

// served is what each repository publishes: the bytes of its indexes.
func (s *buildServer) served() string {
	var all bytes.Buffer
	for _, arch := range s.archs {
		for _, name := range []string{"binary-index.gz", "source-index"} {
			all.WriteString(mustRead(s.t, filepath.Join(s.repos[arch], name)))
		}
	}
	return all.String()
}

// judge wants that version, or that it is not there, in all repositories.
func (s *buildServer) judge(project string, round int, there bool) {
	s.t.Helper()
	for _, arch := range s.archs {
		got := versionsOf(s.t, s.repos[arch])
		for _, name := range []string{project, project + "-devel"} {
			if got[fmt.Sprintf("%s 1.%d.0", name, round)] != there {
				s.t.Errorf("round %d, %s: %s is there: %t\n%v", round, arch, name, !there, got)
			}
		}
		if err := whole(s.repos[arch]); err != nil {
			s.t.Errorf("round %d, %s: %v", round, arch, err)
		}
		if n := stages(s.repos[arch]); n > 0 {
			s.t.Errorf("round %d, %s: %d stages are left", round, arch, n)
		}
	}
}

// TestBuildServer plays many rounds: builds that are published, builds that are rolled
// back, builds of which one architecture fails, and somebody else who publishes
// meanwhile.
func TestBuildServer(t *testing.T) {
	t.Parallel()
	rounds := 12
	if long() {
		rounds = 120
	}
	s := startBuildServer(t, "amd64-debian", "amd64-windows")
	count := map[string]int{}
	for round := range rounds {
		project := fmt.Sprintf("project%d", round%3)
		kind := []string{"published", "rolled back", "one fails", "somebody waits"}[round%4]
		count[kind]++
		switch kind {
		case "published":
			s.publish(project, round)
		case "rolled back":
			s.rollBack(project, round)
		case "one fails":
			s.oneFails(project, round)
		case "somebody waits":
			s.somebodyWaits(project, round)
		}
	}
	for _, p := range s.pipes {
		p.end()
	}
	t.Logf("%d rounds: %v", rounds, count)
}

func (s *buildServer) publish(project string, round int) {
	before := s.served()
	manifest := s.build(project, round)
	s.all("BEGIN_CHANGES")
	s.all("ADD " + manifest)
	if s.served() != before {
		s.t.Errorf("round %d: published before COMMIT_CHANGES", round)
	}
	// The server deletes a build's folder when it likes.
	if err := os.RemoveAll(filepath.Dir(manifest)); err != nil {
		s.t.Fatal(err)
	}
	s.all("COMMIT_CHANGES")
	s.judge(project, round, true)
}

func (s *buildServer) rollBack(project string, round int) {
	before := s.served()
	s.all("BEGIN_CHANGES")
	s.all("ADD " + s.build(project, round))
	s.all("ROLLBACK_CHANGES")
	s.judge(project, round, false)
	if s.served() != before {
		s.t.Errorf("round %d: a rollback changed the indexes", round)
	}
}

// oneFails: the package of the last architecture is not there. Nothing of the build
// is published; a COMMIT_CHANGES that came all the same would publish nothing of it.
func (s *buildServer) oneFails(project string, round int) {
	before := s.served()
	manifest := s.build(project, round)
	last := len(s.archs) - 1
	gone := filepath.Join(filepath.Dir(manifest), fmt.Sprintf("%s-devel_1.%d.0_%s.mpk", project, round, s.archs[last]))
	if err := os.Remove(gone); err != nil {
		s.t.Fatal(err)
	}
	s.all("BEGIN_CHANGES")
	s.pipes[0].ask("ADD "+manifest, "OK")
	s.pipes[last].ask("ADD "+manifest, "FAIL adding manifest failed: ")
	s.pipes[0].ask("ROLLBACK_CHANGES", "OK")
	s.pipes[last].ask([]string{"ROLLBACK_CHANGES", "COMMIT_CHANGES"}[round/4%2], "OK")
	s.judge(project, round, false)
	if s.served() != before {
		s.t.Errorf("round %d: half of a build changed the indexes", round)
	}
}

// somebodyWaits: another program publishes in one of the repositories while a change
// is open there.
func (s *buildServer) somebodyWaits(project string, round int) {
	at := s.repos[s.archs[0]]
	s.all("BEGIN_CHANGES")
	other := mpktest.Upload{Name: "other", Version: fmt.Sprintf("1.%d", round)}.In(s.t, s.t.TempDir())
	cmd := exec.Command("mmpush", "push", other, "--to", at, "--lock-wait", "10m")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, "the other program's stage", func() bool { return stages(at) == 2 })
	s.all("ADD " + s.build(project, round))
	published := fmt.Sprintf("other 1.%d", round)
	if versionsOf(s.t, at)[published] {
		s.t.Errorf("round %d: somebody else published in an open change", round)
	}
	s.all("COMMIT_CHANGES")
	if err := cmd.Wait(); err != nil {
		s.t.Fatalf("round %d: %v\n%s", round, err, out.String())
	}
	s.judge(project, round, true)
	if !versionsOf(s.t, at)[published] {
		s.t.Errorf("round %d: %s is lost", round, published)
	}
}
