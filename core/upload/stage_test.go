package upload

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestStageGenuine(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(uploads)
	check(t, err)
	for _, e := range entries {
		from, to := newMem(), newMem()
		check(t, to.Mkdir(stageFolder, 0o700))
		u := open(t, from, ".", fill(t, from, ".", e.Name()))
		got, err := Stage(t.Context(), u, to, stageFolder, arch, Options{})
		check(t, err)
		if got.FS != vfs.FS(to) || got.Dir != stageFolder || u.Received != nil {
			t.Errorf("%s: files are said to be in %q", e.Name(), got.Dir)
		}
		if want := 1 + len(u.Manifest.Packages(arch)); len(got.Received) != want {
			t.Errorf("%s: %d files read, want %d", e.Name(), len(got.Received), want)
		}
		for i, r := range got.Received {
			data := read(t, from, r.Name)
			equal(t, r.Name, read(t, to, stageFolder+"/"+r.Name), data)
			if !r.Found || r.ActualSize != int64(len(data)) || r.ActualSHA256 != sum(data) || r.SHA256 != sum(data) || len(r.Findings) > 0 {
				t.Errorf("%s: %+v", e.Name(), r)
			}
			if (r.Package == nil) != (i == 0) || (r.Arch == "") != (i == 0) {
				t.Errorf("%s: entry %d: architecture %q, package %v", e.Name(), i, r.Arch, r.Package)
			}
			if r.Package != nil && (r.Package.Metadata.Name != r.PackageName || r.Package.Info.Name != r.PackageName) {
				t.Errorf("%s: package %s says it is %s", e.Name(), r.PackageName, r.Package.Metadata.Name)
			}
		}
		list, err := to.ReadDir(stageFolder)
		check(t, err)
		if len(list) != len(got.Received) {
			t.Errorf("%s: %d files in the stage, want %d", e.Name(), len(list), len(got.Received))
		}
	}
}

func TestStageLeavesTheOriginals(t *testing.T) {
	t.Parallel()
	fsys, root := folder(t)
	check(t, os.Chmod(filepath.Join(root, "in", colonMPK), 0o600))
	check(t, os.Chmod(filepath.Join(root, "in", colonSource), 0o666))
	before := tree(t, filepath.Join(root, "in"))
	got, err := Stage(t.Context(), open(t, fsys, "in", colonYAML), fsys, stageFolder, arch, Options{})
	check(t, err)
	sameTree(t, filepath.Join(root, "in"), before)
	for _, r := range got.Received {
		original, err := fsys.Lstat("in/" + r.Name)
		check(t, err)
		staged, err := fsys.Lstat(stageFolder + "/" + r.Name)
		check(t, err)
		if r.Origin.Ino != original.Ino || r.Origin.Dev != original.Dev || !r.Origin.ModTime.Equal(original.ModTime) {
			t.Errorf("%s: origin is %+v, want %+v", r.Name, r.Origin, original)
		}
		if staged.Ino == original.Ino {
			t.Errorf("%s is the uploader's own file", r.Name)
		}
		if staged.Mode != 0o644 {
			t.Errorf("%s: mode %v", r.Name, staged.Mode)
		}
	}
}

// After a power loss the staged bytes are there, if only their names are.
func TestStageIsDurable(t *testing.T) {
	t.Parallel()
	for _, clones := range []bool{false, true} {
		from, to := colon(t), newMem()
		check(t, to.Mkdir(stageFolder, 0o700))
		var target vfs.FS = to
		if clones {
			target = cloning{to, func() {}}
		}
		_, err := Stage(t.Context(), open(t, from, ".", colonYAML), target, stageFolder, arch, Options{})
		check(t, err)
		check(t, to.SyncDir("."))
		check(t, to.SyncDir(stageFolder))
		after := to.PowerLoss(func(int) vfs.Fate { return vfs.Lost })
		equal(t, "package", read(t, after, stagedMPK), read(t, from, colonMPK))
		equal(t, "source", read(t, after, stagedSource), read(t, from, colonSource))
		if info, err := after.Lstat(stagedMPK); err != nil || info.Mode != 0o644 {
			t.Errorf("after a power loss: %+v, %v", info, err)
		}
	}
}

