package policy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
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

func verifier(t testing.TB, settings string) *Verifier {
	t.Helper()
	v, err := New([]byte(settings))
	check(t, err)
	return v
}

// read is an upload as the verifiers get it.
func read(t testing.TB, what mpktest.Upload) upload.Upload {
	t.Helper()
	at := t.TempDir()
	b := what.Build()
	for _, f := range b.Files() {
		check(t, os.WriteFile(filepath.Join(at, f.Name), f.Data, 0o644))
	}
	dir, err := vfs.OpenDir(at)
	check(t, err)
	t.Cleanup(func() { dir.Close() })
	u, findings, err := upload.Open(context.Background(), dir, ".", b.Manifest.Name)
	check(t, err)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	u, err = upload.Inspect(context.Background(), u, nil, upload.Options{})
	check(t, err)
	return u
}

// said are the codes and fields of findings.
func said(t testing.TB, findings []report.Finding, err error) string {
	t.Helper()
	check(t, err)
	var list []string
	for _, f := range findings {
		if f.Message == "" || f.Hint == "" || !f.Refuses() {
			t.Errorf("incomplete: %+v", f)
		}
		list = append(list, strings.TrimPrefix(string(f.Code), "MP-POLICY-")+" "+f.Field)
	}
	return strings.Join(list, ", ")
}

