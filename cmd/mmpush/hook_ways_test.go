package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// TestGitPushSSH: the same over a real sshd, and what it says who pushes.
func TestGitPushSSH(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	// The server starts with its own environment: git gets that of the tests.
	words := []string{"env"}
	for _, v := range w.env {
		words = append(words, quote(v))
	}
	server := sshtest.Start(t, `command="`+strings.ReplaceAll(strings.Join(words, " "), `"`, `\"`)+` MMPUSH_USER=ann git shell -c \"$SSH_ORIGINAL_COMMAND\""`)
	w.env = append(w.env, "GIT_SSH_COMMAND="+strings.Join(server.Words, " "))
	w.remote = server.URL("ssh", w.bare)
	w.git("--git-dir", w.bare, "config", "mmpush.identity", "env:MMPUSH_USER")
	w.users(t, "ann", "foo:*:publish")

	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	said, ok := w.push("HEAD:refs/heads/dist")
	says(t, said, "refs/heads/dist -> stable", "success: published foo 1.0.0 as generation 1")
	if !ok {
		t.Fatal("refused")
	}
	if g := w.history(w.stable); !strings.Contains(g, `"who":"ann"`) || !strings.Contains(g, `"transport":"git"`) {
		t.Errorf("history: %s", g)
	}
	// What ann has no right over is refused before anything is read.
	w.genuine("uploads/03-greet-0.9.0", "greet")
	w.commit()
	said, ok = w.push("HEAD:refs/heads/dist")
	says(t, said, "error: greet: ann may not publish the source greet", "[MP-RIGHTS]")
	if ok {
		t.Error("taken")
	}
	// A rebuild needs a right that follows from what is published.
	w.git("reset", "-q", "--hard", "HEAD~1")
	w.genuine("uploads/06-foo-1.1.0", ".")
	w.commit()
	if said, ok = w.push("HEAD:refs/heads/dist"); !ok {
		t.Errorf("refused:\n%s", said)
	}
	w.genuine("uploads/07-foo-1.1.0-rebuild", ".")
	w.commit()
	said, ok = w.push("-o", "mmpush.rebuild", "HEAD:refs/heads/dist")
	says(t, said, "ann may not rebuild the source foo", "[MP-RIGHTS]")
	if ok {
		t.Error("taken")
	}
}

// users writes a users file with one user and makes it the bare repository's.
func (w *gitWorld) users(t *testing.T, name string, rights ...string) {
	t.Helper()
	line := name + ":-"
	for _, r := range rights {
		line += " rights=" + r
	}
	file := filepath.Join(w.home, "users")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git("--git-dir", w.bare, "config", "mmpush.users", file)
}

