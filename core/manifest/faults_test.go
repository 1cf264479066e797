package manifest

import (
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// Each case changes good in one place.
func TestParseFaults(t *testing.T) {
	t.Parallel()
	const foo = "binpkgs.amd64-debian.foo"
	for name, c := range map[string]struct {
		old, with string
		want      []string
	}{
		"no name":      {"name: foo\n", "", []string{`1 MP-FIELD name: the field "name" is missing`}},
		"no version":   {"version: '1.0'\n", "", []string{`1 MP-FIELD version: the field "version" is missing`}},
		"no file":      {"      file: foo_1.0_amd64-debian.mpk\n", "", []string{"9 MP-FIELD " + foo + `.file: the field "file" is missing`}},
		"no sha256":    {"  sha256: " + shaA + "\n", "", []string{`2 MP-FIELD source.sha256: the field "sha256" is missing`}},
		"name a list":  {"name: foo", "name: [foo]", []string{"1 MP-FIELD name: the field is not a single value"}},
		"name a map":   {"name: foo", "name: {a: b}", []string{"1 MP-FIELD name: the field is not a single value"}},
		"size a map":   {"size: 34", "size: {a: b}", []string{"12 MP-FIELD " + foo + ".size: the field is not a single value"}},
		"bad name":     {"name: foo", "name: foo bar", []string{"1 MP-NAME name: the name has a space in it"}},
		"bad package":  {"    foo:", "    _foo:", nameFault("9", "binpkgs.amd64-debian._foo", "_")},
		"bad arch":     {"  amd64-debian:", "  .amd64:", []string{"8 MP-NAME binpkgs..amd64: the architecture starts with '.'; a letter or a digit is needed there"}},
		"escape in it": {"name: foo", `name: "foo\e[2J"`, []string{"1 MP-NAME name: the name has the control character U+001B in it"}},
		"reserved":     {"foo_1.0_src.tar.xz", "Lock", []string{`3 MP-NAME source.file: the file name "Lock" belongs to the repository itself`}},
		"version any":  {"'1.0'", "any", []string{`6 MP-VERSION version: the version is the word "any", which the client takes for every version`}},
		"version ':'":  {"'1.0'", "1:0", []string{"6 MP-VERSION version: the version has a ':' in it, which makes the client crash on install"}},
		"short hash":   {shaA, shaA[:63], []string{"4 MP-FIELD source.sha256: the SHA-256 has 63 digits instead of 64"}},
		"long hash":    {shaA, shaA + "a", []string{"4 MP-FIELD source.sha256: the SHA-256 has 65 digits instead of 64"}},
		"not hex":      {shaA, shaA[:63] + "g", []string{"4 MP-FIELD source.sha256: the SHA-256 has something else than hexadecimal digits in it"}},
		"size 0":       {"size: 34", "size: 0", []string{"12 MP-FIELD " + foo + ".size: the size is 0, and no package is empty"}},
		"size octal":   {"size: 34", "size: 034", []string{"12 MP-FIELD " + foo + ".size: the size starts with a zero"}},
		"size hex":     {"size: 34", "size: 0x34", []string{"12 MP-FIELD " + foo + ".size: the size is not a number in decimal digits"}},
		"size minus":   {"size: 34", "size: -34", []string{"12 MP-FIELD " + foo + ".size: the size is not a number in decimal digits"}},
		"size 1_0":     {"size: 34", "size: 1_0", []string{"12 MP-FIELD " + foo + ".size: the size is not a number in decimal digits"}},
		"size blank":   {"size: 34", "size:", []string{"12 MP-FIELD " + foo + ".size: the size is empty"}},
		"size 2^53+1":  {"size: 34", "size: 9007199254740993", []string{"12 MP-FIELD " + foo + ".size: the size is larger than any file"}},
		"size 2^64":    {"size: 34", "size: 18446744073709551616", []string{"12 MP-FIELD " + foo + ".size: the size is larger than any file"}},
		"source text":  {"source:\n", "source: foo\nsource2:\n", []string{"2 MP-FIELD source: the field is not a mapping", "warning 3 MP-FIELD source2: the key is not known and is ignored"}},
		"twice":        {"  size: 12\n", "  size: 12\n  size: 13\n", []string{`6 MP-DUPLICATE source.size: the key "size" stands twice in one mapping, in lines 5 and 6`}},
		"quoted twice": {"  size: 12\n", "  size: 12\n  'size': 12\n", []string{`6 MP-DUPLICATE source.size: the key "size" stands twice in one mapping, in lines 5 and 6`}},
		"unknown key":  {"name: foo\n", "name: foo\nabi: {a: [b, {c: d}]}\n", []string{"warning 2 MP-FIELD abi: the key is not known and is ignored"}},
		"in unknown":   {"name: foo\n", "name: foo\nabi: [{c: d,\n c: e}]\n", []string{"warning 2 MP-FIELD abi: the key is not known and is ignored", `3 MP-DUPLICATE abi[0].c: the key "c" stands twice in one mapping, in lines 2 and 3`}},
		"source again": {"foo_1.0_amd64-debian.mpk", "foo_1.0_src.tar.xz", []string{"10 MP-DUPLICATE " + foo + ".file: the file is named here and in line 3 (source.file)"}},
		"glued":        {"source:\n", "abi: {size:1}\nsource:\n", []string{"2 MP-YAML : a ':' needs a space after it"}},
	} {
		if !strings.Contains(good, c.old) {
			t.Errorf("%s: %q is not in the manifest", name, c.old)
		}
		t.Run(name, func(t *testing.T) { expect(t, strings.Replace(good, c.old, c.with, 1), c.want...) })
	}
}

func nameFault(line, field, first string) []string {
	return []string{line + " MP-NAME " + field + ": the name starts with '" + first + "'; a letter or a digit is needed there"}
}

func TestParseSizeLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"1": 1, "9007199254740992": 1 << 53} {
		m := mustParse(t, strings.Replace(good, "size: 34", "size: "+text, 1))
		if got := m.Binary[0].Packages[0].File.Size; got != want {
			t.Errorf("size %s is read as %d", text, got)
		}
	}
}

