//go:build unix

package main

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// remote is a repository behind a real sshd.
type remote struct {
	*sshtest.Server
	repo string
	// program is the mmpush that the other side runs.
	program string
}

func newRemote(t *testing.T) *remote {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &remote{Server: sshtest.Start(t, ""), repo: newRepo(t), program: playAs(t, self)}
}

// shell is the environment of somebody who can log in there.
func (r *remote) shell() shell {
	return shell{vars: map[string]string{"MMPUSH_SSH_COMMAND": ssh.QuoteAll(r.Words...), "MMPUSH_REMOTE": r.program}}
}

func (r *remote) push(s shell, manifest, path string, args ...string) outcome {
	return s.run(append([]string{"push", manifest, "--to", r.URL("ssh", (&url.URL{Path: path}).EscapedPath())}, args...)...)
}

// force lets the key do nothing but push here.
func (r *remote) force(t *testing.T, args ...string) {
	t.Helper()
	got := exec.Command(r.program, append([]string{"receive", "--authorized-keys-line", r.KeyFile("client")}, args...)...)
	line, err := got.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, line)
	}
	// The test binary plays mmpush by the name of a link to it.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(line), self) {
		t.Fatalf("%s", line)
	}
	r.AuthorizeLine(t, strings.Replace(strings.TrimSpace(string(line)), self, r.program, 1))
}

// TestConformanceSSH: push by ssh keeps what every transport promises.
func TestConformanceSSH(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	transporttest.Suite(t, func(t *testing.T) transporttest.Ground {
		r := &remote{Server: sshtest.Start(t, ""), repo: t.TempDir(), program: playAs(t, self)}
		folder, err := vfs.OpenDir(r.repo)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { folder.Close() })
		if _, _, err := repo.Init(t.Context(), folder, r.repo, pipeline.Mmpack{}, repo.InitOptions{Arch: transporttest.Arch}); err != nil {
			t.Fatal(err)
		}
		way := func(t *testing.T, o transport.Options) transport.Transport {
			u, err := url.Parse(r.URL("ssh", r.repo))
			if err != nil {
				t.Fatal(err)
			}
			target, err := ssh.ParseTarget(u)
			if err != nil {
				t.Fatal(err)
			}
			return &ssh.Transport{
				Dialer: ssh.Dialer{Command: ssh.Command{Words: r.Words}, Target: target}, Remote: r.program, Name: u.String(), Options: o,
				Patience: tupkg.Patience{First: 10 * time.Millisecond, Longest: 100 * time.Millisecond, For: time.Minute},
			}
		}
		return transporttest.Ground{
			Repo: folder, New: way, Chunk: 3 << 20,
			Cut: func(t *testing.T, o transport.Options, after int64) (transport.Transport, func() int64) {
				r.CutAfter.Store(after + 1)
				before := r.Received.Load()
				return way(t, o), func() int64 { return r.Received.Load() - before }
			},
		}
	})
}

// TestPushSSH: what a user does and sees.
func TestPushSSH(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	if got := r.push(r.shell(), m, r.repo); got.code != exitDone || !strings.Contains(got.stdout, "published foo 1.0.0 as generation 1") {
		t.Fatalf("exit %d\n%s%s%s", got.code, got.stdout, got.stderr, r.Log())
	}
	if got := r.push(r.shell(), m, r.repo); got.code != exitDone || !strings.Contains(got.stdout, "unchanged") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	odd := filepath.Join(t.TempDir(), `it's "odd" $(id); \ repo`)
	mustRun(t, "init", odd, "--arch", "amd64-debian")
	if got := r.push(r.shell(), m, odd); got.code != exitDone || !strings.Contains(got.stdout, "published") {
		t.Errorf("%s: exit %d\n%s%s", odd, got.code, got.stdout, got.stderr)
	}
}

// TestPushSSHRefused: each way to fail has its exit code, and its cause.
func TestPushSSHRefused(t *testing.T) {
	t.Parallel()
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	for _, tt := range []struct {
		name  string
		wrong func(t *testing.T, r *remote, s *shell)
		path  string
		args  []string
		code  int
		says  string
	}{
		{name: "wrong key", wrong: func(t *testing.T, r *remote, _ *shell) { r.Authorize(t, "stranger", "") }, code: exitDenied, says: "Permission denied"},
		{name: "changed host key", wrong: func(t *testing.T, r *remote, _ *shell) { r.Trust(t, "other-host") }, code: exitDenied, says: "REMOTE HOST IDENTIFICATION HAS CHANGED"},
		{name: "nobody there", wrong: func(_ *testing.T, r *remote, _ *shell) { r.Port = 1 }, code: exitTransport, says: "Connection refused"},
		{name: "no mmpush there", wrong: func(_ *testing.T, _ *remote, s *shell) { s.vars["MMPUSH_REMOTE"] = "no-such-mmpush" }, code: exitUsage, says: "install mmpush"},
		{name: "no repository", path: "/no/such/repository", code: exitRejected, says: "no such folder"},
		{name: "no path", path: "/", code: exitRejected, says: "which repository"},
		{name: "odd command", wrong: func(_ *testing.T, _ *remote, s *shell) { s.vars["MMPUSH_SSH_COMMAND"] = "ssh 'x" }, code: exitUsage, says: "not closed"},
		{name: "init", args: []string{"--init", "--arch", "amd64-debian"}, code: exitUsage, says: "own machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRemote(t)
			s := r.shell()
			if tt.wrong != nil {
				tt.wrong(t, r, &s)
			}
			if tt.path == "" {
				tt.path = r.repo
			}
			got := r.push(s, m, tt.path, tt.args...)
			if got.code != tt.code || !strings.Contains(got.stderr, tt.says) {
				t.Errorf("exit %d, want %d\n%s%s", got.code, tt.code, got.stdout, got.stderr)
			}
		})
	}
}