// history is the last line of a repository's history.
func (w *gitWorld) history(at string) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(at, ".mmpush", "history*"))
	if err != nil || len(found) == 0 {
		w.t.Fatalf("no history: %v", err)
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		w.t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

// TestGitPushIdentity: nobody gets in whom nobody knows.
func TestGitPushIdentity(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.users(t, "ann", "*")
	w.made("foo", "1.0", "", ".")
	w.commit()
	for identity, want := range map[string]string{
		"env:MMPUSH_USER": "the variable MMPUSH_USER, which names the pusher, is not set",
		"certificate":     "the push is not signed",
		"login":           "has no account that may publish",
		"guess":           `mmpush.identity: "guess" is not login, certificate or env:NAME`,
		"env:GIT_AUTHOR":  "is not login, certificate or env:NAME",
	} {
		w.git("--git-dir", w.bare, "config", "mmpush.identity", identity)
		said, ok := w.push("HEAD:refs/heads/dist")
		if got := strings.Join(strings.Fields(said), " "); ok || !strings.Contains(got, want) {
			t.Errorf("%s: %v\n%s", identity, ok, said)
		}
	}
	if w.published(w.stable) != "" {
		t.Error("published")
	}
}

// TestGitPushSigned: a push certificate, signed with ssh-keygen and checked by git,
// says who pushes.
func TestGitPushSigned(t *testing.T) {
	t.Parallel()
	keygen := programtest.Need(t, "ssh-keygen")
	w := newGitWorld(t)
	w.users(t, "ann", "*")
	for _, name := range []string{"ann", "eve"} {
		w.run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(w.home, name))
	}
	public, err := os.ReadFile(filepath.Join(w.home, "ann.pub"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := filepath.Join(w.home, "allowed")
	if err := os.WriteFile(allowed, []byte("someone@example.net "+string(public)), 0o600); err != nil {
		t.Fatal(err)
	}
	print := strings.Fields(w.run(keygen, "-l", "-f", filepath.Join(w.home, "ann.pub")))[1]
	for key, value := range map[string]string{
		"receive.certNonceSeed": "seed", "gpg.format": "ssh", "gpg.ssh.allowedSignersFile": allowed,
		"mmpush.identity": "certificate", "mmpush.signer": print + " ann",
	} {
		w.git("--git-dir", w.bare, "config", key, value)
	}
	w.git("config", "gpg.format", "ssh")
	w.made("foo", "1.0", "", ".")
	w.commit()
	sign := func(key string) {
		w.git("config", "user.signingKey", filepath.Join(w.home, key))
	}
	sign("eve")
	said, ok := w.push("--signed=true", "HEAD:refs/heads/dist")
	says(t, said, "[MP-PUSHER]")
	if ok {
		t.Error("eve's push is taken")
	}
	sign("ann")
	said, ok = w.push("--signed=true", "HEAD:refs/heads/dist")
	says(t, said, "success: published foo 1.0")
	if !ok || !strings.Contains(w.history(w.stable), `"who":"ann"`) {
		t.Errorf("%v:\n%s", ok, said)
	}
	w.git("--git-dir", w.bare, "config", "--unset", "mmpush.signer")
	w.made("foo", "1.1", "", ".")
	w.commit()
	said, ok = w.push("--signed=true", "HEAD:refs/heads/dist")
	says(t, said, "nobody has the key")
	if ok {
		t.Error("a key of nobody's is taken")
	}
}

// TestGitPushLFS: the packages are Git LFS objects; one that the server does not have
// is a finding.
func TestGitPushLFS(t *testing.T) {
	t.Parallel()
	programtest.Need(t, "git-lfs")
	w := newGitWorld(t)
	w.env = append(w.env, "PATH="+os.Getenv("PATH"))
	w.git("lfs", "install", "--local")
	w.git("lfs", "track", "*.mpk", "*.tar.xz")
	w.git("remote", "add", "origin", "file://"+w.bare)
	w.remote = "origin"
	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	if blob := w.git("cat-file", "blob", "HEAD:libfoo1_1.0.0_amd64-debian.mpk"); !strings.HasPrefix(blob, "version https://git-lfs") {
		t.Fatalf("not a pointer: %.100q", blob)
	}
	said, ok := w.push("HEAD:refs/heads/dist")
	says(t, said, "success: published foo 1.0.0 as generation 1")
	if !ok {
		t.Fatalf("refused:\n%s", said)
	}
	says(t, w.published(w.stable), "libfoo1")
	// The objects do not come.
	w.genuine("uploads/06-foo-1.1.0", ".")
	w.commit()
	said, ok = w.push("--no-verify", "HEAD:refs/heads/dist")
	says(t, said, "the file is a Git LFS pointer, but its", "[MP-LFS]", "hint: git lfs push --all REMOTE")
	if ok || strings.Contains(w.published(w.stable), "1.1.0") {
		t.Error("taken")
	}
	w.git("lfs", "push", "--all", "origin")
	if said, ok = w.push("HEAD:refs/heads/dist"); !ok {
		t.Errorf("refused:\n%s", said)
	}
}

// script writes a program.
func (w *gitWorld) script(name, text string) string {
	w.t.Helper()
	at := filepath.Join(w.home, name)
	if err := os.WriteFile(at, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		w.t.Fatal(err)
	}
	return at
}

// TestGitPushBuild: what a push brings is built, and what the build leaves published.
func TestGitPushBuild(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	out := filepath.Join(w.home, "built")
	w.made("tool", "2.0", "", "../home/built")
	set := func(key, value string) { w.git("--git-dir", w.bare, "config", "mmpush.testing."+key, value) }
	set("build", w.script("build", "env | grep ^GIT_ && exit 9\ncat message; ls -a; test \"$MMPUSH_REF\" = refs/heads/testing/a || exit 8\n"+
		"case $(cat message) in\nfail*) echo 'cc: 1 error' >&2; exit 3;;\nloop*) sleep 60 & sleep 60;;\nloud*) yes;;\nnone*) exit 0;;\nesac\n"+
		"mkdir \"$1/sub\" && cp \"$2\"/* \"$1/sub\"\n")+" {out} "+out)
	push := func(message string) string {
		if err := os.WriteFile(filepath.Join(w.clone, "message"), []byte(message), 0o600); err != nil {
			t.Fatal(err)
		}
		w.commit()
		said, ok := w.push("HEAD:refs/heads/testing/a")
		if !ok {
			t.Error("git refused")
		}
		return said
	}
	said := push("fail now")
	says(t, said, "refs/heads/testing/a -> testing", "(build of ", "error: the build ended with exit status 3 [MP-BUILD]",
		"mmpush: | cc: 1 error", "the whole log is in the bare repository:", "/build-1.log")
	set("buildLog", "100000")
	says(t, push("loud"), "error: the build printed more than 100000 bytes and was stopped")
	set("buildTime", "300ms")
	says(t, push("loop"), "error: the build took longer than 300ms and was stopped")
	set("buildTime", "1m")
	says(t, push("none"), "the build left no manifest")
	says(t, push("good"), "success: published tool 2.0 as generation 1")
	left, err := filepath.Glob(filepath.Join(w.bare, "mmpush", "work", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			t.Errorf("a checkout is left: %s", name)
		}
	}
	set("build", filepath.Join(w.home, "not-there"))
	says(t, push("again"), "no such file")
}
