package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/archive/archivetest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

func allHostile() []hostile {
	list := hostileNames()
	list = append(list, hostilePkginfos()...)
	list = append(list, hostileMetadata()...)
	return append(list, hostileMembers()...)
}

// Each is refused by a rule with a name, and nothing outside of the stage is
// touched: neither the uploader's files, nor the repository's, nor those around.
func TestHostileUploads(t *testing.T) {
	t.Parallel()
	list := allHostile()
	if len(list) < 150 {
		t.Errorf("only %d hostile uploads", len(list))
	}
	for _, h := range list {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			b := h.upload.Build()
			findings := attack(t, b.Files(), b.Manifest.Name)
			if !report.Refused(findings) || !has(findings, h.code, "") {
				t.Errorf("%v, want %s", findings, h.code)
			}
		})
	}
}

// The harness refuses for the hostility, not for something else.
func TestHonestUploadPasses(t *testing.T) {
	t.Parallel()
	for _, u := range []mpktest.Upload{{}, pkginfo("nothing", "Text", "Text", "").upload, metadata("nothing", "foo", "foo", "").upload} {
		b := u.Build()
		if findings := attack(t, b.Files(), b.Manifest.Name); len(findings) > 0 {
			t.Errorf("%v", findings)
		}
	}
}

// attack runs an upload against a folder with a repository, and things worth to
// be reached.
func attack(t *testing.T, files []mpktest.File, manifest string) []report.Finding {
	t.Helper()
	root := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(root, "repo", stage), 0o755))
	check(t, os.Mkdir(filepath.Join(root, "in"), 0o755))
	for _, name := range []string{"evil.mpk", "repo/lock", "repo/metadata", "repo/source-index", "repo/binary-index.gz"} {
		check(t, os.WriteFile(filepath.Join(root, name), []byte(name), 0o644))
	}
	for _, f := range files {
		check(t, os.WriteFile(filepath.Join(root, "in", f.Name), f.Data, 0o644))
	}
	before := tree(t, root)
	findings := verdict(t, open(t, filepath.Join(root, "in")), ".", manifest, open(t, filepath.Join(root, "repo")))
	complete(t, findings)
	if tree(t, root) != before {
		t.Error("something outside of the stage was changed")
	}
	staged, err := os.ReadDir(filepath.Join(root, "repo", stage))
	check(t, err)
	if len(staged) > len(files) {
		t.Errorf("staged %v", staged)
	}
	return findings
}

// Files that are no packages, told as what they are.
func TestHostileArchives(t *testing.T) {
	t.Parallel()
	good := mpktest.Upload{}.Build()
	mpk := good.Packages[0].File.Data
	tests := []struct {
		name string
		code report.Code
		data []byte
	}{
		{"cut short", report.CodePackage, mpk[:len(mpk)-1]},
		{"half", report.CodePackage, mpk[:len(mpk)/2]},
		{"followed by garbage", report.CodePackage, append(append([]byte{}, mpk...), "garbage"...)},
		{"twice", report.CodePackage, append(append([]byte{}, mpk...), mpk...)},
		{"gzip", report.CodePackage, archivetest.Pack(archivetest.Gzip, []byte("x"))},
		{"plain tar", report.CodePackage, archivetest.TarBytes(mpktest.Member{Name: "./x"})},
		{"no tar", report.CodePackage, archivetest.Pack(archivetest.Zstd, []byte("no tar"))},
		{"empty tar", report.CodeMetadata, archivetest.Pack(archivetest.Zstd, archivetest.TarBytes())},
		{"zeros", report.CodeMetadata, archivetest.Zeros(archivetest.Zstd, 64<<20)},
		{"shell script", report.CodePackage, []byte("#!/bin/sh\nrm -rf /\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := mpktest.File{Name: good.Packages[0].File.Name, SHA256: sum(tt.data), Size: int64(len(tt.data)), Data: tt.data}
			p := mpktest.PackageFile{Package: good.Packages[0].Package, File: file}
			text := mpktest.Manifest("foo", "1.0.0", good.Source, p)
			manifest := mpktest.File{Name: good.Manifest.Name, Data: []byte(text)}
			findings := attack(t, []mpktest.File{good.Source, file, manifest}, manifest.Name)
			if !has(findings, tt.code, "") {
				t.Errorf("%v, want %s", findings, tt.code)
			}
		})
	}
}

// A bomb ends at the limit, here a small one.
func TestBomb(t *testing.T) {
	t.Parallel()
	zeros := mpktest.Member{Name: "./zeros", Body: strings.Repeat("\x00", 8<<20)}
	b := mpktest.Upload{Packages: []mpktest.Package{{Files: []mpktest.Member{zeros}}}}.Build()
	m := newMem(t)
	for _, f := range b.Files() {
		write(t, m, f.Name, f.Data)
	}
	u, _, err := upload.Open(t.Context(), m, ".", b.Manifest.Name)
	check(t, err)
	for base, refused := range map[int64]bool{1 << 20: true, 64 << 20: false} {
		l := archive.DefaultLimits()
		l.DecodedBase = base
		u, err := upload.Inspect(t.Context(), u, nil, upload.Options{Limits: l})
		check(t, err)
		if findings := run(t, u); has(findings, report.CodeLimit, "") != refused || report.Refused(findings) != refused {
			t.Errorf("limit %d: %v", base, findings)
		}
	}
}
