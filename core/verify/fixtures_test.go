package verify

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	arch       = "amd64-debian"
	genuine    = "../../testdata/mmpack/uploads"
	damaged    = "../../testdata/mmpack/uploads-bad"
	stage      = "stage"
	colonMPK   = "colon_1.0_amd64-debian.mpk"
	colonTar   = "colon_1.0_src.tar.xz"
	colonYAML  = "colon_1.0_amd64-debian.mmpack-manifest"
	colonEntry = "binpkgs.amd64-debian.colon"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem(func() time.Time { return time.Unix(1700000000, 0) })
	check(t, m.Mkdir(stage, 0o700))
	return m
}

func write(t testing.TB, to vfs.FS, name string, data []byte) {
	t.Helper()
	check(t, vfs.CreateSynced(to, name, 0o644, data))
}

// read stages an upload that opens without a refusal.
func read(t testing.TB, from vfs.FS, dir, name string, to vfs.FS) upload.Upload {
	t.Helper()
	u, findings, err := upload.Open(t.Context(), from, dir, name)
	check(t, err)
	if report.Refused(findings) {
		t.Fatalf("%s: %v", name, findings)
	}
	u, err = upload.Stage(t.Context(), u, to, stage, arch, upload.Options{})
	check(t, err)
	return u
}

// verdict is what the line up to verification says about an upload.
func verdict(t testing.TB, from vfs.FS, dir, name string, to vfs.FS) []report.Finding {
	t.Helper()
	u, findings, err := upload.Open(t.Context(), from, dir, name)
	check(t, err)
	if report.Refused(findings) {
		return findings
	}
	u, err = upload.Stage(t.Context(), u, to, stage, arch, upload.Options{})
	check(t, err)
	more, err := Run(t.Context(), u, arch, nil)
	check(t, err)
	return append(findings, more...)
}

// built puts an upload from memory into an FS of its own and stages it.
func built(t testing.TB, b mpktest.Built) upload.Upload {
	t.Helper()
	m := newMem(t)
	for _, f := range b.Files() {
		write(t, m, f.Name, f.Data)
	}
	return read(t, m, ".", b.Manifest.Name, m)
}

// run verifies an upload that was read.
func run(t testing.TB, u upload.Upload) []report.Finding {
	t.Helper()
	findings, err := Run(t.Context(), u, arch, nil)
	check(t, err)
	return findings
}

// colon is the smallest genuine upload, staged.
func colon(t testing.TB) upload.Upload {
	t.Helper()
	from := open(t, genuine)
	return read(t, from, "09-colon-1.0", colonYAML, newMem(t))
}

func open(t testing.TB, name string) *vfs.Dir {
	t.Helper()
	d, err := vfs.OpenDir(name)
	check(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func codes(findings []report.Finding) string {
	var list []string
	for _, f := range findings {
		list = append(list, string(f.Code))
	}
	return strings.Join(list, " ")
}

// has reports whether a finding of that code is about that field.
func has(findings []report.Finding, code report.Code, field string) bool {
	for _, f := range findings {
		if f.Code == code && strings.Contains(f.Field, field) {
			return true
		}
	}
	return false
}

// complete checks what every finding owes its reader.
func complete(t testing.TB, findings []report.Finding) {
	t.Helper()
	for _, f := range findings {
		if f.Code == "" || f.Severity == "" || f.File == "" || f.Message == "" || strings.HasSuffix(strings.TrimSuffix(f.Message, ".."), ".") {
			t.Errorf("incomplete finding %+v", f)
		}
		if strings.ContainsAny(f.String(), "\x00\x1b\r\n\u0085\u2028") {
			t.Errorf("a finding with a control character: %q", f.String())
		}
	}
}

// tree describes all files below a folder but those in the stage.
func tree(t testing.TB, root string) string {
	t.Helper()
	var b strings.Builder
	check(t, filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == stage {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(name + " " + info.Mode().String() + " " + info.ModTime().String())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			b.WriteString(" " + sum(data))
		}
		b.WriteString("\n")
		return nil
	}))
	return b.String()
}
