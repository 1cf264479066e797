//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/index"
)

// asReference does in a repository what the reference does in a step: it deletes what
// it has replaced, moves new files in, then the indexes, under the lock.
func asReference(t *testing.T, at, step string) {
	t.Helper()
	defer holdLock(t, at)()
	made, old, now := rebuild(t, step), readFolder(t, at), referenceFiles(t, step)
	for name := range old.files {
		if _, ok := now[name]; !ok && old.retired[name] == "" {
			if err := os.Remove(filepath.Join(at, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := []string{index.SourceFile, index.BinaryFile}
	for name, sum := range now {
		if old.files[name] != sum {
			list = append([]string{name}, list...)
		}
	}
	for _, name := range list {
		if err := os.Rename(filepath.Join(made, name), filepath.Join(at, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReferenceInBetween: one process is kept, and the reference changes the
// repository between its changes. Each builds on what the other has left.
func TestReferenceInBetween(t *testing.T) {
	t.Parallel()
	at := rebuild(t, "03-greet-0.9.0")
	p := startPipe(t, modifyrepoName, "-p", at, "batch", "--initial-change=false")
	greet := map[string]string{"greet": "03-greet-0.9.0", "greet-doc": "03-greet-0.9.0"}
	for _, c := range []struct {
		upload, step string
		// differs is what is not as in the reference's own step.
		differs onReference
		// next is what the reference does then.
		next string
	}{
		{"uploads/04-pytide-0.3.1", "04-pytide-0.3.1", onReference{keeps: greet}, "05-chain-3.2"},
		{"uploads/06-foo-1.1.0", "06-foo-1.1.0", onReference{}, "07-foo-1.1.0-rebuild"},
		{"uploads/08-greet-1.0.0", "08-greet-1.0.0", onReference{}, "09-colon-1.0"},
		{"uploads/10-foo-2.0.0", "10-foo-2.0.0", onReference{heals: true}, "11-ghost-sysbell"},
	} {
		before, was := readFolder(t, at), readPublished(t, at)
		p.ask("BEGIN_CHANGES", "OK")
		p.ask("ADD "+manifestOf(t, c.upload), "OK")
		p.ask("COMMIT_CHANGES", "OK")
		is := readPublished(t, at)
		readFolder(t, at).check(t, before, was, is)
		if got, want := is.unpooled(), c.differs.want(t, c.step); got != want {
			t.Errorf("%s: got\n%s%s\nwant\n%s%s", c.step, got.binaries, got.sources, want.binaries, want.sources)
		}
		asReference(t, at, c.next)
		if err := whole(at); err != nil {
			t.Errorf("%s: %v", c.next, err)
		}
	}
	p.end()
	mustBeAtRest(t, at)
}