func TestStageTakesOneArchitecture(t *testing.T) {
	t.Parallel()
	m := newMem()
	check(t, m.Mkdir(stageFolder, 0o700))
	u := open(t, m, ".", fill(t, m, ".", "12-multi-arch-manifest"))
	other := ""
	for _, name := range u.Manifest.Architectures() {
		if name != arch {
			other = name
		}
	}
	got, err := Stage(t.Context(), u, m, stageFolder, arch, Options{})
	check(t, err)
	if len(got.Received) != 2 || got.Received[1].Arch != arch {
		t.Errorf("read %+v", got.Received)
	}
	got, err = Inspect(t.Context(), u, []string{other}, Options{})
	check(t, err)
	if len(got.Received) < 2 || got.Received[1].Found || codes(got.Received[1].Findings) != string(report.CodeMissing) {
		t.Errorf("read %+v", got.Received)
	}
}

func TestStageOfAnotherArchitectureCopiesNothing(t *testing.T) {
	t.Parallel()
	m := colon(t)
	got, err := Stage(t.Context(), open(t, m, ".", colonYAML), m, stageFolder, "mips-debian", Options{})
	check(t, err)
	if list, err := m.ReadDir(stageFolder); err != nil || len(list) > 0 || len(got.Received) > 0 {
		t.Errorf("staged %v, read %v, %v", list, got.Received, err)
	}
}

func TestStageWithoutManifest(t *testing.T) {
	t.Parallel()
	_, err := Stage(t.Context(), Upload{Kind: Mmpack, Name: "x"}, colon(t), stageFolder, arch, Options{})
	wantError(t, err, report.CodeInternal, report.KindInternal, "x")
	_, err = Inspect(t.Context(), Upload{Kind: Mmpack, Name: "x"}, nil, Options{})
	wantError(t, err, report.CodeInternal, report.KindInternal, "x")
}

func TestInspect(t *testing.T) {
	t.Parallel()
	m := colon(t)
	m.SyncAll()
	writes := 0
	fsys := vfs.Observe(m, func(op vfs.Op) error {
		if op.Writes() {
			writes++
		}
		return nil
	})
	u := open(t, fsys, ".", colonYAML)
	for _, archs := range [][]string{nil, {arch}, {"mips-debian", arch}} {
		got, err := Inspect(t.Context(), u, archs, Options{})
		check(t, err)
		if len(got.Received) != 2 || got.Dir != "." || got.Received[1].Package == nil || got.Received[1].ActualSHA256 != got.Received[1].SHA256 {
			t.Errorf("%v: %+v", archs, got)
		}
	}
	if got, err := Inspect(t.Context(), u, []string{"mips-debian"}, Options{}); err != nil || len(got.Received) > 0 {
		t.Errorf("read %+v, %v", got.Received, err)
	}
	if writes > 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestOneFileForTwoArchitectures(t *testing.T) {
	t.Parallel()
	m := colon(t)
	u := handful(m, ".", func(_, _ *File) {})
	p := u.Manifest.Packages(arch)[0].File
	u = declare(m, ".", u.Files[0], map[string][]File{arch: {fileOf(p)}, "arm64-debian": {fileOf(p)}})
	got, err := Inspect(t.Context(), u, nil, Options{})
	check(t, err)
	if len(got.Received) != 3 || !got.Received[2].Found || got.Received[2].Arch != "arm64-debian" {
		t.Errorf("read %+v", got.Received)
	}
}

// Whatever the look into the package does, the copy and the hash are of the whole
// file.
func TestLookDoesNotDisturbTheCopy(t *testing.T) {
	t.Parallel()
	const chunk = 10_000
	big := make([]byte, 9*chunk+17)
	for i := range big {
		big[i] = byte(i * i >> 8)
	}
	parsers := map[string]parser{
		"reads nothing": func(context.Context, io.Reader, int64, archive.Limits) (*mpk.Package, []report.Finding, error) {
			return nil, nil, nil
		},
		"reads a little": func(_ context.Context, r io.Reader, _ int64, _ archive.Limits) (*mpk.Package, []report.Finding, error) {
			_, err := io.ReadFull(r, make([]byte, chunk+chunk/2))
			return nil, nil, err
		},
		"reads all": func(_ context.Context, r io.Reader, size int64, _ archive.Limits) (*mpk.Package, []report.Finding, error) {
			data, err := io.ReadAll(r)
			if sum(data) != sum(big) || size != int64(len(big)) {
				t.Error("the package is not what was read")
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("read after the end: %d, %v", n, err)
			}
			return nil, nil, err
		},
	}
	for name, parse := range parsers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys, root := folder(t)
			check(t, os.WriteFile(filepath.Join(root, "in", colonMPK), big, 0o644))
			u := handful(fsys, "in", func(_, mpk *File) { mpk.Size = int64(len(big)) })
			r := newReader(u, Options{})
			r.to, r.folder, r.parse, r.buffers.size = fsys, stageFolder, parse, chunk
			received, err := r.all(t.Context(), []string{arch})
			check(t, err)
			if received[1].ActualSHA256 != sum(big) {
				t.Errorf("%+v", received[1])
			}
			equal(t, "staged", read(t, fsys, stagedMPK), big)
		})
	}
}

