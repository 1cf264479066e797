package upload

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// What is not an ordinary file below the folder is told, and nothing is staged in
// its place.
func TestUnusableFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, message string
		make          func(name, root string) error
	}{
		{"absent", "is not there", func(string, string) error { return nil }},
		{"folder", "is a folder", func(name, _ string) error { return os.Mkdir(name, 0o755) }},
		{"dangling link", "leads to nothing", func(name, _ string) error { return os.Symlink("nothing", name) }},
		{"link out", "leads out", func(name, root string) error { return os.Symlink(root, name) }},
		{"link to a file outside", "leads out", func(name, _ string) error { return os.Symlink("/etc/passwd", name) }},
		{"relative link out", "leads out", func(name, _ string) error { return os.Symlink("../../../etc/passwd", name) }},
		{"link to a device", "leads out", func(name, _ string) error { return os.Symlink("/dev/zero", name) }},
		{"link to itself", "is a link", func(name, _ string) error { return os.Symlink(filepath.Base(name), name) }},
		{"link through a file", "is a link", func(name, _ string) error { return os.Symlink(colonYAML+"/x", name) }},
		{"link to a folder", "is a folder", func(name, _ string) error { return os.Symlink(".", name) }},
	}
	for _, tt := range tests {
		for i, file := range []string{colonSource, colonMPK} {
			t.Run(tt.name+"/"+file, func(t *testing.T) {
				t.Parallel()
				fsys, root := folder(t)
				name := filepath.Join(root, "in", file)
				check(t, os.Remove(name))
				check(t, tt.make(name, root))
				got, err := Stage(t.Context(), open(t, fsys, "in", colonYAML), fsys, stageFolder, arch, Options{})
				check(t, err)
				r := got.Received[i]
				if r.Found || codes(r.Findings) != string(report.CodeMissing) || r.ActualSHA256 != "" {
					t.Fatalf("%+v", r)
				}
				f := r.Findings[0]
				if !strings.Contains(f.Message, tt.message) || f.File != colonYAML || f.Line == 0 || !strings.HasSuffix(f.Field, "file") || f.Hint == "" {
					t.Errorf("%+v", f)
				}
				if _, err := os.Lstat(filepath.Join(root, stageFolder, file)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("something is in the stage: %v", err)
				}
				if other := got.Received[1-i]; !other.Found {
					t.Errorf("the other file was not read: %+v", other)
				}
			})
		}
	}
}

func TestLinkInside(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	check(t, os.Rename(filepath.Join(root, "in", colonMPK), filepath.Join(root, "in", "elsewhere")))
	check(t, os.Symlink("elsewhere", filepath.Join(root, "in", colonMPK)))
	got, err := Stage(t.Context(), open(t, fsys, "in", colonYAML), fsys, stageFolder, arch, Options{})
	check(t, err)
	if r := got.Received[1]; !r.Found || r.ActualSHA256 != r.SHA256 {
		t.Errorf("%+v", r)
	}
	if info, err := fsys.Lstat(stagedMPK); err != nil || !info.IsRegular() {
		t.Errorf("staged %+v, %v", info, err)
	}
}

func TestDeniedFileIsAFinding(t *testing.T) {
	t.Parallel()
	m := colon(t)
	u := open(t, m, ".", colonYAML)
	u.FS = vfs.Observe(m, func(op vfs.Op) error {
		if op.Kind == "open" && op.Name == colonMPK {
			return syscall.EACCES
		}
		return nil
	})
	got, err := Stage(t.Context(), u, m, stageFolder, arch, Options{})
	check(t, err)
	if r := got.Received[1]; r.Found || codes(r.Findings) != string(report.CodeMissing) || !strings.Contains(r.Findings[0].Message, "may not be read") {
		t.Errorf("%+v", r)
	}
}

// Names that the manifest's parser refuses are not even opened here.
func TestBadNamesAreNotTouched(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 256)
	for _, name := range []string{"", ".", "..", "../evil.mpk", "/etc/passwd", "a/b", `a\b`, "a b", ".hidden", "source-index",
		"binary-index.gz", "lock", "LOCK", "metadata", "pool", "a\n", "a\x00", "-a", "CON:", long} {
		m := colon(t)
		u := handful(m, ".", func(_, mpk *File) { mpk.Name = name })
		u.FS = vfs.Observe(m, func(op vfs.Op) error {
			if op.Name != colonSource {
				t.Errorf("%q: %s of %q", name, op.Kind, op.Name)
			}
			return nil
		})
		got, err := Stage(t.Context(), u, m, stageFolder, arch, Options{})
		check(t, err)
		if r := got.Received[1]; r.Found || codes(r.Findings) != string(report.CodeName) || r.Findings[0].Line != 5 {
			t.Errorf("%q: %+v", name, r)
		}
		if list, err := m.ReadDir(stageFolder); err != nil || len(list) != 1 {
			t.Errorf("%q: stage has %v, %v", name, list, err)
		}
	}
}

func TestOneFileForTwoPackages(t *testing.T) {
	t.Parallel()
	m := colon(t)
	source, file := File{colonSource, 560, ""}, File{colonMPK, 807, ""}
	for _, u := range []Upload{
		declare(m, ".", source, map[string][]File{arch: {file, file}}),
		declare(m, ".", source, map[string][]File{arch: {file, source}}),
	} {
		to := newMem()
		check(t, to.Mkdir(stageFolder, 0o700))
		got, err := Stage(t.Context(), u, to, stageFolder, arch, Options{})
		check(t, err)
		if r := got.Received[2]; r.Found || codes(r.Findings) != string(report.CodeDuplicate) {
			t.Errorf("%+v", r)
		}
	}
}

// A link is the uploader's doing, a broken disk is not.
func TestBrokenDiskBelowALink(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	check(t, os.Rename(filepath.Join(root, "in", colonMPK), filepath.Join(root, "in", "elsewhere")))
	check(t, os.Symlink("elsewhere", filepath.Join(root, "in", colonMPK)))
	u := open(t, fsys, "in", colonYAML)
	u.FS = vfs.Observe(fsys, func(op vfs.Op) error {
		if op.Kind == "open" && path.Base(op.Name) == colonMPK {
			return syscall.EIO
		}
		return nil
	})
	_, err := Stage(t.Context(), u, fsys, stageFolder, arch, Options{})
	wantError(t, err, report.CodeDisk, report.KindInternal, colonMPK)
}
