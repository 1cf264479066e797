//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// drop puts an upload into a drop folder, each file whole when it appears, the
// manifest last.
func drop(t *testing.T, manifest, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(manifest), "*_*"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return name == manifest })
	for _, name := range append(files, manifest) {
		whole := filepath.Join(t.TempDir(), filepath.Base(name))
		if err := os.WriteFile(whole, []byte(mustRead(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
		// Older than its name, as a file is that was written before it was moved.
		if err := os.Chtimes(whole, time.Time{}, time.Now().Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(whole, filepath.Join(folder, filepath.Base(name))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestModifyrepoWatch: under the name of mmpack-modifyrepo a drop folder is watched
// as by mmpush watch, everything allowed. The repository is made on the way; nothing
// is said on standard output, and either signal ends it with 0.
func TestModifyrepoWatch(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			at, folder := filepath.Join(t.TempDir(), "new", "repo"), t.TempDir()
			drop(t, manifestOf(t, "uploads/06-foo-1.1.0"), folder)
			p := startPipe(t, modifyrepoName, "-p", at, "-a", "amd64-debian", "watch", folder)
			for _, c := range []struct{ upload, file string }{
				{"uploads/07-foo-1.1.0-rebuild", "pool/860ea950f98cf29b4d31dc54a34ca3d1e908cae57b3f8169fdc7adfeb3b2def9/foo_1.1.0_src.tar.xz"},
				{"uploads/01-foo-1.0.0", "foo_1.0.0_src.tar.xz"},
			} {
				until(t, "the upload before", func() bool { return !exists(filepath.Join(folder, "foo_1.1.0_amd64-debian.mmpack-manifest")) })
				drop(t, manifestOf(t, c.upload), folder)
				until(t, c.upload, func() bool { return exists(filepath.Join(at, c.file)) })
			}
			until(t, "the last upload", func() bool { return !exists(filepath.Join(folder, "foo_1.0.0_amd64-debian.mmpack-manifest")) })
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if out, code := p.wait(); out != "" || code != exitDone {
				t.Errorf("%q, exit %d\n%s", out, code, p.stderr.String())
			}
			if got := versionsOf(t, at); len(got) != 4 || !got["foo 1.0.0"] {
				t.Errorf("published: %v\n%s", got, p.stderr.String())
			}
			if err := whole(at); err != nil {
				t.Error(err)
			}
			mustBeAtRest(t, at)
		})
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
