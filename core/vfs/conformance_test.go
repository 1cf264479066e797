package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// both runs a test on the operating system's files and on those in memory: what
// tests prove on one has to hold on the other.
func both(t *testing.T, test func(t *testing.T, fsys vfs.FS)) {
	t.Run("dir", func(t *testing.T) {
		t.Parallel()
		d, err := vfs.OpenDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		test(t, d)
	})
	t.Run("mem", func(t *testing.T) {
		t.Parallel()
		test(t, vfs.NewMem(time.Now))
	})
	t.Run("observed", func(t *testing.T) {
		t.Parallel()
		test(t, vfs.Observe(vfs.NewMem(time.Now), func(vfs.Op) error { return nil }))
	})
}

func write(t *testing.T, fsys vfs.FS, name, content string) {
	t.Helper()
	if err := vfs.CreateSynced(fsys, name, 0o644, []byte(content)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	b, err := vfs.ReadFile(fsys, name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCreateIsExclusive(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "a", "one")
		if _, err := fsys.Create("a", 0o644); !errors.Is(err, fs.ErrExist) {
			t.Errorf("second Create: %v", err)
		}
		if err := fsys.Mkdir("a", 0o755); !errors.Is(err, fs.ErrExist) {
			t.Errorf("Mkdir over a file: %v", err)
		}
		if got := read(t, fsys, "a"); got != "one" {
			t.Errorf("content %q", got)
		}
	})
}

func TestMissing(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		_, open := fsys.Open("no")
		_, lstat := fsys.Lstat("no/such")
		_, list := fsys.ReadDir("no")
		_, create := fsys.Create("no/such", 0o644)
		for what, err := range map[string]error{
			"open": open, "lstat": lstat, "readdir": list, "create": create,
			"rename": fsys.Rename("no", "other"), "remove": fsys.Remove("no"),
			"chmod": fsys.Chmod("no", 0o600), "syncdir": fsys.SyncDir("no"),
		} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestNamesStayInside(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "in", "x")
		for _, name := range []string{"../out", "/etc/passwd", "a/../../out"} {
			if _, err := fsys.Open(name); err == nil {
				t.Errorf("Open(%q) succeeded", name)
			}
			if f, err := fsys.Create(name, 0o644); err == nil {
				f.Close()
				t.Errorf("Create(%q) succeeded", name)
			}
			if err := fsys.Rename("in", name); err == nil {
				t.Errorf("Rename to %q succeeded", name)
			}
		}
		if got := read(t, fsys, "in"); got != "x" {
			t.Errorf("content %q", got)
		}
	})
}

func TestRenameReplaces(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		if err := fsys.Mkdir("d", 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, fsys, "new", "new")
		write(t, fsys, "d/old", "old")
		before, _ := fsys.Lstat("new")
		if err := fsys.Rename("new", "d/old"); err != nil {
			t.Fatal(err)
		}
		after, err := fsys.Lstat("d/old")
		if err != nil || after.Ino != before.Ino || !after.ModTime.Equal(before.ModTime) {
			t.Errorf("the inode did not move: %+v, then %+v (%v)", before, after, err)
		}
		if got := read(t, fsys, "d/old"); got != "new" {
			t.Errorf("content %q", got)
		}
		if _, err := fsys.Lstat("new"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old name: %v", err)
		}
		if err := fsys.Remove("d"); err == nil {
			t.Error("a folder that is not empty was removed")
		}
	})
}

func TestModesAreExact(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "f", "")
		if err := fsys.Mkdir("d", 0o770|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
		if i, _ := fsys.Lstat("f"); i.Mode.Perm() != 0o644 || !i.IsRegular() {
			t.Errorf("file mode %v", i.Mode)
		}
		if i, _ := fsys.Lstat("d"); i.Mode.Perm() != 0o770 || i.Mode&fs.ModeSetgid == 0 || !i.Mode.IsDir() {
			t.Errorf("folder mode %v", i.Mode)
		}
	})
}

func TestAppendAndTruncate(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		for _, text := range []string{"one\n", "two\n"} {
			f, err := fsys.Append("log", 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, text); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		f, err := fsys.Append("log", 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(4); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, "2\n"); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if got := read(t, fsys, "log"); got != "one\n2\n" {
			t.Errorf("content %q", got)
		}
	})
}