// All faults come at once, in the order of the lines.
func TestParseTellsEverything(t *testing.T) {
	t.Parallel()
	expect(t, `nmae: foo
version: 1:0
source:
  file: ../x
  sha256: abc
binpkgs:
  amd64-debian:
    foo: {file: lock, sha256: `+shaA+`, size: no, extra: 1}
    bar: text
  arm64-debian: [a, b]
`,
		`1 MP-FIELD name: the field "name" is missing`,
		"warning 1 MP-FIELD nmae: the key is not known and is ignored",
		"2 MP-VERSION version: the version has a ':' in it, which makes the client crash on install",
		`3 MP-FIELD source.size: the field "size" is missing`,
		"4 MP-NAME source.file: the file name leads out of its folder with '..'",
		"5 MP-FIELD source.sha256: the SHA-256 has 3 digits instead of 64",
		`8 MP-NAME binpkgs.amd64-debian.foo.file: the file name "lock" belongs to the repository itself`,
		"8 MP-FIELD binpkgs.amd64-debian.foo.size: the size is not a number in decimal digits",
		"warning 8 MP-FIELD binpkgs.amd64-debian.foo.extra: the key is not known and is ignored",
		"9 MP-FIELD binpkgs.amd64-debian.bar: the field is not a mapping",
		"10 MP-FIELD binpkgs.arm64-debian: the field is not a mapping",
	)
}

