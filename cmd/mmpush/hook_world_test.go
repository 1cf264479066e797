package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// gitWorld is a bare repository with the hooks, a clone of it, and the repositories
// stable and testing that it publishes in. Everything is run by the real git.
type gitWorld struct {
	t                          *testing.T
	home, bare, clone          string
	stable, testing            string
	env                        []string
	mmpush, remote, gitProgram string
}

func newGitWorld(t *testing.T, install ...string) *gitWorld {
	t.Helper()
	root := t.TempDir()
	w := &gitWorld{
		t: t, home: filepath.Join(root, "home"), bare: filepath.Join(root, "srv", "dist.git"), clone: filepath.Join(root, "clone"),
		stable: filepath.Join(root, "srv", "stable"), testing: filepath.Join(root, "srv", "testing"),
		gitProgram: programtest.Need(t, "git"), mmpush: programtest.Need(t, "mmpush"),
	}
	for _, dir := range []string{w.home, filepath.Dir(w.bare), w.clone} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := "[user]\nname = Ann\nemail = ann@example.net\n[init]\ndefaultBranch = dist\n[protocol \"file\"]\nallow = always\n[gc]\nauto = 0\n[core]\nfsync = none\n[advice]\npushUpdateRejected = false\n"
	if err := os.WriteFile(filepath.Join(w.home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(gitpush.CleanEnv(os.Environ()), "HOME="+w.home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "XDG_CONFIG_HOME="+w.home)
	w.remote = w.bare
	w.git("init", "-q", "--bare", w.bare)
	w.git("--git-dir", w.bare, "config", "receive.denyDeleteCurrent", "ignore")
	w.git("init", "-q", w.clone)
	for _, at := range []string{w.stable, w.testing} {
		w.run(w.mmpush, "init", at, "--arch", "amd64-debian")
	}
	w.install(install...)
	return w
}

// install puts the hooks in, with two targets.
func (w *gitWorld) install(flags ...string) {
	w.t.Helper()
	w.run(w.mmpush, append([]string{"hook", "install", "--git-dir", w.bare, "-R", w.stable, "--refs", "refs/heads/dist", "--refs", "refs/tags/v*"}, flags...)...)
	w.run(w.mmpush, append([]string{"hook", "install", "--git-dir", w.bare, "-R", w.testing, "--refs", "refs/heads/testing/**"}, flags...)...)
}

// try runs a program in the clone and returns what it prints.
func (w *gitWorld) try(program string, args ...string) (string, error) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), program, args...)
	cmd.Dir, cmd.Env = w.clone, w.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (w *gitWorld) run(program string, args ...string) string {
	w.t.Helper()
	out, err := w.try(program, args...)
	if err != nil {
		w.t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, out)
	}
	return out
}

func (w *gitWorld) git(args ...string) string {
	w.t.Helper()
	return w.run(w.gitProgram, args...)
}

// push pushes refs and returns what the hooks say, without git's own lines; ok is
// whether git took the push.
func (w *gitWorld) push(args ...string) (said string, ok bool) {
	w.t.Helper()
	out, err := w.try(w.gitProgram, append([]string{"push", "-q", w.remote}, args...)...)
	var lines []string
	for line := range strings.Lines(out) {
		if text, found := strings.CutPrefix(line, "remote: "); found {
			lines = append(lines, strings.TrimRight(text, " \n"))
		}
	}
	w.checkForm(lines)
	return strings.Join(lines, "\n"), err == nil
}

// checkForm is the form of every answer.
func (w *gitWorld) checkForm(lines []string) {
	w.t.Helper()
	for _, line := range lines {
		word, _, _ := strings.Cut(strings.TrimLeft(line, " "), ":")
		if len(line) > gitpush.Width || strings.Trim(line, "\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29\x2a\x2b\x2c\x2d\x2e\x2f0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
			w.t.Errorf("not 72 columns of ASCII: %q", line)
		}
		if !strings.HasPrefix(line, "       ") && !slices.Contains([]string{"mmpush", "error", "warning", "hint", "success"}, word) {
			w.t.Errorf("a line with no known word: %q", line)
		}
	}
	if len(lines) > 22 {
		w.t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
}

// genuine copies a genuine upload into a folder of the clone.
func (w *gitWorld) genuine(upload, dir string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.clone, dir), 0o755); err != nil {
		w.t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(corpus, upload, "*"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("%s: %v", upload, err)
	}
	for _, from := range files {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(w.clone, dir, filepath.Base(from)), data, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// made writes an upload of one small package.
func (w *gitWorld) made(name, version, salt, dir string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.clone, dir), 0o755); err != nil {
		w.t.Fatal(err)
	}
	mpktest.Upload{Name: name, Version: version, Salt: salt}.In(w.t, filepath.Join(w.clone, dir))
}

// commit commits everything in the clone.
func (w *gitWorld) commit() {
	w.t.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", "build")
}

// published lists a repository, a line for each package.
func (w *gitWorld) published(at string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.mmpush, "list", "-R", at)
	cmd.Env = w.env
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return string(out)
}

// ref is where a ref of the bare repository stands; empty if it is not there.
func (w *gitWorld) ref(name string) string {
	w.t.Helper()
	out, _ := w.try(w.gitProgram, "--git-dir", w.bare, "rev-parse", "--verify", "-q", name)
	return strings.TrimSpace(out)
}

// says checks that all of the words are in a text.
func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("nothing of %q in:\n%s", word, text)
		}
	}
}

// generation is the newest one of a repository.
func (w *gitWorld) generation(at string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(at, ".mmpush", "history"))
	if err != nil {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(bytes.Count(data, []byte("\n")))
}
