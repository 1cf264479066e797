//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// jobs are three parallel jobs, each with the packages of one architecture, and a set of
// three repositories that expects all of them.
type jobs struct {
	t     *testing.T
	dir   string
	archs []string
	// to is the target of the pushes.
	to string
}

func newJobs(t *testing.T) *jobs {
	t.Helper()
	j := &jobs{t, t.TempDir(), []string{"amd64-debian", "arm64-debian", "riscv64-debian"}, "all"}
	var repos []string
	for _, arch := range j.archs {
		mustRun(t, "init", j.repo(arch), "--arch", arch)
		repos = append(repos, arch+": "+j.repo(arch))
		j.build(arch, arch, func(text string) string { return text })
	}
	config := filepath.Join(j.dir, "xdg", "mmpush", "config.yaml")
	j.must(os.MkdirAll(filepath.Dir(config), 0o755))
	j.must(os.WriteFile(config, []byte("sets:\n    all:\n        repositories: {"+strings.Join(repos, ", ")+"}\n        expects: ["+
		strings.Join(j.archs, ", ")+"]\n"), 0o600))
	return j
}

func (j *jobs) must(err error) {
	j.t.Helper()
	if err != nil {
		j.t.Fatal(err)
	}
}

func (j *jobs) repo(arch string) string { return filepath.Join(j.dir, "repo-"+arch) }

// build makes the upload of a job. The packages are the same ones for all: a package
// does not say what architecture it is for.
func (j *jobs) build(name, arch string, change func(text string) string) {
	j.t.Helper()
	from := filepath.Join(corpus, "uploads/03-greet-0.9.0")
	to := filepath.Join(j.dir, name)
	j.must(os.CopyFS(to, os.DirFS(from)))
	manifest := filepath.Join(to, "greet_0.9.0_amd64-debian.mmpack-manifest")
	text, err := os.ReadFile(manifest)
	j.must(err)
	j.must(os.Remove(manifest))
	changed := change(strings.Replace(string(text), "  amd64-debian:", "  "+arch+":", 1))
	j.must(os.WriteFile(j.manifest(name, arch), []byte(changed), 0o644))
}

func (j *jobs) manifest(name, arch string) string {
	return filepath.Join(j.dir, name, "greet_0.9.0_"+arch+".mmpack-manifest")
}

// config is the variable that leads to the configuration.
func (j *jobs) config() string { return "XDG_CONFIG_HOME=" + filepath.Join(j.dir, "xdg") }

// command is a real process.
func (j *jobs) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), j.config(), "MMPUSH_PASSWORD="+servePassword)
	return cmd
}

// push runs one job; killed is ahead of which call to the file system it dies.
func (j *jobs) push(arch string, killed int, flags ...string) (code int, out string, dead bool) {
	j.t.Helper()
	program := "mmpush"
	if killed > 0 {
		program = "mmpush-killed"
	}
	cmd := j.command(program, append([]string{"push", j.manifest(arch, arch), "--to", j.to}, flags...)...)
	cmd.Env = append(cmd.Env, fmt.Sprint(killAt, "=", killed))
	text, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		j.t.Fatal(err)
	}
	if failed && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return 0, string(text), true
	}
	return cmd.ProcessState.ExitCode(), string(text), false
}

// public are the architectures that serve the source.
func (j *jobs) public() (list []string) {
	j.t.Helper()
	for _, arch := range j.archs {
		j.must(whole(j.repo(arch)))
		if o := (shell{}).run("list", "-R", j.repo(arch)); strings.Contains(o.stdout, "greet") {
			list = append(list, arch)
		}
	}
	return list
}

// end wants all of it to be public, and nothing to be left.
func (j *jobs) end(story string) {
	j.t.Helper()
	if got := j.public(); !slices.Equal(got, j.archs) {
		j.t.Errorf("%s: public are %q", story, got)
	}
	if out, err := j.command("mmpush", "status", "-R", "all").CombinedOutput(); err != nil || !bytes.Contains(out, []byte("nothing waits")) {
		j.t.Errorf("%s: status: %v %s", story, err, out)
	}
	for _, arch := range j.archs {
		mustRun(j.t, "gc", "-R", j.repo(arch))
		if o := (shell{}).run("fsck", "-R", j.repo(arch)); o.code != exitDone {
			j.t.Errorf("%s: fsck of %s: %s%s", story, arch, o.stdout, o.stderr)
		}
	}
}

