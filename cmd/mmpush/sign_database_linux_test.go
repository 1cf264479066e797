package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// keyring is a home of gpg with one secret key of these tests.
func keyring(t *testing.T) (home string, run func(args ...string) string) {
	t.Helper()
	programtest.Need(t, "gpg")
	// The name of gpg-agent's socket may not be long.
	home, err := os.MkdirTemp("/tmp", "mmpush-gpg-")
	if err != nil {
		t.Fatal(err)
	}
	run = func(args ...string) string {
		t.Helper()
		c := exec.Command(args[0], args[1:]...)
		c.Env = append(os.Environ(), "GNUPGHOME="+home)
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	t.Cleanup(func() {
		c := exec.Command("gpgconf", "--kill", "all")
		c.Env = append(os.Environ(), "GNUPGHOME="+home)
		_ = c.Run()
		_ = os.RemoveAll(home)
	})
	run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "Alice <alice@example.org>", "ed25519", "sign", "0")
	return home, run
}

// TestSignedDatabases: real pacman, told to refuse what is not signed, takes databases and
// packages that were signed by gpg, after each way of publishing, and refuses them when
// somebody has changed a byte.
func TestSignedDatabases(t *testing.T) {
	t.Parallel()
	pacman := programtest.Need(t, "pacman")
	home, run := keyring(t)
	repo, root := filepath.Join(t.TempDir(), "repo"), t.TempDir()
	packages := t.TempDir()
	for _, name := range []string{"alpha-1.0-1-any.pkg.tar.zst", "alpha-1.1-1-any.pkg.tar.zst", "delta-git-r12.gabc-1-any.pkg.tar.zst", "beta-2:1.0-1-any.pkg.tar.zst"} {
		text := mustRead(t, filepath.Join(pacmanPackages, strings.ReplaceAll(name, ":", "%3A")))
		at := filepath.Join(packages, name)
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		run("gpg", "--batch", "--detach-sign", at)
	}
	mmpush := func(code int, args ...string) outcome {
		t.Helper()
		got := shell{environ: append(os.Environ(), "GNUPGHOME="+home)}.run(args...)
		if got.code != code {
			t.Fatalf("%q exits %d\n%s", args, got.code, got.stderr)
		}
		return got
	}
	mmpush(exitDone, "init", repo, "--kind", "pacman", "--name", "demo")
	mmpush(exitDone, "gensync", repo, "--name", "demo", "--sign", "alice@example.org",
		"--add", filepath.Join(packages, "alpha-1.0-1-any.pkg.tar.zst"), "--add", filepath.Join(packages, "delta-git-r12.gabc-1-any.pkg.tar.zst"), "--add", filepath.Join(packages, "beta-2:1.0-1-any.pkg.tar.zst"))

	conf := filepath.Join(root, "conf")
	for _, dir := range []string{"root", "db", "cache"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// What pacman-key makes: a keyring of the old form, and who is trusted.
	trusted := filepath.Join(filepath.Dir(home), filepath.Base(home)+"-pacman")
	if err := errors.Join(os.Mkdir(trusted, 0o700), os.WriteFile(filepath.Join(trusted, "pubring.gpg"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(trusted) })
	public := filepath.Join(root, "public")
	run("gpg", "--batch", "--output", public, "--export")
	run("gpg", "--homedir", trusted, "--batch", "--quiet", "--import", public)
	owner := filepath.Join(root, "owner")
	if err := os.WriteFile(owner, []byte(run("gpg", "--export-ownertrust")), 0o600); err != nil {
		t.Fatal(err)
	}
	run("gpg", "--homedir", trusted, "--batch", "--quiet", "--import-ownertrust", owner)
	text := fmt.Sprintf("[options]\nArchitecture = x86_64\nRootDir = %[1]s/root\nDBPath = %[1]s/db\nCacheDir = %[1]s/cache\nLogFile = %[1]s/log\n"+
		"GPGDir = %[2]s\nSigLevel = Required DatabaseRequired\n[demo]\nServer = file://%[3]s\n", root, trusted, repo)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	client := func(args ...string) (string, error) {
		c := exec.Command(pacman, append([]string{"--config", conf, "--noconfirm"}, args...)...)
		c.Env = append(os.Environ(), "LC_ALL=C")
		if os.Geteuid() != 0 {
			c.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
			}
		}
		out, err := c.CombinedOutput()
		return string(out), err
	}
	want := func(text string, args ...string) {
		t.Helper()
		if out, err := client(args...); err != nil || !strings.Contains(out, text) {
			t.Errorf("pacman %q: %v\n%s", args, err, out)
		}
	}
	want("", "-Sy")
	want("demo alpha 1.0-1", "-Sl")
	want("", "-Fy")
	want("", "-S", "delta-git")

	// The setting signs whatever changes the repository; without either, nothing is published.
	newer := filepath.Join(packages, "alpha-1.1-1-any.pkg.tar.zst")
	if got := mmpush(exitUsage, "push", newer, "--to", repo); !strings.Contains(got.stderr, "nothing says with which key") {
		t.Error(got.stderr)
	}
	settings := filepath.Join(repo, ".mmpush/settings.yaml")
	if err := os.WriteFile(settings, []byte(mustRead(t, settings)+"sign: alice@example.org\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mmpush(exitDone, "push", newer, "--to", repo)
	want("", "-Sy")
	want("demo alpha 1.1-1", "-Sl")
	mmpush(exitDone, "undo", "-R", repo)
	want("", "-Sy")
	want("demo alpha 1.0-1", "-Sl")
	mmpush(exitDone, "fsck", "-R", repo, "--deep")
	out := filepath.Join(t.TempDir(), "out")
	mmpush(exitDone, "export", "-R", repo, out)
	run("gpg", "--batch", "--quiet", "--verify", filepath.Join(out, "demo.db.sig"), filepath.Join(out, "demo.db"))

	// A key that is not there is told by what gpg says, and changes nothing.
	got := mmpush(exitUsage, "gensync", repo, "--name", "demo", "--sign", "bob@example.org", "--remove", "alpha")
	if !strings.Contains(got.stderr, "gpg could not sign the database with the key bob@example.org") || !strings.Contains(got.stderr, "No secret key") {
		t.Error(got.stderr)
	}
	// The client does look.
	at := filepath.Join(repo, "demo.current", "demo.db.tar.gz")
	mmpush(exitDone, "gensync", repo, "--name", "demo", "--remove", "beta")
	data := []byte(mustRead(t, at))
	if err := os.WriteFile(at, slices.Concat(data, make([]byte, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := client("-Syy"); err == nil || !strings.Contains(out, "signature") {
		t.Errorf("pacman takes a database that was changed after it was signed: %v\n%s", err, out)
	}
}
