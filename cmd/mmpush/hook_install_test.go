package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestHookInstall: installing twice changes nothing, a hook that was there goes on
// running first, and comes back.
func TestHookInstall(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	hooks := filepath.Join(w.bare, "hooks")
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(hooks, name))
		if err != nil {
			return ""
		}
		return string(data)
	}
	if got := read("post-receive"); !strings.HasPrefix(got, "#!/bin/sh\n# mmpush hook: ") || !strings.Contains(got, "\nexec '") ||
		strings.Count(got, "\n") != 3 {
		t.Errorf("hook:\n%s", got)
	}
	if out := w.run(w.mmpush, "hook", "install", "--git-dir", w.bare); strings.Count(out, "is installed") != 2 {
		t.Errorf("installed twice:\n%s", out)
	}
	out := w.run(w.mmpush, "hook", "status", "--git-dir", w.bare)
	says(t, out, "post-receive: is installed", "refs/heads/dist, refs/tags/v* -> stable ("+w.stable+")", "refs/heads/testing/** -> testing",
		"who may push may publish")
	var doc hooksAnswer
	if err := json.Unmarshal([]byte(w.run(w.mmpush, "hook", "status", "--git-dir", w.bare, "--json")), &doc); err != nil || len(doc.Targets) != 2 {
		t.Errorf("%v: %+v", err, doc)
	}
	before := read("post-receive")
	says(t, w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare, "--dry-run"), "dry run, nothing was written")
	if read("post-receive") != before {
		t.Error("a dry run has taken a hook out")
	}
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	if read("post-receive")+read("pre-receive") != "" {
		t.Error("still there")
	}

	// A hook of somebody else's, as a link to elsewhere.
	old := w.script("old", "echo 'old says:' \"$(cat)\" \"$GIT_DIR\"; test ! -e "+w.home+"/no\n")
	for _, hook := range []string{"post-receive", "pre-receive"} {
		if err := os.Symlink(old, filepath.Join(hooks, hook)); err != nil {
			t.Fatal(err)
		}
	}
	says(t, w.run(w.mmpush, "hook", "install", "--git-dir", w.bare, "-n"), "post-receive: installed", "dry run, nothing was written")
	if strings.Contains(read("post-receive"), "mmpush hook") {
		t.Error("a dry run has installed a hook")
	}
	out = w.run(w.mmpush, "hook", "install", "--git-dir", w.bare)
	says(t, out, "post-receive: installed", "runs first: post-receive.before-mmpush")
	out = w.run(w.mmpush, "hook", "install", "--git-dir", w.bare)
	says(t, out, "post-receive: is installed", "runs first: post-receive.before-mmpush")
	w.made("foo", "1.0", "", ".")
	w.commit()
	push := func() (string, error) {
		return w.try(w.gitProgram, "push", "-q", w.bare, "HEAD:refs/heads/dist")
	}
	if err := os.WriteFile(filepath.Join(w.home, "no"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := push(); err == nil || w.ref("refs/heads/dist") != "" || strings.Count(out, "old says:") != 1 {
		t.Errorf("the old hook has no say: %v\n%s", err, out)
	}
	if err := os.Remove(filepath.Join(w.home, "no")); err != nil {
		t.Fatal(err)
	}
	out, err := push()
	if err != nil || strings.Count(out, "old says:") != 2 || !strings.Contains(out, "refs/heads/dist .") {
		t.Errorf("%v\n%s", err, out)
	}
	says(t, out, "success: published foo 1.0")
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	if link, err := os.Readlink(filepath.Join(hooks, "post-receive")); link != old {
		t.Errorf("not put back: %q, %v", link, err)
	}
}

// TestHookInstallFolders: gitolite's common folder, and the folders of hooks that
// Gitea and Forgejo have.
func TestHookInstallFolders(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	common := filepath.Join(w.home, "common")
	gitea := filepath.Join(w.home, "gitea")
	for _, dir := range []string{common, filepath.Join(gitea, "post-receive.d"), filepath.Join(gitea, "pre-receive.d")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, hook := range []string{"post-receive", "pre-receive"} {
		delegate := "#!/bin/sh\ndata=$(cat)\nfor hook in " + gitea + "/" + hook + ".d/*; do test -x \"$hook\" && { echo \"$data\" | \"$hook\" || exit 1; }; done\n"
		if err := os.WriteFile(filepath.Join(gitea, hook), []byte(delegate), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	for _, dir := range []string{common, gitea} {
		for range 2 {
			w.run(w.mmpush, "hook", "install", "--git-dir", w.bare, "--hooks-dir", dir)
		}
		w.git("--git-dir", w.bare, "config", "core.hooksPath", dir)
		says(t, w.run(w.mmpush, "hook", "status", "--git-dir", w.bare), "post-receive: is installed, "+dir)
		w.made("foo", "1.0", "", filepath.Base(dir))
		w.commit()
		said, ok := w.push("HEAD:refs/heads/dist")
		says(t, said, "foo 1.0")
		if !ok {
			t.Error("refused")
		}
	}
	names, err := filepath.Glob(filepath.Join(gitea, "*.d", "*"))
	if want := []string{gitea + "/post-receive.d/mmpush", gitea + "/pre-receive.d/mmpush"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	w.run(w.mmpush, "hook", "uninstall", "--git-dir", w.bare)
	if names, _ := filepath.Glob(filepath.Join(gitea, "*.d", "*")); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

// TestHookConfig: a configuration that cannot be meant refuses the push.
func TestHookConfig(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("foo", "1.0", "", ".")
	w.commit()
	for key, value := range map[string][2]string{
		"mmpush.stable.repositry":  {"/x", "did you mean repository?"},
		"mmpush.third.refs":        {"refs/heads/x", "mmpush.third.repository is missing"},
		"mmpush.stable.refs":       {"dist", `"dist" does not begin with refs/`},
		"mmpush.stable.verifiers":  {"nobody", "mmpush.stable.verifiers:"},
		"mmpush.detach":            {"soon", "is not true, false or a time"},
		"mmpush.stable.repository": {"/nowhere/at/all", "[MP-NOREPO]"},
		"mmpush.users":             {"/nowhere/users", "[MP-USERS]"},
	} {
		w.git("--git-dir", w.bare, "config", "--add", key, value[0])
		said, ok := w.push("HEAD:refs/heads/dist")
		if got := strings.Join(strings.Fields(said), " "); ok || !strings.Contains(got, value[1]) {
			t.Errorf("%s: %v\n%s", key, ok, said)
		}
		w.git("--git-dir", w.bare, "config", "--fixed-value", "--unset", key, value[0])
	}
	if said, ok := w.push("HEAD:refs/heads/dist"); !ok {
		t.Errorf("refused:\n%s", said)
	}
	for _, args := range [][]string{
		{"hook", "install", "--git-dir", w.bare, "-R", w.stable}, {"hook", "install", "--git-dir", w.bare, "-R", w.stable, "--refs", "dist"},
		{"hook", "install", "--git-dir", w.home}, {"hook", "post-receive", "--git-dir", w.home}, {"hook", "status", "--git-dir", "/nowhere"},
		{"hook", "install", "--git-dir", w.bare, "--hooks-dir", "/nowhere"}, {"hook"}, {"status"},
	} {
		if out, err := w.try(w.mmpush, args...); err == nil || !strings.Contains(err.Error(), "exit status 2") {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
}

// TestHookUnpublished: what could not be published is noted, and taken up by the next
// push or by --unpublished.
func TestHookUnpublished(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	w.made("foo", "1.0", "", ".")
	w.commit()
	// The machine fails: the repository is not there for a while.
	if err := os.Rename(w.stable, w.stable+".away"); err != nil {
		t.Fatal(err)
	}
	said, ok := w.push("HEAD:refs/heads/dist")
	says(t, said, "refs/heads/dist -> stable", "[MP-NOREPO]")
	if !ok {
		t.Error("git refused")
	}
	if err := os.Rename(w.stable+".away", w.stable); err != nil {
		t.Fatal(err)
	}
	says(t, w.run(w.mmpush, "hook", "status", "--git-dir", w.bare), "not published yet: refs/heads/dist")
	out := w.run(w.mmpush, "hook", "post-receive", "--unpublished", "--git-dir", w.bare)
	says(t, out, "success: published foo 1.0 as generation 1")
	if out := w.run(w.mmpush, "hook", "status", "--git-dir", w.bare); strings.Contains(out, "not published yet") {
		t.Errorf("still there:\n%s", out)
	}
}
