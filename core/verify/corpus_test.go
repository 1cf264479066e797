package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestGenuineUploads(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(genuine)
	check(t, err)
	if len(entries) != 12 {
		t.Fatalf("%d genuine uploads, want 12", len(entries))
	}
	from := open(t, genuine)
	for _, e := range entries {
		names, err := filepath.Glob(filepath.Join(genuine, e.Name(), "*.mmpack-manifest"))
		check(t, err)
		u := read(t, from, e.Name(), filepath.Base(names[0]), newMem(t))
		for _, a := range []string{arch, ""} {
			findings, err := Run(t.Context(), u, a, nil)
			check(t, err)
			if len(findings) > 0 {
				t.Errorf("%s for %q: %v", e.Name(), a, findings)
			}
		}
	}
}

// Each folder is refused for what it is named after; the uploader's files, and
// those around them, are not touched.
func TestDamagedUploads(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code  report.Code
		field string
		// only: nothing else is told.
		only bool
	}{
		"empty-manifest":    {report.CodeYAML, "", true},
		"missing-mpk":       {report.CodeMissing, colonEntry + ".file", true},
		"missing-src":       {report.CodeMissing, "source.file", true},
		"name-mismatch-bin": {report.CodeMismatch, "binpkgs.amd64-debian.semicolon", true},
		"name-mismatch-src": {report.CodeMismatch, "name", true},
		"no-binpkgs-list":   {report.CodeArch, "binpkgs", true},
		"no-size":           {report.CodeField, "size", false},
		"no-source":         {report.CodeField, "source", true},
		"not-a-package":     {report.CodePackage, "", false},
		"not-yaml":          {report.CodeYAML, "", true},
		"overwrite-index":   {report.CodeName, colonEntry + ".file", true},
		"srcsha-mismatch":   {report.CodeSrcSHA, "source.sha256", false},
		"subfolder":         {report.CodeName, colonEntry + ".file", true},
		"traversal":         {report.CodeName, colonEntry + ".file", true},
		"version-mismatch":  {report.CodeMismatch, "version", true},
		"wrong-arch":        {report.CodeArch, "binpkgs", true},
		"wrong-sha-mpk":     {report.CodeSize, colonEntry + ".size", false},
		"wrong-sha-src":     {report.CodeSize, "source.size", true},
		"wrong-size":        {report.CodeSize, "size", false},
	}
	entries, err := os.ReadDir(damaged)
	check(t, err)
	before := tree(t, damaged)
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		tt, ok := tests[e.Name()]
		if !ok {
			t.Errorf("%s: what is it to be refused for?", e.Name())
			continue
		}
		from := vfs.Observe(open(t, damaged), func(op vfs.Op) error {
			if !strings.HasPrefix(op.Name, e.Name()+"/") || strings.Count(op.Name, "/") != 1 || op.Writes() {
				t.Errorf("%s: %s of %s", e.Name(), op.Kind, op.Name)
			}
			return nil
		})
		findings := verdict(t, from, e.Name(), colonYAML, newMem(t))
		if !report.Refused(findings) || !has(findings, tt.code, tt.field) || tt.only && len(findings) != 1 {
			t.Errorf("%s: %v, want %s about %q", e.Name(), findings, tt.code, tt.field)
		}
		complete(t, findings)
	}
	if tree(t, damaged) != before {
		t.Error("files were changed")
	}
}

// One flipped bit anywhere, the size unchanged: refused for its hash.
func TestEveryFlippedByte(t *testing.T) {
	t.Parallel()
	for file, field := range map[string]string{colonMPK: colonEntry + ".sha256", colonTar: "source.sha256"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{}
			for _, name := range []string{colonTar, colonMPK} {
				data, err := os.ReadFile(filepath.Join(genuine, "09-colon-1.0", name))
				check(t, err)
				files[name] = data
			}
			u := colon(t)
			for i := range files[file] {
				m := newMem(t)
				for name, data := range files {
					if name == file {
						data = append([]byte{}, data...)
						data[i] ^= 1 << (i % 8)
					}
					write(t, m, name, data)
				}
				u.FS, u.Dir = m, "."
				read, err := upload.Inspect(t.Context(), u, nil, upload.Options{})
				check(t, err)
				findings := run(t, read)
				if !report.Refused(findings) || !has(findings, report.CodeHash, field) {
					t.Errorf("byte %d: %v", i, findings)
				}
			}
		})
	}
}

// The order is the manifest's, every time.
func TestOrderOfFindings(t *testing.T) {
	t.Parallel()
	m := newMem(t)
	entries, err := os.ReadDir(filepath.Join(genuine, "01-foo-1.0.0"))
	check(t, err)
	name := ""
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(genuine, "01-foo-1.0.0", e.Name()))
		check(t, err)
		if strings.HasSuffix(e.Name(), "manifest") {
			name = e.Name()
			write(t, m, name, data)
		} else {
			write(t, m, e.Name(), append(data, 'x'))
		}
	}
	u, _, err := upload.Open(t.Context(), m, ".", name)
	check(t, err)
	for range 3 {
		u, err := upload.Inspect(t.Context(), u, nil, upload.Options{})
		check(t, err)
		findings := run(t, u)
		line := 0
		for _, f := range findings {
			if f.Code != report.CodeSize || f.Line <= line {
				t.Errorf("%+v after line %d", f, line)
			}
			line = f.Line
		}
		if len(findings) != 5 {
			t.Errorf("%d findings, want one for each file: %s", len(findings), codes(findings))
		}
	}
}
