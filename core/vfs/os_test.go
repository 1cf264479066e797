//go:build unix

package vfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// What only the operating system has: links, pipes, the umask.
func TestDirIsNotFooled(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "repo")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(top, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"abs": filepath.Join(top, "secret"), "rel": "../secret", "dir": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, name := range []string{"abs", "rel", "dir/secret", "pipe"} {
		if f, err := d.Open(name); err == nil {
			f.Close()
			t.Errorf("Open(%q) succeeded", name)
		}
	}
	if f, err := d.Create("dir/made", 0o644); err == nil {
		f.Close()
		t.Error("Create through a link succeeded")
	}
	if err := d.Rename("pipe", "dir/pipe"); err == nil {
		t.Error("Rename through a link succeeded")
	}
	if i, err := d.Lstat("abs"); err != nil || i.IsRegular() {
		t.Errorf("Lstat followed a link: %+v, %v", i, err)
	}
}

func TestCloneWhereTheFileSystemCan(t *testing.T) {
	t.Parallel()
	d, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	write(t, d, "src", "content")
	src, err := d.Open("src")
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := d.Create("dst", 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	want := "content"
	if err := dst.(vfs.Cloner).CloneFrom(src); err != nil {
		// The caller copies then; nothing may have been written.
		want = ""
	}
	if got := read(t, d, "dst"); got != want {
		t.Errorf("content %q, want %q", got, want)
	}
}

// The bytes of a file are the same mapped and read, and stay while the file is replaced.
func TestBytesOf(t *testing.T) {
	t.Parallel()
	dir, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	mem := vfs.NewMem(time.Now)
	want := strings.Repeat("0123456789", 10_000)
	for name, fsys := range map[string]vfs.FS{"disk": dir, "memory": mem} {
		if err := vfs.CreateSynced(fsys, "file", 0o600, []byte(want)); err != nil {
			t.Fatal(err)
		}
		f, err := fsys.Open("file")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := vfs.BytesOf(f, int64(len(want)))
		if err != nil {
			t.Fatal(err)
		}
		part, partErr := vfs.BytesOf(f, 5)
		none, noneErr := vfs.BytesOf(f, 0)
		if err := errors.Join(partErr, noneErr, f.Close(), vfs.ReplaceFile(fsys, "file", "temp", 0o600, []byte("other"))); err != nil {
			t.Fatal(err)
		}
		if string(whole.Bytes) != want || string(part.Bytes) != want[:5] || len(none.Bytes) != 0 {
			t.Errorf("%s: other bytes", name)
		}
		runtime.KeepAlive(whole)
		runtime.KeepAlive(part)
	}
}
