package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGitPushPacman: packages of pacman's in the tree of a pushed branch are published in
// a repository of theirs: what has changed, all or none, signatures included.
func TestGitPushPacman(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	arch := filepath.Join(filepath.Dir(w.bare), "arch")
	w.run(w.mmpush, "init", arch, "--kind", "pacman", "--name", "demo")
	w.run(w.mmpush, "hook", "install", "--git-dir", w.bare, "-R", arch, "--refs", "refs/heads/arch")
	bring := func(names ...string) {
		t.Helper()
		for _, name := range names {
			text := mustRead(t, filepath.Join(pacmanPackages, name))
			if err := os.MkdirAll(filepath.Join(w.clone, "out"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(w.clone, "out", name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		w.commit()
	}
	const gamma = "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	bring("alpha-1.1-1-any.pkg.tar.zst", gamma)
	said, ok := w.push("HEAD:refs/heads/arch")
	says(t, said, "refs/heads/arch -> arch (2 packages, any)", "success: published 2 packages as generation 1")
	if !ok {
		t.Fatal("refused")
	}
	says(t, w.published(arch), "alpha", "gamma")

	// Only what has changed; a signature joins its package.
	if said, ok := w.push("HEAD:refs/heads/arch"); said != "" || !ok {
		t.Errorf("%v:\n%s", ok, said)
	}
	bring(gamma + ".sig")
	said, ok = w.push("HEAD:refs/heads/arch")
	says(t, said, "(1 package, any)", "success: published 1 package as generation 2")
	if !ok || mustRead(t, filepath.Join(arch, gamma+".sig")) != mustRead(t, filepath.Join(pacmanPackages, gamma+".sig")) {
		t.Error("the signature has not come")
	}

	// Refused by pre-receive: no ref moves, and nothing is published.
	before := w.ref("refs/heads/arch")
	bring("alpha-1.0-1-any.pkg.tar.zst", "zlibish-1.2.3-1-any.pkg.tar.gz")
	said, ok = w.push("HEAD:refs/heads/arch")
	says(t, said, "MP-DOWNGRADE")
	if ok || w.ref("refs/heads/arch") != before || strings.Contains(w.published(arch), "zlibish") {
		t.Errorf("%v:\n%s", ok, said)
	}
	// A repository of mmpack's has no use for them, and says nothing.
	if said, ok := w.push("HEAD:refs/heads/dist"); !ok || said != "" || w.published(w.stable) != "" {
		t.Errorf("%v:\n%s", ok, said)
	}
	if out := w.run(w.mmpush, "who", "-R", arch, "alpha"); !strings.Contains(out, "git") {
		t.Error(out)
	}
}
