package manifest

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

const (
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// good is a manifest that the tests below change in one place.
const good = `name: foo
source:
  file: foo_1.0_src.tar.xz
  sha256: ` + shaA + `
  size: 12
version: '1.0'
binpkgs:
  amd64-debian:
    foo:
      file: foo_1.0_amd64-debian.mpk
      sha256: ` + shaB + `
      size: 34
`

// manifests returns the genuine manifests below one folder of testdata, by the
// name of their upload.
func manifests(t testing.TB, folder string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/mmpack/" + folder + "/*/*.mmpack-manifest")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests in %s: %v", folder, err)
	}
	texts := make(map[string][]byte)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(filepath.Dir(path))] = text
	}
	return texts
}

// list is the findings as "line code field: message", to compare and to print.
func list(findings []report.Finding) []string {
	lines := []string{}
	for _, f := range findings {
		mark := ""
		if !f.Refuses() {
			mark = string(f.Severity) + " "
		}
		lines = append(lines, fmt.Sprintf("%s%d %s %s: %s", mark, f.Line, f.Code, f.Field, f.Message))
	}
	return lines
}

func mustParse(t *testing.T, text string) *Manifest {
	t.Helper()
	m, findings := Parse([]byte(text))
	if m == nil || len(findings) > 0 {
		t.Fatalf("findings %q in\n%s", list(findings), text)
	}
	return m
}

// expect compares the findings; a manifest must come out exactly if none refuses.
func expect(t *testing.T, text string, want ...string) {
	t.Helper()
	m, findings := Parse([]byte(text))
	if got := list(findings); !reflect.DeepEqual(got, append([]string{}, want...)) {
		t.Errorf("findings\n  %s\nwant\n  %s\nin\n%.2000s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), text)
	}
	if (m == nil) != report.Refused(findings) {
		t.Errorf("manifest %v with findings %q", m, list(findings))
	}
}

func TestParseReadsEveryField(t *testing.T) {
	t.Parallel()
	want := &Manifest{
		Name: "foo", Version: "1.0",
		Source: File{Name: "foo_1.0_src.tar.xz", SHA256: shaA, Size: 12, Line: 3},
		Binary: []Architecture{{Name: "amd64-debian", Line: 8, Packages: []Package{
			{Name: "foo", Line: 9, File: File{Name: "foo_1.0_amd64-debian.mpk", SHA256: shaB, Size: 34, Line: 10}},
		}}},
	}
	if got := mustParse(t, good); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseGenuine(t *testing.T) {
	t.Parallel()
	for name, text := range manifests(t, "uploads") {
		m := mustParse(t, string(text))
		if want := m.Name + "_" + m.Version + "_src.tar.xz"; m.Source.Name != want || len(m.Binary) == 0 {
			t.Errorf("%s: got %+v", name, m)
		}
	}
}

func TestParseGenuineOrder(t *testing.T) {
	t.Parallel()
	m := mustParse(t, string(manifests(t, "uploads")["01-foo-1.0.0"]))
	var names []string
	for _, p := range m.Packages("amd64-debian") {
		names = append(names, p.Name)
	}
	if want := []string{"foo", "foo-debug", "foo-devel", "libfoo1"}; !reflect.DeepEqual(names, want) {
		t.Errorf("packages %q, want %q", names, want)
	}
	merged := mustParse(t, string(manifests(t, "uploads")["12-multi-arch-manifest"]))
	if want := []string{"amd64-debian", "arm64-debian"}; !reflect.DeepEqual(merged.Architectures(), want) {
		t.Errorf("architectures %q, want %q", merged.Architectures(), want)
	}
	if merged.Packages("i386-windows") != nil {
		t.Error("packages of an architecture that is not there")
	}
}

// The folders whose fault is not in the manifest must come through; a folder
// that is not in the table fails the test.
func TestParseBadUploads(t *testing.T) {
	t.Parallel()
	const file = "binpkgs.amd64-debian.colon.file"
	table := map[string][]string{
		"empty-manifest": {"1 MP-YAML : the manifest is empty"},
		"not-yaml":       {"1 MP-YAML : this is not YAML: sequence end token ']' not found"},
		"no-source":      {`1 MP-FIELD source: the field "source" is missing`},
		"no-size": {
			`2 MP-FIELD source.size: the field "size" is missing`,
			`8 MP-FIELD binpkgs.amd64-debian.colon.size: the field "size" is missing`,
		},
		"traversal":         {"10 MP-NAME " + file + ": the file name leads out of its folder with '..'"},
		"subfolder":         {"10 MP-NAME " + file + ": the file name is a path; a name without folders is needed"},
		"overwrite-index":   {"10 MP-NAME " + file + `: the file name "source-index" belongs to the repository itself`},
		"missing-mpk":       nil,
		"missing-src":       nil,
		"name-mismatch-bin": nil,
		"name-mismatch-src": nil,
		"no-binpkgs-list":   nil,
		"not-a-package":     nil,
		"srcsha-mismatch":   nil,
		"version-mismatch":  nil,
		"wrong-arch":        nil,
		"wrong-sha-mpk":     nil,
		"wrong-sha-src":     nil,
		"wrong-size":        nil,
	}
	for name, text := range manifests(t, "uploads-bad") {
		want, known := table[name]
		if !known {
			t.Errorf("%s is not in the table", name)
		}
		t.Run(name, func(t *testing.T) { expect(t, string(text), want...) })
	}
}

// Each form of a version must come out as the letters that stand there.
func TestParseScalarsAreText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1.10": "1.10", "2024.01": "2024.01", "1e3": "1e3", "0x10": "0x10", "0o17": "0o17", "017": "017", "1_000": "1_000",
		"0b1": "0b1", "1.0e+3": "1.0e+3", "yes": "yes", "No": "No", "on": "on", "true": "true", "False": "False",
		"null": "null", "NULL": "NULL", "nan": "nan", "2024-01-01": "2024-01-01", "123456789012345678901234567890": "123456789012345678901234567890",
		"1.0 # note": "1.0", "'1.0'": "1.0", `"1.0"`: "1.0", `"\x31\u002e0"`: "1.0", "!!str 1.0": "1.0", "!!str '1.0'": "1.0",
		"|-\n  1.0": "1.0", ">-\n  1.0": "1.0", "\n  1.0": "1.0", "   1.0  ": "1.0",
	} {
		m := mustParse(t, strings.Replace(good, "'1.0'", in, 1))
		if m.Version != want {
			t.Errorf("version: %s is read as %q, want %q", in, m.Version, want)
		}
	}
	for in, message := range map[string]string{
		"~": "the version starts with '~'; a letter or a digit is needed there", "": "the version is empty", "''": "the version is empty",
		".5": "the version starts with '.'; a letter or a digit is needed there", "|\n  1.0": "the version has the control character U+000A in it",
		"+1": "the version starts with '+'; a letter or a digit is needed there", "1.0\n  2.0": "the version has a space in it",
		".inf": "the version starts with '.'; a letter or a digit is needed there",
	} {
		expect(t, strings.Replace(good, "'1.0'", in, 1), "6 MP-VERSION version: "+message)
	}
}

// The forms in which the same manifest may be written.
func TestParseStyles(t *testing.T) {
	t.Parallel()
	want := mustParse(t, good)
	for name, text := range map[string]string{
		"flow": "name: foo\nversion: '1.0'\nsource: {file: foo_1.0_src.tar.xz, sha256: " + shaA + ", size: 12}\n" +
			"binpkgs:\n    amd64-debian:\n        foo: {file: foo_1.0_amd64-debian.mpk, sha256: " + shaB + ", size: 34}\n",
		"flow, wrapped, sizes quoted": "binpkgs:\n  amd64-debian:\n    foo: {file: foo_1.0_amd64-debian.mpk, sha256: " + shaB + ",\n" +
			"      size: '34'}\nname: foo\nsource: {file: foo_1.0_src.tar.xz,\n  sha256: " + shaA + ",\n  size: '12'}\nversion: '1.0'\n",
		"JSON": `{"name": "foo", "version": "1.0", "source": {"file": "foo_1.0_src.tar.xz", "sha256": "` + shaA + `", "size": 12},` +
			`"binpkgs":{"amd64-debian":{"foo":{"file":"foo_1.0_amd64-debian.mpk","sha256":"` + shaB + `","size":"34"}}}}`,
		"document marks":  "# a comment\n---\n" + good + "...\n# another\n",
		"tagged key":      "!!str " + good,
		"comments":        "# a\tcomment\n" + strings.ReplaceAll(good, "\n", " # more\t...\n\n"),
		"upper-case hash": strings.ReplaceAll(good, shaA, strings.ToUpper(shaA)),
		"long keys": "? name\n: foo\n? source\n: file: foo_1.0_src.tar.xz\n  sha256: " + shaA + "\n  size: 12\nversion: '1.0'\n" +
			"binpkgs:\n  ? amd64-debian\n  : ? foo\n    : file: foo_1.0_amd64-debian.mpk\n      sha256: " + shaB + "\n      size: 34\n",
	} {
		if got := mustParse(t, text); !reflect.DeepEqual(withoutLines(got), withoutLines(want)) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// Line ends and a byte order mark change nothing, and no line number.
func TestParseLineEnds(t *testing.T) {
	t.Parallel()
	for name, text := range manifests(t, "uploads") {
		want := mustParse(t, string(text))
		for _, changed := range []string{
			strings.ReplaceAll(string(text), "\n", "\r\n"),
			strings.ReplaceAll(string(text), "\n", "\r"),
			"\ufeff" + string(text),
			strings.TrimSuffix(string(text), "\n"),
		} {
			if got := mustParse(t, changed); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, as %.40q: got %+v", name, changed, got)
			}
		}
	}
}

func TestParseEmptyArchitecture(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(good, "binpkgs:")
	m := mustParse(t, head+"binpkgs:\n  amd64-debian: {}\n")
	if len(m.Binary) != 1 || m.Binary[0].Name != "amd64-debian" || len(m.Binary[0].Packages) != 0 {
		t.Errorf("got %+v", m.Binary)
	}
	if m := mustParse(t, head+"binpkgs: {}\n"); len(m.Binary) != 0 {
		t.Errorf("got %+v", m.Binary)
	}
}

// withoutLines returns a copy in which every Line is 0.
func withoutLines(m *Manifest) *Manifest {
	c := *m
	c.Source.Line = 0
	c.Binary = nil
	for _, a := range m.Binary {
		packages := []Package{}
		for _, p := range a.Packages {
			p.Line, p.File.Line = 0, 0
			packages = append(packages, p)
		}
		c.Binary = append(c.Binary, Architecture{Name: a.Name, Packages: packages})
	}
	return &c
}
