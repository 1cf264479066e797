//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/programtest"
)

// A signature that is committed beside the manifest counts, and one that is added later
// is reason enough to look at the upload again.
func TestSignatureByGit(t *testing.T) {
	t.Parallel()
	keygen := programtest.Need(t, "ssh-keygen")
	w := newGitWorld(t)
	key := filepath.Join(w.home, "key")
	w.run(keygen, "-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.stable, ".mmpush", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join(w.stable, ".mmpush", "settings.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	base, _, _ := strings.Cut(string(settings), "verifiers:")
	write("settings.yaml", base+"\nverifiers:\n    signature: {config: {ssh: [allowed]}}\n")
	write("allowed", "ann@example.net "+string(public))

	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	said, _ := w.push("HEAD:refs/heads/dist")
	says(t, said, "MP-UNSIGNED")
	if list := w.published(w.stable); strings.Contains(list, "foo") {
		t.Errorf("published without a signature:\n%s", list)
	}
	w.run(w.mmpush, "sign", "foo_1.0.0_amd64-debian.mmpack-manifest", "--key", key)
	w.commit()
	said, _ = w.push("HEAD:refs/heads/dist")
	says(t, said, "published foo 1.0.0")
	says(t, w.published(w.stable), "libfoo1")
}