func TestParseNotAMapping(t *testing.T) {
	t.Parallel()
	for text, actual := range map[string]string{"- a\n- b\n": "a list", "foo\n": `the text "foo"`, "~\n": `the text "~"`} {
		_, findings := Parse([]byte(text))
		if len(findings) != 1 || findings[0].Code != report.CodeYAML || findings[0].Actual != actual || findings[0].Line != 1 {
			t.Errorf("%q: %+v", text, findings)
		}
	}
	for _, text := range []string{"", "\n\n", "# nothing\n", "---\n", "---\n...\n", "\ufeff"} {
		expect(t, text, "1 MP-YAML : the manifest is empty")
	}
}

// A misspelled key gets a suggestion, any other the list of what is known.
func TestParseSuggests(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"sha265": `is "sha256" meant?`, "SHA256": `is "sha256" meant?`, "sha-256": `is "sha256" meant?`, "shb257": `is "sha256" meant?`,
		"sha": "known here are file, sha256, size", "checksum": "known here are file, sha256, size",
		"fil": "known here are file, sha256, size",
	} {
		_, findings := Parse([]byte(strings.Replace(good, "  sha256: "+shaA, "  "+key+": "+shaA, 1)))
		if len(findings) != 2 || findings[1].Severity != report.SeverityWarning || findings[1].Hint != want {
			t.Errorf("%s: %+v", key, findings)
		}
	}
}

func TestParseFindingIsComplete(t *testing.T) {
	t.Parallel()
	_, findings := Parse([]byte(strings.Replace(good, "name: foo", `name: "a\n\e[31m`+strings.Repeat("x", 300)+`"`, 1)))
	if len(findings) != 1 {
		t.Fatalf("findings %q", list(findings))
	}
	f := findings[0]
	if f.Expected == "" || f.Hint == "" || f.Severity != report.SeverityError || f.File != "" {
		t.Errorf("got %+v", f)
	}
	if want := `a\u000a\u001b[31m` + strings.Repeat("x", 93) + "..."; f.Actual != want {
		t.Errorf("actual %q, want %q", f.Actual, want)
	}
}

// One file name for several packages, in one and in several architectures.
func TestParseSharedFiles(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(good, "binpkgs:")
	text := head + `binpkgs:
  amd64-debian:
    foo: {file: foo.mpk, sha256: ` + shaA + `, size: 1}
    bar: {file: bar.mpk, sha256: ` + shaA + `, size: 1}
  arm64-debian:
    foo: {file: foo.mpk, sha256: ` + shaA + `, size: 1}
    bar: {file: bar.mpk, sha256: ` + shaA + `, size: 2}
    baz: {file: foo.mpk, sha256: ` + shaA + `, size: 1}
`
	expect(t, text,
		"warning 12 MP-DUPLICATE binpkgs.arm64-debian.foo.file: one file stands for two architectures, here and in line 9 (binpkgs.amd64-debian.foo.file)",
		"13 MP-DUPLICATE binpkgs.arm64-debian.bar.file: the file is named here and in line 10 (binpkgs.amd64-debian.bar.file), with another size or SHA-256",
		"14 MP-DUPLICATE binpkgs.arm64-debian.baz.file: the file is named here and in line 12 (binpkgs.arm64-debian.foo.file)",
	)
	text = strings.Replace(text, "size: 2", "size: 1", 1)
	text = text[:strings.Index(text, "    baz:")]
	if m, findings := Parse([]byte(text)); m == nil || len(findings) != 2 {
		t.Errorf("shared by two architectures: %q", list(findings))
	}
}

func TestParseCapsFindings(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(good, "binpkgs:")
	text := head + "binpkgs:\n  amd64-debian:\n" + strings.Repeat("    foo: {file: foo.mpk}\n", 500)
	_, findings := Parse([]byte(text))
	if len(findings) != maxFindings+1 {
		t.Fatalf("%d findings", len(findings))
	}
	if last := findings[maxFindings]; last.Message != "401 more problems of this manifest are not listed" || !last.Refuses() {
		t.Errorf("the last is %+v", last)
	}
}
