package contents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func folder(t testing.TB, at string) vfs.FS {
	t.Helper()
	dir, err := vfs.OpenDir(at)
	check(t, err)
	t.Cleanup(func() { dir.Close() })
	return dir
}

// repository is an empty one.
func repository(t testing.TB, arch string) *repo.Repo {
	t.Helper()
	at := t.TempDir()
	check(t, os.Mkdir(filepath.Join(at, repo.MetaDir), 0o700))
	n := 0
	return &repo.Repo{FS: folder(t, at), Path: at, Arch: arch, Now: time.Now, NewID: func() string { n++; return fmt.Sprint(n) }}
}

func verifier(t testing.TB, settings string, r *repo.Repo) *Verifier {
	t.Helper()
	v, err := New([]byte(settings), r)
	check(t, err)
	return v
}

// read is an upload in a folder, as verifiers get it.
func read(t testing.TB, at, manifest string, archs ...string) upload.Upload {
	t.Helper()
	u, findings, err := upload.Open(t.Context(), folder(t, at), ".", manifest)
	check(t, err)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	u, err = upload.Inspect(t.Context(), u, archs, upload.Options{})
	check(t, err)
	return u
}

func made(t testing.TB, what mpktest.Upload) upload.Upload {
	t.Helper()
	return read(t, filepath.Dir(what.In(t, t.TempDir())), what.ManifestName())
}

// said are the codes and fields of findings.
func said(t testing.TB, findings []report.Finding, err error) string {
	t.Helper()
	check(t, err)
	var list []string
	for _, f := range findings {
		if f.Message == "" || f.Hint == "" || f.Code != report.CodeLists && (f.File == "" || !f.Refuses()) {
			t.Errorf("incomplete: %+v", f)
		}
		list = append(list, strings.TrimSuffix(strings.TrimPrefix(string(f.Code), "MP-")+" "+f.Field, " "))
	}
	return strings.Join(list, ", ")
}

// published is a repository's index, with its packages in the folder.
func published(t testing.TB, r *repo.Repo, all ...index.Binary) index.View {
	t.Helper()
	var text strings.Builder
	for _, b := range all {
		text.WriteString(index.FormatBinary(b))
	}
	v, err := index.NewView([]byte(text.String()), nil)
	check(t, err)
	return v
}

// stanza is that of a package that installs some files, and its file is put into r.
func stanza(t testing.TB, r *repo.Repo, name, version string, files ...string) index.Binary {
	t.Helper()
	p := mpktest.Package{Name: name, Version: version}
	for _, f := range files {
		p.Files = append(p.Files, mpktest.Member{Name: "./" + f, Body: f})
	}
	b := mpktest.Upload{Name: name, Version: version, Packages: []mpktest.Package{p}}.Build().Packages[0].File
	b.Name = b.SHA256[:8] + b.Name
	check(t, os.WriteFile(filepath.Join(r.Path, b.Name), b.Data, 0o644))
	return index.Binary{Name: name, Version: version, Source: name, SrcSHA256: strings.Repeat("0", 64), Ghost: "false", SumSHA256Sums: strings.Repeat("0", 64),
		Description: "x", Filename: b.Name, Size: b.Size, SHA256: b.SHA256}
}

// adding is the plan of an ordinary publish.
func adding(all ...index.Binary) plan.Plan {
	var p plan.Plan
	for _, b := range all {
		p.Edit.DropBinaries = append(p.Edit.DropBinaries, b.Name)
	}
	p.Edit.AppendBinaries = all
	return p
}
