package manifest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFormatGenuine(t *testing.T) {
	t.Parallel()
	for name, text := range manifests(t, "uploads") {
		if got := Format(mustParse(t, string(text))); string(got) != string(text) {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// What PyYAML 6.0.3 writes for these names with mmpack-build's settings.
func TestFormatQuotes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"1.0": "'1.0'", "2024.01": "'2024.01'", "3.2": "'3.2'", "1.": "'1.'", "1_0": "'1_0'", "12_3.4": "'12_3.4'", "1.0e+3": "'1.0e+3'",
		"0": "'0'", "00": "'00'", "123": "'123'", "017": "'017'", "0x1F": "'0x1F'", "0b1": "'0b1'", "2024-01-01": "'2024-01-01'",
		"yes": "'yes'", "No": "'No'", "ON": "'ON'", "off": "'off'", "True": "'True'", "null": "'null'", "NULL": "'NULL'",
		"1.0.0": "1.0.0", "1e3": "1e3", "1.0e3": "1.0e3", "089": "089", "0o17": "0o17", "0x": "0x", "y": "y", "n": "n", "nUll": "nUll",
		"2024-1-1": "2024-1-1", "1.0~rc1": "1.0~rc1", "1.0-1": "1.0-1", "v1": "v1", "nan": "nan", "any": "any",
	} {
		got := string(Format(&Manifest{Name: in, Version: in}))
		if !strings.HasPrefix(got, "name: "+want+"\n") || !strings.Contains(got, "\nversion: "+want+"\n") {
			t.Errorf("%s: want %s in\n%s", in, want, got)
		}
	}
}

func TestFormatShapes(t *testing.T) {
	t.Parallel()
	f := File{Name: "a.mpk", SHA256: shaA, Size: 1}
	long, longer := strings.Repeat("p", 122), strings.Repeat("p", 123)
	m := &Manifest{Name: "foo", Version: "1", Source: f, Binary: []Architecture{
		{Name: "empty"},
		{Name: "amd64", Packages: []Package{{Name: long, File: f}, {Name: longer, File: f}, {Name: "123", File: f}}},
		{Name: "a" + longer, Packages: []Package{{Name: longer, File: f}}},
		{Name: "b" + longer},
	}}
	below := func(indent string) string {
		return "file: a.mpk\n" + indent + "sha256: " + shaA + "\n" + indent + "size: 1\n"
	}
	want := "name: foo\nsource:\n  " + below("  ") + "version: '1'\nbinpkgs:\n  empty: {}\n  amd64:\n" +
		"    " + long + ":\n      " + below("      ") +
		"    ? " + longer + "\n    : " + below("      ") +
		"    '123':\n      " + below("      ") +
		"  ? a" + longer + "\n  : ? " + longer + "\n    : " + below("      ") +
		"  ? b" + longer + "\n  : {}\n"
	if got := string(Format(m)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(Format(&Manifest{Name: "a b", Version: "\x1b"})); !strings.HasPrefix(got, `name: "a b"`+"\n") ||
		!strings.Contains(got, "\nversion: \"\\x1b\"\n") || !strings.HasSuffix(got, "binpkgs: {}\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestFormatParseRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawManifest(t)
		text := Format(want)
		got, findings := Parse(text)
		if got == nil || len(findings) > 0 {
			t.Fatalf("findings %q in\n%s", list(findings), text)
		}
		if !reflect.DeepEqual(withoutLines(got), withoutLines(want)) {
			t.Fatalf("got %+v of\n%s", got, text)
		}
		checkLines(t, got, strings.Split(string(text), "\n"))
	})
}

// checkLines compares each Line with what stands there.
func checkLines(t *rapid.T, m *Manifest, lines []string) {
	at := func(line int, want string) {
		if line < 1 || line > len(lines) || !strings.Contains(lines[line-1], want) {
			t.Fatalf("line %d does not hold %q", line, want)
		}
	}
	at(m.Source.Line, "file: ")
	for _, a := range m.Binary {
		at(a.Line, a.Name)
		for _, p := range a.Packages {
			at(p.Line, p.Name)
			at(p.File.Line, p.File.Name)
		}
	}
}

func drawManifest(t *rapid.T) *Manifest {
	name := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._+~-]{0,12}`),
		rapid.StringMatching(`[0-9][0-9._e+x-]{0,8}`),
		rapid.StringMatching(`[a-z][a-z0-9-]{100,254}`),
		rapid.SampledFrom([]string{"yes", "No", "null", "on", "2024.01", "2024-01-01", "1.0", "0x10", "017"}),
	)
	sha := rapid.OneOf(rapid.StringMatching(`[0-9a-f]{64}`), rapid.StringMatching(`[0-9]{64}`), rapid.StringMatching(`[0-9]{10}e[0-9]{53}`))
	files := 0
	file := func() File {
		files++
		return File{
			Name:   fmt.Sprintf("%d_%.200s.mpk", files, name.Draw(t, "file")),
			SHA256: sha.Draw(t, "sha256"),
			Size:   rapid.Int64Range(1, maxFileSize).Draw(t, "size"),
		}
	}
	m := &Manifest{
		Name:    name.Draw(t, "name"),
		Version: name.Filter(func(s string) bool { return s != "any" }).Draw(t, "version"),
		Source:  file(),
	}
	for _, arch := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "architectures") {
		a := Architecture{Name: arch, Packages: []Package{}}
		for _, p := range rapid.SliceOfNDistinct(name, 0, 5, rapid.ID).Draw(t, "packages") {
			a.Packages = append(a.Packages, Package{Name: p, File: file()})
		}
		m.Binary = append(m.Binary, a)
	}
	return m
}
