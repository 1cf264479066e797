//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// TestUsersAtOnce: edits by many processes at once lose nothing.
func TestUsersAtOnce(t *testing.T) {
	t.Parallel()
	const processes, threads = 8, 24
	users := filepath.Join(t.TempDir(), "users")
	var all sync.WaitGroup
	for i := range processes + threads {
		args := []string{"user", "add", fmt.Sprintf("user%d", i), "--no-password", "--users", users}
		all.Go(func() {
			if i < threads {
				if got := (shell{}).run(args...); got.code != exitDone {
					t.Errorf("exit %d\n%s", got.code, got.stderr)
				}
			} else if out, err := exec.Command("mmpush", args...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
	got := shell{}.run("user", "list", "--users", users)
	if n := strings.Count(got.stdout, "\n"); got.code != exitDone || n != processes+threads {
		t.Errorf("exit %d, %d users\n%s%s", got.code, n, got.stdout, got.stderr)
	}
	if list, err := os.ReadDir(filepath.Dir(users)); err != nil || len(list) != 1 {
		t.Errorf("%d files, %v", len(list), err)
	}
}

// TestUsersWhileServing: what `user` changes holds at the next login, without a
// restart.
func TestUsersWhileServing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repo, users, file := newRepo(t), filepath.Join(dir, "users"), filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte("0ne pass\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := func(args ...string) string {
		t.Helper()
		got := shell{}.run(append(append([]string{"user"}, args...), "--users", users)...)
		if got.code != exitDone {
			t.Fatalf("%q: exit %d\n%s", args, got.code, got.stderr)
		}
		return strings.TrimSpace(got.stdout)
	}
	user("add", "carol", "--password-file", file)
	s := startServing(t, repo, users)
	login := func(secret string, want bool, what string, inBand tupkg.Start) {
		t.Helper()
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Start: inBand, Credentials: tupkg.Credentials{User: "carol", Password: tupkg.Password(secret)}})
		if err == nil {
			_, err = c.Push(t.Context(), tupkg.Set{Files: wireFiles(t, "uploads/03-greet-0.9.0"), DryRun: true})
			_ = c.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v\n%s", what, err, s.stderr.String())
		}
	}
	v2 := tupkg.StartInBand
	login("0ne pass", false, "without rights", v2)
	user("rights", "carol", "--add", "greet")
	login("0ne pass", true, "with rights", v2)
	token := user("token", "carol", "--expires", "1h")
	login(token, true, "with a token", v2)
	user("passwd", "carol", "--no-password")
	login("0ne pass", false, "with the old password", v2)
	login(token, true, "the token stays", v2)
	user("rights", "carol", "--suspend")
	login(token, false, "suspended", v2)
	user("rights", "carol", "--readmit", "--protocol=2")
	login(token, true, "let in again", v2)
	user("token", "carol", "--revoke", strings.Split(token, "_")[1])
	login(token, false, "with a revoked token", v2)
	user("remove", "carol")
	login(token, false, "removed", v2)
	if log := s.stderr.String(); strings.Contains(log, token) || strings.Contains(log, "0ne pass") {
		t.Errorf("a secret is in the log:\n%s", log)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}

// TestUserTypesAPassword: a real terminal, asked twice, shows nothing of it.
func TestUserTypesAPassword(t *testing.T) {
	t.Parallel()
	script := programtest.Need(t, "script")
	users := filepath.Join(t.TempDir(), "users")
	run := func(args, typed string) (string, error) {
		cmd := exec.Command(script, "-qec", "mmpush user "+args+" --color=never --users "+users, os.DevNull)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out := &lockedBuffer{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(typed) {
			// Once the question is there, the echo is off.
			asked := strings.Count(out.String(), ": ") + 1
			until(t, "a question", func() bool { return strings.Count(out.String(), ": ") >= asked })
			if _, err := in.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		err = cmd.Wait()
		return out.String(), err
	}
	out, err := run("add dora --rights x", "hidden77\nhidden77\n")
	if err != nil || !strings.Contains(out, "added dora: password argon2id") || strings.Contains(out, "hidden77") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = run("passwd dora", "hidden77\nhidden78\n")
	if err == nil || !strings.Contains(out, "the two passwords differ") {
		t.Errorf("%v\n%s", err, out)
	}
}
