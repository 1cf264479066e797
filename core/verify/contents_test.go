package verify

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// Manifests that lie about honest files: one lie, one finding, at its place.
func TestLies(t *testing.T) {
	t.Parallel()
	honest := mpktest.Upload{}.Build()
	p, zeros := honest.Packages[0].File, strings.Repeat("0", 64)
	tests := []struct {
		name, old, lie   string
		code             report.Code
		field            string
		line             int
		expected, actual string
	}{
		{"name", "name: foo", "name: bar", report.CodeMismatch, "name", 9, "bar", "foo"},
		{"version", "'1.0.0'", "'1.0.1'", report.CodeMismatch, "version", 9, "1.0.1", "1.0.0"},
		{"package", "    foo:", "    bar:", report.CodeMismatch, "binpkgs.amd64-debian.bar", 9, "bar", "foo"},
		{"hash", p.SHA256, zeros, report.CodeHash, "binpkgs.amd64-debian.foo.sha256", 10, zeros, p.SHA256},
		{"size", "size: " + itoa(p.Size), "size: " + itoa(p.Size+1), report.CodeSize, "binpkgs.amd64-debian.foo.size", 10, itoa(p.Size + 1), itoa(p.Size)},
		{"smaller size", "size: " + itoa(p.Size), "size: " + itoa(p.Size-1), report.CodeSize, "binpkgs.amd64-debian.foo.size", 10, itoa(p.Size - 1), itoa(p.Size)},
		{"source size", "size: " + itoa(honest.Source.Size), "size: 9999", report.CodeSize, "source.size", 3, "9999", itoa(honest.Source.Size)},
		{"architecture", "amd64-debian:", "arm64-debian:", report.CodeArch, "binpkgs", 0, arch, "arm64-debian"},
		{"file", "file: " + p.Name, "file: other.mpk", report.CodeMissing, "binpkgs.amd64-debian.foo.file", 10, "other.mpk", ""},
	}
	for _, tt := range tests {
		b := mpktest.Upload{EditManifest: func(text string) string { return strings.Replace(text, tt.old, tt.lie, 1) }}.Build()
		findings := run(t, built(t, b))
		complete(t, findings)
		if len(findings) != 1 {
			t.Errorf("%s: %v", tt.name, findings)
			continue
		}
		f := findings[0]
		if f.Code != tt.code || f.Field != tt.field || f.Line != tt.line || f.Expected != tt.expected || f.Actual != tt.actual || f.File != b.Manifest.Name || f.Hint == "" {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}

func TestSourceHashLie(t *testing.T) {
	t.Parallel()
	tarball := mpktest.Upload{}.Build().Source.SHA256
	b := mpktest.Upload{EditManifest: func(text string) string { return strings.Replace(text, tarball, strings.Repeat("0", 64), 1) }}.Build()
	if findings := run(t, built(t, b)); codes(findings) != "MP-HASH MP-SRCSHA" {
		t.Errorf("%v", findings)
	}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// What each package is told to differ in, if it was built for something else.
func TestEveryPackageIsTold(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 64)
	b := mpktest.Upload{Packages: []mpktest.Package{
		{Name: "a", Version: "2"}, {Name: "b"}, {Name: "c", Source: "other", SrcSHA256: other},
	}}.Build()
	findings := run(t, built(t, b))
	var got []string
	for _, f := range findings {
		got = append(got, string(f.Code)+" "+f.Field+" "+f.Actual)
	}
	if want := []string{"MP-MISMATCH version 2", "MP-MISMATCH name other", "MP-SRCSHA source.sha256 " + other}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// received is an upload whose only package claims to be read as p, with nothing
// found wrong.
func received(t testing.TB, change func(p *mpk.Package)) upload.Upload {
	t.Helper()
	u := colon(t)
	u.Received = slices.Clone(u.Received)
	p := *u.Received[1].Package
	change(&p)
	u.Received[1].Package = &p
	return u
}

// The built-in checks do not depend on what other rooms have checked.
func TestSecondLineOfDefence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		code  report.Code
		field string
		// change is what another room might let through one day.
		change func(p *mpk.Package)
	}{
		{"metadata name", report.CodeMismatch, colonEntry, func(p *mpk.Package) { p.Metadata.Name = "x" }},
		{"metadata name empty", report.CodeMismatch, colonEntry, func(p *mpk.Package) { p.Metadata.Name = "" }},
		{"metadata version", report.CodeMismatch, "version", func(p *mpk.Package) { p.Metadata.Version = "x\x1b[2J" }},
		{"metadata source", report.CodeMismatch, "name", func(p *mpk.Package) { p.Metadata.Source = "" }},
		{"metadata srcsha256", report.CodeSrcSHA, "source.sha256", func(p *mpk.Package) { p.Metadata.SrcSHA256 = "" }},
		{"sumsha", report.CodeSumSHA, "sumsha256sums", func(p *mpk.Package) { p.SumshaSHA256 = strings.Repeat("0", 64) }},
		{"no sumsha", report.CodeSumSHA, "sumsha256sums", func(p *mpk.Package) { p.SumshaSHA256, p.Metadata.SumSHA256Sums = "", "" }},
		{"name", report.CodeMismatch, "pkginfo:name", func(p *mpk.Package) { p.Info.Name = "x" }},
		{"version", report.CodeMismatch, "pkginfo:version", func(p *mpk.Package) { p.Info.Version = "" }},
		{"source", report.CodeMismatch, "pkginfo:source", func(p *mpk.Package) { p.Info.Source = "x\ny" }},
		{"srcsha256", report.CodeMismatch, "pkginfo:srcsha256", func(p *mpk.Package) { p.Info.SrcSHA256 = "x" }},
		{"ghost", report.CodePkginfo, "pkginfo:ghost", func(p *mpk.Package) { p.Info.Ghost = "perhaps" }},
		{"no ghost", report.CodePkginfo, "pkginfo:ghost", func(p *mpk.Package) { p.Info.Ghost = "" }},
		{"depends", report.CodeText, "pkginfo:depends", func(p *mpk.Package) { p.Info.Depends = "a\nfilename: x" }},
		{"depends with a tab", report.CodeText, "pkginfo:depends", func(p *mpk.Package) { p.Info.Depends = "a\tb" }},
		{"sysdepends", report.CodeText, "pkginfo:sysdepends", func(p *mpk.Package) { p.Info.SysDepends = "a\r" }},
		{"description with CR", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\r\nb" }},
		{"description with NUL", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\x00b" }},
		{"description with NEL", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\u0085b" }},
		{"description with LS", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\u2028b" }},
		{"description not UTF-8", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\xffb" }},
		{"description with a dot", report.CodeText, "pkginfo:description", func(p *mpk.Package) { p.Info.Description = "a\n.\nb" }},
	}
	for _, tt := range tests {
		findings := run(t, received(t, tt.change))
		complete(t, findings)
		if !report.Refused(findings) || !has(findings, tt.code, tt.field) {
			t.Errorf("%s: %v, want %s about %s", tt.name, findings, tt.code, tt.field)
		}
	}
	for _, fine := range []string{"", "a\n\nb", "tab\there", "note: x", "\uFFFD", "日本語", " a \n "} {
		if findings := run(t, received(t, func(p *mpk.Package) { p.Info.Description = fine })); len(findings) > 0 {
			t.Errorf("description %q: %v", fine, findings)
		}
	}
}

// So it is with what reading the files says.
func TestSecondLineOfDefenceForFiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		want   string
		change func(u *upload.Upload)
	}{
		"not found":           {"MP-MISSING", func(u *upload.Upload) { u.Received[1].Found = false }},
		"source not found":    {"MP-MISSING", func(u *upload.Upload) { u.Received[0].Found = false }},
		"no hash":             {"MP-HASH", func(u *upload.Upload) { u.Received[1].ActualSHA256 = "" }},
		"no hash, larger":     {"MP-SIZE", func(u *upload.Upload) { r := &u.Received[1]; r.ActualSHA256, r.ActualSize, r.Package = "", 808, nil }},
		"size of the source":  {"MP-SIZE", func(u *upload.Upload) { u.Received[0].ActualSize-- }},
		"not looked into":     {"MP-PACKAGE", func(u *upload.Upload) { u.Received[1].Package = nil }},
		"finding of the read": {"MP-MEMBER", func(u *upload.Upload) { u.Received[1].Findings = []report.Finding{{Code: report.CodeMember}} }},
		"warning of the read": {"MP-MISSING MP-MISSING", func(u *upload.Upload) {
			u.Received[1].Found = false
			u.Received[1].Findings = []report.Finding{{Code: report.CodeMissing, Severity: report.SeverityWarning}}
		}},
	}
	for name, tt := range tests {
		u := colon(t)
		tt.change(&u)
		if findings := run(t, u); codes(findings) != tt.want || !report.Refused(findings) {
			t.Errorf("%s: %v, want %s", name, findings, tt.want)
		}
	}
}

// Names that only the manifest's parser has refused so far.
func TestSecondLineOfDefenceForNames(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(u *upload.Upload) (code report.Code, field string){
		"source": func(u *upload.Upload) (report.Code, string) { u.Manifest.Name = "a: b"; return report.CodeName, "name" },
		"version": func(u *upload.Upload) (report.Code, string) {
			u.Manifest.Version = "1:0"
			return report.CodeVersion, "version"
		},
		"any": func(u *upload.Upload) (report.Code, string) {
			u.Manifest.Version = "any"
			return report.CodeVersion, "version"
		},
		"source file": func(u *upload.Upload) (report.Code, string) {
			u.Manifest.Source.Name, u.Received[0].Name = "../x", "../x"
			return report.CodeName, "source.file"
		},
		"package file": func(u *upload.Upload) (report.Code, string) {
			u.Manifest.Binary[0].Packages[0].File.Name, u.Received[1].Name = "source-index", "source-index"
			return report.CodeName, colonEntry + ".file"
		},
		"package": func(u *upload.Upload) (report.Code, string) {
			u.Manifest.Binary[0].Packages[0].Name, u.Received[1].PackageName = "a\nb", "a\nb"
			return report.CodeName, "binpkgs.amd64-debian"
		},
	} {
		u := colon(t)
		code, field := change(&u)
		if findings := run(t, u); !has(findings, code, field) {
			t.Errorf("%s: %v", name, findings)
		}
	}
}

// Whatever a package says: if it passes, its stanza reads back as what it said,
// alone, and no client can take it for anything else.
func TestWhatPassesReadsBack(t *testing.T) {
	t.Parallel()
	base := colon(t)
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab :.\n\n\t\r\x00\x1b\u0085\u2028é()=>,")), 0, 200, -1)
		u := base
		u.Received = slices.Clone(base.Received)
		p := *u.Received[1].Package
		p.Info.Description, p.Info.Depends, p.Info.SysDepends = text.Draw(t, "description"), text.Draw(t, "depends"), text.Draw(t, "sysdepends")
		if rapid.Bool().Draw(t, "clean") {
			clean := strings.NewReplacer("\r", "", "\x00", "", "\x1b", "", "\u0085", "", "\u2028", "")
			line := strings.NewReplacer("\n", "", "\t", "")
			p.Info.Description = clean.Replace(p.Info.Description)
			p.Info.Depends, p.Info.SysDepends = line.Replace(clean.Replace(p.Info.Depends)), line.Replace(clean.Replace(p.Info.SysDepends))
		}
		u.Received[1].Package = &p
		findings, err := Run(t.Context(), u, arch, nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.Refused(findings) {
			return
		}
		passed++
		a := plan.NewAddition(u.Manifest, u.Name, arch, map[string]*mpk.Package{"colon": &p}, plan.Requests{})
		stanza := index.FormatBinary(a.Binaries[0])
		back, err := index.ParseBinary(stanza)
		if err != nil || back.Description != p.Info.Description || back.Depends != p.Info.Depends || back.SysDepends != p.Info.SysDepends {
			t.Fatalf("%q\nreads back as %+v, %v", stanza, back, err)
		}
		if strings.Count(stanza, "\n\n") != 1 || !utf8.ValidString(stanza) || strings.ContainsAny(stanza, "\r\x00\u0085\u2028") {
			t.Fatalf("%q", stanza)
		}
	})
	if passed == 0 {
		t.Error("nothing passed")
	}
}