func TestUpload(t *testing.T) {
	t.Parallel()
	u := read(t, mpktest.Upload{Name: "foo", Version: "1.2.3", Packages: []mpktest.Package{{Name: "foo", Depends: "bar"}, {Name: "libfoo"}}})
	for settings, want := range map[string]string{
		``: "",
		`{"sources":{"allow":["f*","x"]},"packages":{"allow":["*foo"]}}`:                  "",
		`{"sources":{"allow":["x*"]}}`:                                                    "NAME name",
		`{"sources":{"allow":["*"],"deny":["fo?"]}}`:                                      "NAME name",
		`{"packages":{"deny":["lib*"]}}`:                                                  "NAME binpkgs.amd64-debian.libfoo",
		`{"packages":{"allow":["foo"]}}`:                                                  "NAME binpkgs.amd64-debian.libfoo",
		`{"packages":{"deny":["*"]},"version":"1"}`:                                       "VERSION version, NAME binpkgs.amd64-debian.foo, NAME binpkgs.amd64-debian.libfoo",
		`{"version":"[0-9]+(\\.[0-9]+)*"}`:                                                "",
		`{"version":"1|2"}`:                                                               "VERSION version",
		`{"version":"1\\.2"}`:                                                             "VERSION version",
		`{"size":{"package":"1B","source":"1B","upload":"1B","unpacked":"1B"}}`:           "SIZE source, SIZE package, SIZE package, SIZE upload, SIZE unpacked",
		`{"size":{"package":"1MiB","source":"1GB","upload":"1.5TiB","unpacked":"99999"}}`: "",
		`{"fields":["depends"]}`:                                                          "FIELD depends",
		`{"fields":["depends","description","sysdepends"]}`:                               "FIELD description, FIELD sysdepends, FIELD depends, FIELD description, FIELD sysdepends",
	} {
		findings, err := verifier(t, settings).Verify(t.Context(), u)
		got := said(t, findings, err)
		if got != want {
			t.Errorf("%s: %s, want %s", settings, got, want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for settings, say := range map[string]string{
		`{"sizes":{}}`:                                          `"size" may be meant`,
		`{"size":{"pkg":"1"}}`:                                  "is not a known key",
		`{"size":{"package":"much"}}`:                           `size: package: "much" is not a size`,
		`{"size":{"package":"-1MiB"}}`:                          "is not a size",
		`{"size":{"package":"1e99GiB"}}`:                        "is not a size",
		`{"size":{"package":"1 parsec"}}`:                       "is not a size",
		`{"size":{"package":"NaN"}}`:                            "is not a size",
		`{"sources":{"allow":["["]}}`:                           `sources: allow: "[" is not a pattern`,
		`{"version":"("}`:                                       "version: error parsing",
		`{"version":"1)|(2"}`:                                   "version: error parsing",
		`{"fields":["licence"]}`:                                `"licence" is not one of description, depends, sysdepends`,
		`{"changes":[{"source":"*","forbid":["down"]}]}`:        `"down" is not one of downgrade`,
		`{"changes":[{"forbid":["remove"]}]}`:                   "changes: source",
		`{"changes":[{"source":"*","forbids":["downgrade"]}]}`:  `"forbid" may be meant`,
		`{"sources":{"alow":["x"]}}`:                            `"allow" may be meant`,
		`{"version":7}`:                                         "has to be a text",
		`{"changes":{"source":"*","forbid":["downgrade"]}}`:     "has to be a list",
		`{"licences":{"allow":["MIT"]}}`:                        "is not a known key",
		`{"size":{"package":"1KiB "},"version":"[0-9"}`:         "version:",
		`{"packages":{"deny":["ok","[x"]},"fields":["depend"]}`: "not a pattern",
	} {
		if _, err := New([]byte(settings)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", settings, err, say)
		}
	}
}

// view is what is published: foo 1.0 of foo, bar of other.
func view(t testing.TB) index.View {
	t.Helper()
	v, err := index.NewView([]byte("name: foo\nversion: 1.0\nsource: foo\nsrcsha256: aa\nfilename: foo.mpk\n\nname: bar\nversion: 1\nsource: other\nsrcsha256: bb\nfilename: bar.mpk\n\n"),
		[]byte("name: foo\nversion: 1.0\nsha256: aa\nfilename: foo.tar\n\nname: other\nversion: 1\nsha256: bb\nfilename: other.tar\n\n"))
	check(t, err)
	return v
}

func TestChanges(t *testing.T) {
	t.Parallel()
	binary := func(name, source string) index.Binary { return index.Binary{Name: name, Source: source} }
	dropped := func(name, source string) plan.Dropped {
		return plan.Dropped{Binary: &index.InsertBinary{Binary: binary(name, source)}}
	}
	line := func(kind report.PackageKind, name string, action report.Action) report.Package {
		return report.Package{Kind: kind, Name: name, Version: "1", Action: action}
	}
	plans := map[string]plan.Plan{
		"downgrade": {Packages: []report.Package{line(report.Source, "foo", report.ActionDowngrade)}},
		"downgrade of a binary": {Packages: []report.Package{line(report.Binary, "foo", report.ActionDowngrade)}, Dropped: []plan.Dropped{dropped("foo", "foo")},
			Edit: index.Edit{ReplaceBinaries: []index.Binary{binary("foo", "foo")}}},
		"rebuild":  {Packages: []report.Package{line(report.Source, "foo", report.ActionRebuild)}},
		"removal":  {Packages: []report.Package{line(report.Binary, "bar", report.ActionRemove)}, Dropped: []plan.Dropped{dropped("bar", "other")}},
		"takeover": {Packages: []report.Package{line(report.Binary, "bar", report.ActionReplace)}, Dropped: []plan.Dropped{dropped("bar", "other")}, Edit: index.Edit{AppendBinaries: []index.Binary{binary("bar", "foo")}}},
		"new":      {Packages: []report.Package{line(report.Source, "zed", report.ActionAdd)}, Edit: index.Edit{AppendSources: []index.Source{{Name: "zed"}}}},
		"update":   {Packages: []report.Package{line(report.Source, "foo", report.ActionReplace)}, Edit: index.Edit{AppendSources: []index.Source{{Name: "foo"}}}},
	}
	all := `"downgrade","rebuild","take-over","remove","new"`
	for settings, refused := range map[string]string{
		`{}`: "",
		`{"changes":[{"source":"*","forbid":[` + all + `]}]}`:                              "downgrade, downgrade of a binary, rebuild, removal, takeover, new",
		`{"changes":[{"source":"foo","forbid":[` + all + `]}]}`:                            "downgrade, downgrade of a binary, rebuild",
		`{"changes":[{"source":"foo","forbid":[]},{"source":"*","forbid":[` + all + `]}]}`: "removal, takeover, new",
		`{"changes":[{"source":"*","forbid":["downgrade"]}]}`:                              "downgrade, downgrade of a binary",
		`{"changes":[{"source":"other","forbid":["take-over"]}]}`:                          "takeover",
		`{"changes":[{"source":"z*","forbid":["new"]}]}`:                                   "new",
	} {
		v := verifier(t, settings)
		for name, p := range plans {
			findings, err := v.VerifyPlan(t.Context(), view(t), p)
			got := said(t, findings, err) != ""
			if want := strings.Contains(", "+refused+",", ", "+name+","); got != want {
				t.Errorf("%s, %s: refused is %v: %v", settings, name, got, findings)
			}
		}
	}
}
