package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
)

// TestHookSet: branches of several builders publish in a set, together or not at all.
func TestHookSet(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	arm := filepath.Join(filepath.Dir(w.stable), "arm")
	w.run(w.mmpush, "init", arm, "--arch", "arm64-debian")
	config := filepath.Join(w.home, "mmpush", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "sets:\n    all: {repositories: {amd64-debian: " + w.stable + ", arm64-debian: " + arm + "}, expects: [amd64-debian, arm64-debian]}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.git("--git-dir", w.bare, "config", "mmpush.both.set", "all")
	w.git("--git-dir", w.bare, "config", "mmpush.both.refs", "refs/heads/built/*")
	says(t, w.run(w.mmpush, "hook", "status", "--git-dir", w.bare), "refs/heads/built/* -> both (all)")
	build := func(arch, salt string) {
		w.git("checkout", "-q", "--orphan", "built/"+arch)
		w.git("rm", "-rfq", "--ignore-unmatch", ".")
		// The tarball is the same for all: its bytes hang on the salt alone.
		mpktest.Upload{Arch: arch, Salt: salt}.In(t, w.clone)
		w.commit()
	}
	build("amd64-debian", "one")
	said, ok := w.push("HEAD:refs/heads/built/amd64-debian")
	says(t, said, "mmpush: refs/heads/built/amd64-debian -> both\n", "(1 package, amd64-debian, arm64-debian)", "success: accepted foo 1.0.0 waits in the set all", "arm64-debian")
	if !ok || w.published(w.stable) != "" {
		t.Errorf("it is public already:\n%s", w.published(w.stable))
	}
	build("other", "two")
	w.git("mv", "foo_1.0.0_other.mmpack-manifest", "again_1.0.0_other.mmpack-manifest")
	w.git("branch", "-m", "built/other")
	w.commit()
	said, _ = w.push("HEAD:refs/heads/built/other")
	says(t, said, "MP-ARCH")
	build("arm64-debian", "one")
	said, _ = w.push("HEAD:refs/heads/built/arm64-debian")
	says(t, said, "success: published foo 1.0.0 in amd64-debian (generation 1)")
	for _, at := range []string{w.stable, arm} {
		says(t, w.published(at), "foo")
	}
	w.git("--git-dir", w.bare, "config", "mmpush.both.set", "none")
	build("last", "one")
	said, _ = w.push("HEAD:refs/heads/built/last")
	says(t, said, "there is no set")
}
