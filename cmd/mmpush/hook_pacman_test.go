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

// TestGitPushBuildsPacman: packages of pacman's that a build leaves are published, all or
// none.
func TestGitPushBuildsPacman(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	arch := filepath.Join(filepath.Dir(w.bare), "arch")
	packages, err := filepath.Abs(pacmanPackages)
	if err != nil {
		t.Fatal(err)
	}
	w.run(w.mmpush, "init", arch, "--kind", "pacman", "--name", "demo")
	w.git("--git-dir", w.bare, "config", "mmpush.testing.repository", arch)
	w.git("--git-dir", w.bare, "config", "mmpush.testing.build",
		w.script("build", "mkdir \"$1/sub\" && touch \"$1/x.mmpack-manifest\" && for f in $(cat list); do cp \"$2/$f\" \"$1/sub\"; done\n")+" {out} "+packages)
	push := func(list string) string {
		if err := os.WriteFile(filepath.Join(w.clone, "list"), []byte(list), 0o600); err != nil {
			t.Fatal(err)
		}
		w.commit()
		said, ok := w.push("HEAD:refs/heads/testing/a")
		if !ok {
			t.Error("git refused")
		}
		return said
	}
	const alpha, gamma = "alpha-1.1-1-any.pkg.tar.zst", "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	says(t, push(alpha+" "+gamma+" "+gamma+".sig"), "refs/heads/testing/a -> testing", "(build of ", "success: published 2 packages as generation 1")
	if mustRead(t, filepath.Join(arch, gamma+".sig")) != mustRead(t, filepath.Join(packages, gamma+".sig")) {
		t.Error("the signature has not come")
	}
	says(t, push("alpha-1.0-1-any.pkg.tar.zst zlibish-1.2.3-1-any.pkg.tar.gz"), "MP-DOWNGRADE")
	says(t, push(""), "the build left no packages", "MP-BUILD")
	if said := wholePacman(t, arch); said != alpha+"\n"+gamma+"\n" {
		t.Errorf("published is\n%s", said)
	}
}
