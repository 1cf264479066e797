package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGitPush is the life of a branch: published, unchanged, a new version, a deleted
// ref, and the same again.
func TestGitPush(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	said, ok := w.push("HEAD:refs/heads/dist")
	if !ok {
		t.Fatalf("refused:\n%s", said)
	}
	want := "mmpush: refs/heads/dist -> stable (4 packages, amd64-debian)\n" +
		"success: published foo 1.0.0 as generation 1: 4 binary packages, 1\n" +
		"       source, 9.6 KiB"
	if said != want {
		t.Errorf("said:\n%s\nwant:\n%s", said, want)
	}
	says(t, w.published(w.stable), "libfoo1", "foo-devel")

	t.Run("nothing new", func(t *testing.T) {
		if said, ok := w.push("HEAD:refs/heads/dist"); said != "" || !ok {
			t.Errorf("%v:\n%s", ok, said)
		}
		w.commit() // an empty commit
		if said, ok := w.push("HEAD:refs/heads/dist"); said != "" || !ok {
			t.Errorf("%v:\n%s", ok, said)
		}
		if err := os.WriteFile(filepath.Join(w.clone, "README"), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.commit()
		if said, ok := w.push("HEAD:refs/heads/dist", "HEAD:refs/heads/elsewhere"); said != "" || !ok {
			t.Errorf("%v:\n%s", ok, said)
		}
	})
	t.Run("only what changed", func(t *testing.T) {
		w.genuine("uploads/03-greet-0.9.0", "sub/folder")
		w.commit()
		said, ok := w.push("HEAD:refs/heads/dist")
		says(t, said, "success: published greet 0.9.0 as generation 2")
		if !ok || strings.Contains(said, "foo") {
			t.Errorf("%v:\n%s", ok, said)
		}
	})
	t.Run("tag and deleted ref", func(t *testing.T) {
		w.git("tag", "-a", "-m", "release", "v1")
		said, ok := w.push("v1")
		says(t, said, "refs/tags/v1 -> stable", "success: unchanged foo 1.0.0", "success: unchanged greet 0.9.0")
		if !ok {
			t.Error("refused")
		}
		if said, ok := w.push(":refs/heads/dist"); said != "" || !ok || w.ref("refs/heads/dist") != "" {
			t.Errorf("%v:\n%s", ok, said)
		}
		said, ok = w.push("HEAD:refs/heads/dist")
		says(t, said, "success: unchanged foo 1.0.0")
		if !ok || w.generation(w.stable) != "2" {
			t.Errorf("%v, generation %s", ok, w.generation(w.stable))
		}
	})
}

// TestGitPushRefused: pre-receive refuses what would not be published, and nothing has
// happened.
func TestGitPushRefused(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.genuine("uploads-bad/wrong-size", ".")
	w.commit()
	said, ok := w.push("HEAD:refs/heads/dist")
	says(t, said, "mmpush: refs/heads/dist -> stable", "error: ", "[MP-SIZE]", "hint: mmpush explain MP-SIZE")
	if ok || w.ref("refs/heads/dist") != "" || w.published(w.stable) != "" {
		t.Errorf("taken: %v, %q, %q", ok, w.ref("refs/heads/dist"), w.published(w.stable))
	}
	// One bad ref refuses all, and the good one is told so.
	w.git("checkout", "-q", "--orphan", "other")
	w.git("rm", "-rfq", ".")
	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	said, ok = w.push("dist:refs/heads/dist", "other:refs/heads/testing/x")
	says(t, said, "refs/heads/dist -> stable", "git takes all refs of a push or none")
	if ok || strings.Contains(said, "success") || w.published(w.testing) != "" {
		t.Errorf("%v:\n%s", ok, said)
	}
}

// TestGitPushSeveral: without pre-receive each ref has its own verdict, and what was
// refused is taken up again once it is mended.
func TestGitPushSeveral(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t, "--no-pre-receive")
	w.genuine("uploads-bad/wrong-sha-mpk", "bad")
	w.commit()
	w.git("branch", "bad")
	w.git("rm", "-rfq", "bad")
	w.genuine("uploads/01-foo-1.0.0", ".")
	w.commit()
	said, ok := w.push("HEAD:refs/heads/dist", "bad:refs/heads/testing/bad", "HEAD:refs/heads/testing/good")
	says(t, said, "refs/heads/dist -> stable (4 packages", "refs/heads/testing/bad -> testing", "refs/heads/testing/good -> testing",
		"[MP-SIZE]", "the ref has moved, but nothing of this is", "success: published foo 1.0.0 as generation 1")
	if !ok {
		t.Error("git refused")
	}
	// The next push to the ref says it again, even if it changes something else.
	w.git("checkout", "-q", "bad")
	w.made("tool", "1.0", "", "tool")
	w.commit()
	said, _ = w.push("HEAD:refs/heads/testing/bad")
	says(t, said, "[MP-SIZE]", "success: published tool 1.0")
	w.git("rm", "-rfq", "bad")
	w.commit()
	said, _ = w.push("HEAD:refs/heads/testing/bad")
	says(t, said, "success: unchanged tool 1.0")
	w.commit()
	if said, _ = w.push("HEAD:refs/heads/testing/bad"); said != "" {
		t.Errorf("still not settled:\n%s", said)
	}
}

