package upload

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestOpenGenuine(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(uploads)
	check(t, err)
	if len(entries) != 12 {
		t.Fatalf("%d genuine uploads, want 12", len(entries))
	}
	for _, e := range entries {
		m := newMem()
		check(t, m.Mkdir("in", 0o755))
		name := fill(t, m, "in", e.Name())
		u := open(t, m, "in", name)
		if u.Kind != Mmpack || u.Name != name || u.Dir != "in" || u.Received != nil {
			t.Errorf("%s: %+v", e.Name(), u)
		}
		if u.Files[0].Name != u.Manifest.Source.Name || !strings.HasSuffix(u.Files[0].Name, "_src.tar.xz") {
			t.Errorf("%s: first file is %s, want the source", e.Name(), u.Files[0].Name)
		}
		packages := 0
		for _, a := range u.Manifest.Binary {
			packages += len(a.Packages)
		}
		if len(u.Files) != 1+packages {
			t.Errorf("%s: %d files for %d packages", e.Name(), len(u.Files), packages)
		}
		if info, err := m.Lstat("in/" + name); err != nil || u.Origin.Ino != info.Ino || u.Origin.Size != info.Size {
			t.Errorf("%s: origin %+v, want %+v", e.Name(), u.Origin, info)
		}
	}
}

func TestOpenOrder(t *testing.T) {
	t.Parallel()
	m := newMem()
	u := open(t, m, ".", fill(t, m, ".", "01-foo-1.0.0"))
	var names []string
	for _, f := range u.Files {
		names = append(names, f.Name)
	}
	want := []string{"foo_1.0.0_src.tar.xz", "foo_1.0.0_amd64-debian.mpk", "foo-debug_1.0.0_amd64-debian.mpk",
		"foo-devel_1.0.0_amd64-debian.mpk", "libfoo1_1.0.0_amd64-debian.mpk"}
	if !slices.Equal(names, want) {
		t.Errorf("files are %v, want %v", names, want)
	}
}

func TestOpenUnusableManifest(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	outside := filepath.Join(t.TempDir(), "outside")
	check(t, os.WriteFile(outside, []byte("name: x"), 0o644))
	check(t, os.Symlink(outside, filepath.Join(root, "in", "out")))
	check(t, os.Symlink("nothing", filepath.Join(root, "in", "dangling")))
	check(t, os.Mkdir(filepath.Join(root, "in", "sub"), 0o755))
	for _, name := range []string{"absent", "out", "dangling", "sub", "", ".", "..", "../stage", "sub/x", "/etc/passwd"} {
		u, findings, err := Open(t.Context(), fsys, "in", name)
		e := wantError(t, err, report.CodeUsage, report.KindUsage, filepath.Join(root, "in", name))
		if e.Stage != "manifest" || e.Hint == "" || findings != nil || u.Manifest != nil {
			t.Errorf("%q: %+v, %v", name, e, findings)
		}
		absent := name == "absent" || name == "dangling"
		if errors.Is(err, fs.ErrNotExist) != absent {
			t.Errorf("%q: %v: is fs.ErrNotExist is %v", name, err, !absent)
		}
	}
}

func TestOpenBadManifest(t *testing.T) {
	t.Parallel()
	m := newMem()
	write(t, m, "bad", []byte("name: [\n"))
	write(t, m, "large", []byte(strings.Repeat("# a comment\n", 1<<19)))
	write(t, m, "path", []byte("name: ../x\nversion: '1'\nsource: {}\nbinpkgs: {}\n"))
	for _, name := range []string{"bad", "large", "path"} {
		u, findings, err := Open(t.Context(), m, ".", name)
		check(t, err)
		if !report.Refused(findings) || u.Manifest != nil || u.Files != nil {
			t.Errorf("%s: %v, manifest %v", name, findings, u.Manifest)
		}
		for _, f := range findings {
			if f.File != name {
				t.Errorf("%s: finding about file %q", name, f.File)
			}
		}
	}
}

// One byte too much is one too much, even in a comment.
func TestOpenLargestManifest(t *testing.T) {
	t.Parallel()
	m := newMem()
	text := read(t, colon(t), colonYAML)
	text = append(text, "#"+strings.Repeat("x", manifest.MaxSize-len(text)-1)...)
	write(t, m, "largest", text)
	write(t, m, "larger", append(text, 'x'))
	open(t, m, ".", "largest")
	if _, findings, err := Open(t.Context(), m, ".", "larger"); err != nil || !report.Refused(findings) {
		t.Errorf("%v, %v", findings, err)
	}
}

func TestOpenBrokenDisk(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"fstat", "read"} {
		fsys := vfs.Observe(colon(t), func(op vfs.Op) error {
			if op.Kind == kind {
				return syscall.EIO
			}
			return nil
		})
		_, _, err := Open(t.Context(), fsys, ".", colonYAML)
		wantError(t, err, report.CodeDisk, report.KindInternal, colonYAML)
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s: %v does not say why", kind, err)
		}
	}
}

func TestOpenDenied(t *testing.T) {
	t.Parallel()
	fsys := vfs.Observe(colon(t), func(vfs.Op) error { return syscall.EACCES })
	_, _, err := Open(t.Context(), fsys, ".", colonYAML)
	wantError(t, err, report.CodeUsage, report.KindUsage, colonYAML)
}

func TestOpenStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := Open(ctx, colon(t), ".", colonYAML)
	wantError(t, err, report.CodeStopped, report.KindInternal, colonYAML)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