// orders are all orders of a list.
func orders(list []string) [][]string {
	if len(list) < 2 {
		return [][]string{list}
	}
	var all [][]string
	for i, first := range list {
		for _, rest := range orders(slices.Delete(slices.Clone(list), i, i+1)) {
			all = append(all, append([]string{first}, rest...))
		}
	}
	return all
}

// TestJobsInEveryOrder: nothing is public before the last part, and then all is.
func TestJobsInEveryOrder(t *testing.T) {
	t.Parallel()
	for _, order := range orders(newJobs(t).archs) {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			t.Parallel()
			j := newJobs(t)
			for i, arch := range order {
				want := exitAccepted
				if i == len(order)-1 {
					want = exitDone
				}
				if code, out, _ := j.push(arch, 0); code != want {
					t.Fatalf("job %d, %s: exit %d, want %d\n%s", i+1, arch, code, want, out)
				}
				if got := j.public(); want == exitAccepted && len(got) > 0 {
					t.Fatalf("after job %d, public are %q", i+1, got)
				}
			}
			j.end("in order")
			if code, out, _ := j.push(order[0], 0); code != exitDone || !strings.Contains(out, "unchanged") {
				t.Errorf("a job that is run again afterwards: exit %d\n%s", code, out)
			}
		})
	}
}

// TestJobsAtOnce: three processes at once, which wait for each other.
func TestJobsAtOnce(t *testing.T) {
	rounds := 1
	if os.Getenv("MMPUSH_LONG") != "" {
		rounds = 20
	}
	t.Parallel()
	for range rounds {
		j := newJobs(t)
		done := make(chan string)
		for _, arch := range j.archs {
			go func() {
				code, out, _ := j.push(arch, 0, "--wait", "--wait-time=50s")
				if code == exitDone {
					out = ""
				}
				done <- out
			}()
		}
		for range j.archs {
			if out := <-done; out != "" {
				t.Errorf("a job failed:\n%s", out)
			}
		}
		j.end("at once")
	}
}

// TestJobKilled kills one of the jobs, the first, the middle or the last, and runs it
// again: before that all is public or nothing, whichever repository is opened first, and
// after it all.
func TestJobKilled(t *testing.T) {
	t.Parallel()
	for victim, step := range []int{97, 97, 251} {
		if os.Getenv("MMPUSH_LONG") != "" {
			step = 1
		}
		t.Run(fmt.Sprint("job ", victim+1), func(t *testing.T) {
			t.Parallel()
			kills := 0
			for at := 20 + 31*victim; ; at += step {
				j := newJobs(t)
				story := fmt.Sprintf("job %d killed ahead of call %d", victim+1, at)
				for _, arch := range j.archs[:victim] {
					if code, out, _ := j.push(arch, 0); code != exitAccepted {
						t.Fatalf("%s: exit %d\n%s", story, code, out)
					}
				}
				_, _, dead := j.push(j.archs[victim], at)
				if !dead {
					break
				}
				kills++
				first := j.repo(j.archs[at%3])
				mustRun(t, "recover", "-R", first)
				if got := j.public(); len(got) > 0 && !slices.Equal(got, j.archs) {
					t.Errorf("%s, %s opened first: public are %q", story, first, got)
				}
				for i, arch := range j.archs[victim:] {
					want := exitAccepted
					if victim+i == 2 {
						want = exitDone
					}
					if code, out, _ := j.push(arch, 0); code != want {
						t.Errorf("%s, then %s: exit %d, want %d\n%s", story, arch, code, want, out)
					}
				}
				j.end(story)
			}
			if t.Logf("%d kills", kills); kills < 2 {
				t.Errorf("only %d kills", kills)
			}
		})
	}
}