func TestBrokenLook(t *testing.T) {
	t.Parallel()
	parsers := map[string]parser{
		"error": func(context.Context, io.Reader, int64, archive.Limits) (*mpk.Package, []report.Finding, error) {
			return nil, nil, errors.New("no limits")
		},
		"panic": func(context.Context, io.Reader, int64, archive.Limits) (*mpk.Package, []report.Finding, error) {
			panic("a defect of the codec")
		},
	}
	for name, parse := range parsers {
		m := colon(t)
		r := newReader(open(t, m, ".", colonYAML), Options{})
		r.parse = parse
		_, err := r.all(t.Context(), []string{arch})
		e := wantError(t, err, report.CodeInternal, report.KindInternal, colonMPK)
		if !strings.Contains(e.Error(), "no limits") && !strings.Contains(e.Error(), "a defect of the codec") {
			t.Errorf("%s: %v", name, e)
		}
	}
}

func TestBadArchiveIsAFinding(t *testing.T) {
	t.Parallel()
	m := colon(t)
	check(t, m.Remove(colonMPK))
	data := []byte("garbage!")
	write(t, m, colonMPK, data)
	u := handful(m, ".", func(_, mpk *File) { mpk.Size, mpk.SHA256 = 8, sum(data) })
	got, err := Stage(t.Context(), u, m, stageFolder, arch, Options{})
	check(t, err)
	r := got.Received[1]
	if codes(r.Findings) != string(report.CodePackage) || r.Findings[0].File != colonMPK || r.ActualSHA256 != sum(data) {
		t.Errorf("%+v", r)
	}
}

func TestLimitsReachTheLook(t *testing.T) {
	t.Parallel()
	m := colon(t)
	l := archive.DefaultLimits()
	l.Members = 3
	got, err := Inspect(t.Context(), open(t, m, ".", colonYAML), nil, Options{Limits: l})
	check(t, err)
	if r := got.Received[1]; codes(r.Findings) != string(report.CodeLimit) {
		t.Errorf("%+v", r.Findings)
	}
	_, err = Inspect(t.Context(), open(t, m, ".", colonYAML), nil, Options{Limits: archive.Limits{Members: 1}})
	wantError(t, err, report.CodeInternal, report.KindInternal, colonMPK)
}

func TestStageFolderTaken(t *testing.T) {
	t.Parallel()
	m := colon(t)
	write(t, m, stagedMPK, []byte("theirs"))
	_, err := Stage(t.Context(), open(t, m, ".", colonYAML), m, stageFolder, arch, Options{})
	wantError(t, err, report.CodeDisk, report.KindInternal, path.Join(stageFolder, colonMPK))
	equal(t, "their file", read(t, m, stagedMPK), []byte("theirs"))
}