func TestLockExcludes(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "lock", "kept")
		a, err := fsys.OpenLock("lock", 0o644)
		if err != nil {
			t.Fatal(err)
		}
		b, err := fsys.OpenLock("lock", 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := a.TryLock(); err != nil {
			t.Fatal(err)
		}
		if err := b.TryLock(); !errors.Is(err, vfs.ErrLocked) {
			t.Errorf("second lock: %v", err)
		}
		a.Close()
		if err := b.TryLock(); err != nil {
			t.Errorf("after the holder is gone: %v", err)
		}
		if got := read(t, fsys, "lock"); got != "kept" {
			t.Errorf("locking changed the file to %q", got)
		}
	})
}

func TestTimes(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "f", "x")
		want := time.Unix(1700000000, 123456789)
		if err := fsys.Chtimes("f", want); err != nil {
			t.Fatal(err)
		}
		if i, _ := fsys.Lstat("f"); !i.ModTime.Equal(want) {
			t.Errorf("mtime %v, want %v", i.ModTime, want)
		}
	})
}

func TestReadDirAndRemoveAll(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		for _, dir := range []string{"d", "d/b"} {
			if err := fsys.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		write(t, fsys, "d/c", "1")
		write(t, fsys, "d/b/x", "2")
		write(t, fsys, "d/a", "3")
		list, err := fsys.ReadDir("d")
		var names []string
		for _, i := range list {
			names = append(names, i.Name)
		}
		if err != nil || strings.Join(names, " ") != "a b c" {
			t.Errorf("names %v, %v", names, err)
		}
		if err := vfs.RemoveAll(fsys, "d"); err != nil {
			t.Fatal(err)
		}
		if err := vfs.RemoveAll(fsys, "d"); err != nil {
			t.Errorf("the second time: %v", err)
		}
	})
}

func TestReplaceFile(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "f.new", "left by a killed run")
		for _, text := range []string{"one", "two"} {
			if err := vfs.ReplaceFile(fsys, "f", "f.new", 0o600, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, fsys, "f"); got != text {
				t.Errorf("content %q, want %q", got, text)
			}
		}
		if _, err := vfs.ReadFile(fsys, "f", 2); err == nil {
			t.Error("a file above the limit was read")
		}
	})
}

func TestSymlink(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		write(t, fsys, "a", "one")
		if err := fsys.Symlink("a/b", "link"); err != nil {
			t.Fatal(err)
		}
		if err := fsys.Symlink("c", "link"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("over a link: %v", err)
		}
		info, err := fsys.Lstat("link")
		if err != nil || info.Mode&fs.ModeSymlink == 0 || info.Size != 3 {
			t.Errorf("%+v %v", info, err)
		}
		if target, err := fsys.Readlink("link"); target != "a/b" || err != nil {
			t.Errorf("%q %v", target, err)
		}
		if _, err := fsys.Readlink("a"); err == nil {
			t.Error("a file was read as a link")
		}
		if err := fsys.Symlink("d", "new"); err != nil {
			t.Fatal(err)
		}
		if err := fsys.Rename("new", "link"); err != nil {
			t.Fatal(err)
		}
		if target, err := fsys.Readlink("link"); target != "d" || err != nil {
			t.Errorf("after the rename: %q %v", target, err)
		}
		if _, err := fsys.Open("link"); err == nil {
			t.Error("a link to nowhere was opened")
		}
		if err := fsys.Remove("link"); err != nil {
			t.Error(err)
		}
	})
}

func TestLink(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS) {
		linker, ok := fsys.(vfs.Linker)
		if !ok {
			t.Fatal("cannot link")
		}
		write(t, fsys, "a", "one")
		if err := linker.Link("a", "b"); err != nil {
			t.Fatal(err)
		}
		if err := linker.Link("a", "b"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a taken name: %v", err)
		}
		if err := linker.Link("no", "c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: %v", err)
		}
		if err := fsys.Mkdir("dir", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := linker.Link("dir", "c"); err == nil {
			t.Error("a folder was linked")
		}
		write(t, fsys, "new", "two")
		if err := fsys.Rename("new", "a"); err != nil {
			t.Fatal(err)
		}
		if a, b := read(t, fsys, "a"), read(t, fsys, "b"); a != "two" || b != "one" {
			t.Errorf("after one of the names went: %q and %q", a, b)
		}
	})
}