// TestJobWithAnotherTarball: it is told at once, with what to do; the others are not
// held up by it.
func TestJobWithAnotherTarball(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	other, err := os.ReadFile(filepath.Join(corpus, "uploads/08-greet-1.0.0/greet_1.0.0_src.tar.xz"))
	j.must(err)
	sum := sha256.Sum256(other)
	mine, err := os.ReadFile(filepath.Join(j.dir, j.archs[0], "greet_0.9.0_src.tar.xz"))
	j.must(err)
	was := sha256.Sum256(mine)
	const arch = "arm64-debian"
	j.build("other", arch, func(text string) string {
		text = strings.Replace(text, hex.EncodeToString(was[:]), hex.EncodeToString(sum[:]), 1)
		return strings.Replace(text, fmt.Sprintf("size: %d\n", len(mine)), fmt.Sprintf("size: %d\n", len(other)), 1)
	})
	j.must(os.WriteFile(filepath.Join(j.dir, "other", "greet_0.9.0_src.tar.xz"), other, 0o644))
	if code, out, _ := j.push(j.archs[0], 0); code != exitAccepted {
		t.Fatalf("exit %d\n%s", code, out)
	}
	out, _ := j.command("mmpush", "push", j.manifest("other", arch), "--to", "all").CombinedOutput()
	for _, want := range []string{"MP-PARTS", hex.EncodeToString(was[:])[:12], "make the source tarball once", "mmpush abort"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in what it says:\n%s", want, out)
		}
	}
	if got := j.public(); len(got) > 0 {
		t.Errorf("public are %q", got)
	}
	for i, arch := range j.archs[1:] {
		if code, out, _ := j.push(arch, 0); code != []int{exitAccepted, exitDone}[i] {
			t.Errorf("%s: exit %d\n%s", arch, code, out)
		}
	}
	j.end("beside another tarball")
}

// TestJobsAtAServer: the same by way of a server of the set. A part that is pushed again
// sends nothing, and counts against the quota.
func TestJobsAtAServer(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	users := filepath.Join(j.dir, "users")
	writeUsers(t, users, "first")
	start := func(flags ...string) *serving {
		args := []string{"serve", "-R", "all", "--listen", "127.0.0.1:0", "--users", users, "--drain-time=50ms"}
		s := startProcess(t, []string{j.config()}, append(args, flags...)...)
		s.listening(t)
		j.to = "tupkg://first@" + s.addr
		return s
	}
	s := start("--user-bytes=5000")
	for range 2 {
		code, out, _ := j.push(j.archs[2], 0)
		if code != exitAccepted || !strings.Contains(out, "waits in the set all until") {
			t.Fatalf("exit %d\n%s", code, out)
		}
	}
	if code, out, _ := j.push(j.archs[0], 0); code != exitBusy || !strings.Contains(out, "your quota of 5000 bytes is used up") {
		t.Errorf("beyond the quota: exit %d\n%s", code, out)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	s = start()
	if out, _ := j.command("mmpush", "status").CombinedOutput(); !bytes.Contains(out, []byte("from first by tupkg")) {
		t.Errorf("status: %s", out)
	}
	if got := j.public(); len(got) > 0 {
		t.Errorf("public are %q", got)
	}
	done := make(chan string)
	for _, arch := range j.archs[:2] {
		go func() {
			code, out, _ := j.push(arch, 0, "--wait", "--wait-time=50s")
			if code == exitDone {
				out = ""
			}
			done <- out
		}()
	}
	for range 2 {
		if out := <-done; out != "" {
			t.Errorf("a job failed:\n%s", out)
		}
	}
	j.end("at a server")
	s.stop(t, syscall.SIGTERM, exitDone)
	if strings.Contains(s.stderr.String(), "level=ERROR") {
		t.Error(s.stderr.String())
	}
}

// TestJobBySSH: a part that comes by ssh waits for those that come by a folder.
func TestJobBySSH(t *testing.T) {
	t.Parallel()
	j := newJobs(t)
	ssh := filepath.Join(j.dir, "ssh.sh")
	j.must(os.WriteFile(ssh, []byte("exec mmpush receive all --as ci --log "+filepath.Join(j.dir, "log")+"\n"), 0o600))
	j.to = "ssh://host/all"
	if code, out, _ := j.push(j.archs[1], 0, "--ssh-command", "sh "+ssh); code != exitAccepted || !strings.Contains(out, "waits in the set all") {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if out, _ := j.command("mmpush", "status").CombinedOutput(); !bytes.Contains(out, []byte("from ci by ssh")) {
		t.Errorf("status: %s", out)
	}
	j.to = "all"
	for i, arch := range []string{j.archs[2], j.archs[0]} {
		if code, out, _ := j.push(arch, 0); code != []int{exitAccepted, exitDone}[i] {
			t.Errorf("%s: exit %d\n%s", arch, code, out)
		}
	}
	j.end("one by ssh")
}