// TestForcedCommand: a key that can publish in one repository and do nothing else.
func TestForcedCommand(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	log := filepath.Join(t.TempDir(), "log")
	r.force(t, "--as", "builder", "--log", log, r.repo)
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	for _, path := range []string{"/", r.repo, r.repo + "/."} {
		if got := r.push(r.shell(), m, path); got.code != exitDone {
			t.Errorf("%s: exit %d\n%s%s", path, got.code, got.stdout, got.stderr)
		}
	}
	if history := mustRead(t, filepath.Join(r.repo, ".mmpush/history")); !strings.Contains(history, `"builder"`) || !strings.Contains(history, `"ssh"`) {
		t.Errorf("history: %s", history)
	}
	if !strings.Contains(mustRead(t, log), "user=builder") {
		t.Errorf("log: %s", mustRead(t, log))
	}
	other := newRepo(t)
	if got := r.push(r.shell(), m, other); got.code != exitDenied || !strings.Contains(got.stderr, "another repository") {
		t.Errorf("another repository: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

// TestHostileCommands: what a client asks for in place of a push is never run.
func TestHostileCommands(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	r.force(t, "--as", "builder", r.repo)
	proof := filepath.Join(t.TempDir(), "proof")
	for _, command := range []string{
		"touch " + proof, "sh -c 'touch " + proof + "'", r.program + " receive " + r.repo + "; touch " + proof,
		r.program + " receive $(touch " + proof + ")", "mmpush receive `touch " + proof + "`", "scp -t " + proof, "/usr/lib/openssh/sftp-server",
		"mmpush receive --as root " + r.repo, "mmpush receive --log " + proof, "mmpush receive\n touch " + proof, "()  { :; }; touch " + proof,
	} {
		args := append(append([]string{}, r.Words[1:]...), "-p", portText(r.Port), "--", r.User+"@"+r.Host, command)
		cmd := exec.CommandContext(t.Context(), r.Words[0], args...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != exitDenied {
			t.Errorf("%q: %v\n%s", command, err, out)
		}
		if _, err := os.Lstat(proof); err == nil {
			t.Fatalf("%q was run", command)
		}
	}
	for _, args := range [][]string{{"-tt"}, {"-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		words := append(append(append([]string{}, r.Words[1:]...), args...), "-p", portText(r.Port), "--", r.User+"@"+r.Host)
		cmd := exec.CommandContext(ctx, r.Words[0], words...)
		if out, err := cmd.CombinedOutput(); err == nil && args[0] == "-N" {
			t.Errorf("%q: %s", args, out)
		}
		cancel()
	}
}

// TestSSHAndServe: several sessions and a running server publish in one repository.
func TestSSHAndServe(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	users := filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "builder")
	s := startServing(t, r.repo, users)
	r.force(t, "--as", "builder", "--users", users, r.repo)
	var all sync.WaitGroup
	names := []string{"aa", "bb", "cc", "dd"}
	for _, name := range names {
		m := mpktest.Upload{Name: name, Packages: []mpktest.Package{{Name: name, Payload: 1 << 20}}}.In(t, t.TempDir())
		all.Go(func() {
			if got := r.push(r.shell(), m, r.repo); got.code != exitDone {
				t.Errorf("%s: exit %d\n%s%s", name, got.code, got.stdout, got.stderr)
			}
		})
	}
	all.Wait()
	s.stop(t, 15, exitDone)
	list := (shell{}).run("list", "-R", r.repo)
	for _, name := range names {
		if !strings.Contains(list.stdout, name) {
			t.Errorf("%s is not there\n%s", name, list.stdout)
		}
	}
	writeUsers(t, users, "somebody-else")
	m := manifestOf(t, "uploads/01-foo-1.0.0")
	if got := r.push(r.shell(), m, r.repo); got.code != exitDenied || strings.Contains(got.stdout, "published") {
		t.Errorf("without an account: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}

func portText(port int) string { return strconv.Itoa(port) }