// TestGitPushForced: a rewritten branch and a merge are compared with what was there.
func TestGitPushForced(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("one", "1.0", "", "one")
	w.commit()
	w.git("branch", "base")
	w.made("two", "1.0", "", "two")
	w.commit()
	said, _ := w.push("HEAD:refs/heads/dist")
	says(t, said, "published one 1.0", "published two 1.0")

	w.git("checkout", "-q", "base")
	w.made("three", "1.0", "", "three")
	w.commit()
	said, ok := w.push("+HEAD:refs/heads/dist")
	says(t, said, "published three 1.0")
	if !ok || strings.Contains(said, "one") {
		t.Errorf("%v:\n%s", ok, said)
	}
	w.git("merge", "-q", "-m", "merge", "dist")
	said, ok = w.push("HEAD:refs/heads/dist")
	says(t, said, "unchanged two 1.0")
	if !ok || strings.Contains(said, "three") {
		t.Errorf("%v:\n%s", ok, said)
	}
	// Other bytes of a published version: only if it is asked for.
	w.made("two", "1.0", "other", "two")
	w.commit()
	said, ok = w.push("HEAD:refs/heads/dist")
	says(t, said, "[MP-CONFLICT]")
	if ok {
		t.Error("taken")
	}
	said, ok = w.push("-o", "mmpush.rebuild", "HEAD:refs/heads/dist")
	says(t, said, "published two 1.0")
	if !ok {
		t.Errorf("refused:\n%s", said)
	}
}

// TestGitPushOptions: what the pusher asks for.
func TestGitPushOptions(t *testing.T) {
	t.Parallel()
	w := newGitWorld(t)
	w.made("foo", "1.0", "", ".")
	w.commit()
	said, ok := w.push("-o", "mmpush.skip", "HEAD:refs/heads/dist")
	if said != "mmpush: nothing is published: push option mmpush.skip" || !ok {
		t.Errorf("%v:\n%s", ok, said)
	}
	w.made("foo", "1.1", "", "next")
	w.commit()
	said, ok = w.push("-o", "mmpush.dry-run", "-o", "ci.skip", "HEAD:refs/heads/dist")
	says(t, said, "hint: would publish foo 1.1", "dry run")
	if !ok || w.published(w.stable) != "" {
		t.Errorf("%v, %s", ok, w.published(w.stable))
	}
	w.commit()
	hostile := []string{"mmpush.dryrun", "skip", "mmpush.\x1b[31m\x07", "mmpush.$(id>/tmp/x)", "-o", "--exec=id", "mmpush.rebuild=1;id", strings.Repeat("mmpush.", 5000)}
	var args []string
	for _, o := range hostile {
		args = append(args, "-o", o)
	}
	said, ok = w.push(append(args, "HEAD:refs/heads/dist")...)
	says(t, said, "there is no push option mmpush.dryrun; did you mean", "there is no push option skip; did you mean mmpush.skip?", `\x1b[31m\x07;`)
	if !ok || !strings.Contains(w.published(w.stable), "1.1") {
		t.Errorf("%v:\n%s\n%s", ok, said, w.published(w.stable))
	}
}
