package upload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	arch         = "amd64-debian"
	uploads      = "../../testdata/mmpack/uploads"
	colonFolder  = "09-colon-1.0"
	colonMPK     = "colon_1.0_amd64-debian.mpk"
	colonSource  = "colon_1.0_src.tar.xz"
	colonYAML    = "colon_1.0_amd64-debian.mmpack-manifest"
	stageFolder  = "stage"
	stagedMPK    = stageFolder + "/" + colonMPK
	stagedSource = stageFolder + "/" + colonSource
)

// fill puts the genuine files of one upload into a folder of an FS and returns
// the manifest's name.
func fill(t testing.TB, to vfs.FS, dir, from string) (name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(uploads, from))
	check(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(uploads, from, e.Name()))
		check(t, err)
		write(t, to, path.Join(dir, e.Name()), data)
		if strings.HasSuffix(e.Name(), ".mmpack-manifest") {
			name = e.Name()
		}
	}
	return name
}

// colon returns an FS with the upload "colon" in its root and an empty stage.
func colon(t testing.TB) *vfs.Mem {
	t.Helper()
	m := newMem()
	fill(t, m, ".", colonFolder)
	check(t, m.Mkdir(stageFolder, 0o700))
	m.SyncAll()
	return m
}

func newMem() *vfs.Mem {
	return vfs.NewMem(func() time.Time { return time.Unix(1700000000, 0) })
}

// folder returns an OS folder with the upload "colon" in "in" and an empty stage.
func folder(t testing.TB) (fsys *vfs.Dir, root string) {
	t.Helper()
	root = t.TempDir()
	fsys, err := vfs.OpenDir(root)
	check(t, err)
	t.Cleanup(func() { fsys.Close() })
	check(t, fsys.Mkdir("in", 0o755))
	check(t, fsys.Mkdir(stageFolder, 0o700))
	fill(t, fsys, "in", colonFolder)
	return fsys, root
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, to vfs.FS, name string, data []byte) {
	t.Helper()
	check(t, vfs.CreateSynced(to, name, 0o644, data))
}

func read(t testing.TB, from vfs.FS, name string) []byte {
	t.Helper()
	data, err := vfs.ReadFile(from, name, 1<<30)
	check(t, err)
	return data
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// open opens an upload that has to be without findings.
func open(t testing.TB, fsys vfs.FS, dir, name string) Upload {
	t.Helper()
	u, findings, err := Open(t.Context(), fsys, dir, name)
	check(t, err)
	if len(findings) > 0 {
		t.Fatalf("findings about %s: %v", name, findings)
	}
	return u
}

// declare makes an upload by hand: what the manifest's parser would refuse too.
func declare(fsys vfs.FS, dir string, source File, packages map[string][]File) Upload {
	m := &manifest.Manifest{Name: "hand", Version: "1.0", Source: manifestFile(source)}
	for _, name := range []string{arch, "arm64-debian"} {
		a := manifest.Architecture{Name: name}
		for i, f := range packages[name] {
			a.Packages = append(a.Packages, manifest.Package{Name: "hand" + string(rune('a'+i)), File: manifestFile(f), Line: 10 + i})
		}
		m.Binary = append(m.Binary, a)
	}
	return Upload{Kind: Mmpack, Name: "hand.mmpack-manifest", Manifest: m, Files: declared(m), FS: fsys, Dir: dir}
}

func manifestFile(f File) manifest.File {
	return manifest.File{Name: f.Name, Size: f.Size, SHA256: f.SHA256, Line: 5}
}

// handful declares the genuine files of colon by hand, with one of them changed.
func handful(fsys vfs.FS, dir string, change func(source, mpk *File)) Upload {
	source := File{colonSource, 560, "f7f40c592d6e836e9b89c6e243d0aebeb37b2f099842edddad0796113cbb1b82"}
	mpk := File{colonMPK, 807, "385bba4d894ea86cbaeac2773c0b57416fdd6bd79af452c55224a435db29b8a5"}
	change(&source, &mpk)
	return declare(fsys, dir, source, map[string][]File{arch: {mpk}})
}

func wantError(t *testing.T, err error, code report.Code, kind report.Kind, file string) *report.Error {
	t.Helper()
	e, ok := errors.AsType[*report.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a report.Error with %s", err, err, code)
	}
	if e.Code != code || e.Kind != kind || !strings.HasSuffix(e.File, file) {
		t.Fatalf("error %+v, want code %s, kind %d, file ...%s", e, code, kind, file)
	}
	return e
}

func codes(findings []report.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(string(f.Code) + " ")
	}
	return strings.TrimSpace(b.String())
}

// sameTree fails if any file of the tree has changed.
func sameTree(t *testing.T, root string, before map[string]string) {
	t.Helper()
	after := tree(t, root)
	for name, what := range before {
		if after[name] != what {
			t.Errorf("%s was %s, is %s", name, what, after[name])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files before, %d after", len(before), len(after))
	}
}

// tree describes all files below a folder, with modes, times and inodes.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	list := map[string]string{}
	check(t, filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String() + info.ModTime().String()
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += sum(data)
		}
		list[name] = text
		return nil
	}))
	return list
}

// cloning is an FS whose files share blocks; onClone is called after each clone.
type cloning struct {
	vfs.FS
	onClone func()
}

type cloningFile struct {
	vfs.File
	onClone func()
}

func (c cloning) Create(name string, mode os.FileMode) (vfs.File, error) {
	f, err := c.FS.Create(name, mode)
	return cloningFile{f, c.onClone}, err
}

func (c cloningFile) CloneFrom(src vfs.File) error {
	info, err := src.Stat()
	if err != nil {
		return err
	}
	data := make([]byte, info.Size)
	if _, err := src.ReadAt(data, 0); err != nil && err != io.EOF {
		return err
	}
	if _, err := c.Write(data); err != nil {
		return err
	}
	c.onClone()
	return nil
}

func equal(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes with %.8s, want %d bytes with %.8s", what, len(got), sum(got), len(want), sum(want))
	}
}
