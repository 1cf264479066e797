package plan

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
)

// TestNewAddition gives every place another value, to see which one is taken.
func TestNewAddition(t *testing.T) {
	t.Parallel()
	m := &manifest.Manifest{
		Name: "m-source", Version: "m-version",
		Source: manifest.File{Name: "src.tar.xz", SHA256: "m-src-sha", Size: 11},
		Binary: []manifest.Architecture{
			{Name: "arm64-debian", Packages: []manifest.Package{{Name: "other"}}},
			{Name: "amd64-debian", Packages: []manifest.Package{
				{Name: "z-key", File: manifest.File{Name: "z.mpk", SHA256: "z-sha", Size: 22}},
				{Name: "a-key", File: manifest.File{Name: "a.mpk", SHA256: "a-sha", Size: 33}},
			}},
		},
	}
	packages := map[string]*mpk.Package{"z-key": {
		Metadata: mpk.Metadata{Name: "md-name", Version: "md-version", Source: "md-source", SrcSHA256: "md-src-sha", SumSHA256Sums: "md-sums"},
		Info: mpk.Info{Name: "i-name", Version: "i-version", Source: "i-source", SrcSHA256: "i-src-sha",
			Ghost: "true", Description: "i-description", Depends: "i-depends", SysDepends: "i-sysdepends"},
		SumshaSHA256: "computed",
	}}
	a := NewAddition(m, "x.mmpack-manifest", "amd64-debian", packages, Requests{Downgrade: true})
	if a.Manifest != "x.mmpack-manifest" || a.Requests != (Requests{Downgrade: true}) {
		t.Errorf("%+v", a)
	}
	if want := (index.Source{Name: "m-source", Version: "m-version", Filename: "src.tar.xz", Size: 11, SHA256: "m-src-sha"}); a.Source != want {
		t.Errorf("%+v, want %+v", a.Source, want)
	}
	want := []index.Binary{
		{Name: "md-name", Version: "i-version", Source: "i-source", SrcSHA256: "i-src-sha", Ghost: "true", SumSHA256Sums: "md-sums",
			Depends: "i-depends", SysDepends: "i-sysdepends", Description: "i-description", Filename: "z.mpk", Size: 22, SHA256: "z-sha"},
		{Name: "a-key", Version: "m-version", Source: "m-source", SrcSHA256: "m-src-sha", Filename: "a.mpk", Size: 33, SHA256: "a-sha"},
	}
	if len(a.Binaries) != 2 || a.Binaries[0] != want[0] || a.Binaries[1] != want[1] {
		t.Errorf("%+v\nwant\n%+v", a.Binaries, want)
	}
	if a := NewAddition(m, "x", "amd64-windows", nil, Requests{}); a.Binaries != nil {
		t.Errorf("%+v", a.Binaries)
	}
}

// TestMalformed: whatever comes in, no stanza that breaks the index, no path outside and
// no source without a package comes out.
func TestMalformed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks func(a *Addition)
		code   report.Code
		file   string
	}{
		"no packages":           {func(a *Addition) { a.Binaries = nil }, report.CodeArch, "foo_1.0_amd64-debian.mmpack-manifest"},
		"no source name":        {func(a *Addition) { a.Source.Name = "" }, report.CodeName, "foo_1.0_amd64-debian.mmpack-manifest"},
		"no version":            {func(a *Addition) { a.Source.Version = "" }, report.CodeVersion, "foo_1.0_amd64-debian.mmpack-manifest"},
		"a line in the name":    {func(a *Addition) { a.Binaries[0].Name = "foo\nversion: 2" }, report.CodeName, "foo_1.0_amd64-debian.mpk"},
		"version any":           {func(a *Addition) { a.Binaries[1].Version = "any" }, report.CodeVersion, "libfoo1_1.0_amd64-debian.mpk"},
		"two of a name":         {func(a *Addition) { a.Binaries[1].Name = "foo" }, report.CodeDuplicate, "libfoo1_1.0_amd64-debian.mpk"},
		"two of a file":         {func(a *Addition) { a.Binaries[1].Filename = a.Binaries[0].Filename }, report.CodeDuplicate, "foo_1.0_amd64-debian.mmpack-manifest"},
		"package and tarball":   {func(a *Addition) { a.Binaries[1].Filename = a.Source.Filename }, report.CodeDuplicate, "foo_1.0_amd64-debian.mmpack-manifest"},
		"another source":        {func(a *Addition) { a.Binaries[1].Source = "bar" }, report.CodeMismatch, "libfoo1_1.0_amd64-debian.mpk"},
		"another tarball":       {func(a *Addition) { a.Binaries[1].SrcSHA256 = hash("x") }, report.CodeSrcSHA, "libfoo1_1.0_amd64-debian.mpk"},
		"a file outside":        {func(a *Addition) { a.Binaries[1].Filename = "../x.mpk" }, report.CodeName, "foo_1.0_amd64-debian.mmpack-manifest"},
		"the index itself":      {func(a *Addition) { a.Source.Filename = "binary-index.gz" }, report.CodeName, "foo_1.0_amd64-debian.mmpack-manifest"},
		"a hash with a path":    {func(a *Addition) { a.Binaries[0].SHA256 = "../" + strings.Repeat("a", 61) }, report.CodeField, "foo_1.0_amd64-debian.mmpack-manifest"},
		"a short hash":          {func(a *Addition) { a.Source.SHA256 = "ab" }, report.CodeField, "foo_1.0_amd64-debian.mmpack-manifest"},
		"upper case":            {func(a *Addition) { a.Binaries[0].SHA256 = strings.Repeat("A", 64) }, report.CodeField, "foo_1.0_amd64-debian.mmpack-manifest"},
		"no size":               {func(a *Addition) { a.Binaries[0].Size = 0 }, report.CodeField, "foo_1.0_amd64-debian.mmpack-manifest"},
		"a description with CR": {func(a *Addition) { a.Binaries[0].Description = "a\r\nb" }, report.CodeText, "foo_1.0_amd64-debian.mpk"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := upload("foo", "1.0", "foo", "libfoo1")
			c.breaks(&a)
			p := emptyRepository().plan(t, a, Rules{Allow, Allow, Allow})
			if p.Result != report.Rejected || !p.Edit.Empty() || p.Puts != nil {
				t.Fatalf("%+v", p)
			}
			if f := mustFind(t, p, c.code)[0]; f.File != c.file || !f.Refuses() || f.Message == "" {
				t.Errorf("%+v", f)
			}
		})
	}
	a := upload("foo", "1.0", "foo", "libfoo1")
	a.Binaries[0].Version, a.Binaries[1].SHA256, a.Source.Filename = "", "", ""
	if p := emptyRepository().plan(t, a, Rules{}); len(p.Findings) != 3 {
		t.Errorf("not all at once: %v", p.Findings)
	}
}
