package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
)

func mustRun(t *testing.T, args ...string) {
	t.Helper()
	if o := (shell{}).run(args...); o.code != exitDone {
		t.Fatalf("mmpush %q: exit %d\n%s%s", args, o.code, o.stdout, o.stderr)
	}
}

func mustRead(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holdLock takes a repository's lock, as another program would.
func holdLock(t *testing.T, at string) (release func()) {
	t.Helper()
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	f, err := folder.OpenLock(repo.LockFile, repo.FileMode)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.TryLock(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(f.Close(), folder.Close()); err != nil {
			t.Error(err)
		}
	}
}

// versionsOf returns the published binary packages, "name version" each.
func versionsOf(t *testing.T, at string) map[string]bool {
	t.Helper()
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	view, err := index.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for b, err := range view.All() {
		if err != nil {
			t.Fatal(err)
		}
		all[b.Name+" "+b.Version] = true
	}
	return all
}

const pacmanPackages = "../../testdata/pacman/packages"

func pacmanFile(name string) string { return filepath.Join(pacmanPackages, name) }

// wholePacman reads what is published, as a client does: through the links, the database
// first, then each file.
func wholePacman(t *testing.T, dir string) string {
	t.Helper()
	fsys, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	r, err := syncdb.Open(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"demo.db", "demo.files"} {
		if _, err := os.Stat(filepath.Join(dir, link)); err != nil {
			t.Error(err)
		}
	}
	list, err := syncdb.Published(r, nil)
	if err != nil {
		t.Error(err)
	}
	var text strings.Builder
	for _, d := range list {
		data, err := os.ReadFile(filepath.Join(dir, d.FileName))
		if sum := sha256.Sum256(data); err != nil || hex.EncodeToString(sum[:]) != d.SHA256 {
			t.Errorf("the database names %s: %v", d.FileName, err)
		}
		text.WriteString(d.FileName + "\n")
	}
	return text.String()
}
