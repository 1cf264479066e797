package manifest

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/report"
)

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"uploads", "uploads-bad"} {
		for _, text := range manifests(f, folder) {
			f.Add(text)
		}
	}
	for _, seed := range []string{
		"a: [\n", "- - a\n", "? a\n: b\n", "a: |\n  b\n\n\nc: d\n", "a: >-\n  b\n c\n", "{a: b, c: [d, {e: f}]}", "{a: b\n c, d}",
		"a: &b c\n<<: *b\n", "!!str a: !!str b\n", "%YAML 1.2\n---\na\n...\n", "a: 'it''s'\n", `a: "\x41\u0041\U00000041\` + "\n b\"\n",
		"a:\n- b\n-\n-\n  c: d\n", "\ufeffa: b\r\nc: d\r", "[a: b: c\n d: e]", "? ? a\n", "a: b: c\n", "'a\n b': c\n", "[!!str, !!str]", billionLaughs(),
		tagged(20), questions(20, ">\n", "a\n", "b\n"), levels(20, "a"), "{a: b, c:\n d}\n", "{a:1, \"b\":2, 'c':[3]}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkParse(t, text) })
}

// Pieces of YAML in any order reach corners that changed bytes rarely do.
func TestParseSnippets(t *testing.T) {
	t.Parallel()
	pieces := append(strings.SplitAfter(good, "\n"),
		"a", "b: ", ": ", ":", "- ", "? ", "{", "}", "[", "]", ", ", ",", "'", `"`, "|\n", ">-\n", "#", " # x\n", "\n", "\n\n", " ", "  ", "\t",
		"!!str ", "!x ", "&a ", "*a ", "<<: ", "---\n", "...\n", "%YAML 1.1\n", "~", "1.10", "\\", `\x41`, "@", "`", "<", "\r\n", "é", "\x00",
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "pieces"), "")
		if rapid.Bool().Draw(t, "inside") {
			at := rapid.IntRange(0, len(good)).Draw(t, "at")
			text = good[:at] + text + good[at:]
		}
		checkParse(t, []byte(text))
	})
}

// failer is what a test, a fuzz target and a property have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// checkParse holds Parse to its promises for one text.
func checkParse(t failer, text []byte) {
	m, findings := parseInTime(t, text)
	if (m == nil) != report.Refused(findings) {
		t.Fatalf("manifest %+v with %q", m, list(findings))
	}
	for _, x := range findings {
		checkFinding(t, x, strings.Count(string(text), "\n")+strings.Count(string(text), "\r")+1)
	}
	if m != nil {
		checkManifest(t, m)
	}
}

func checkFinding(t failer, f report.Finding, lines int) {
	if _, known := report.Explain(f.Code); !known || f.Message == "" || f.Severity == "" || f.Line < 0 || f.Line > lines {
		t.Fatalf("finding %+v of %d lines", f, lines)
	}
	if strings.ContainsAny(f.String(), "\x00\x1b\r\n") {
		t.Fatalf("a finding that a terminal acts upon: %q", f.String())
	}
}

// checkManifest holds a Manifest to what its fields promise.
func checkManifest(t failer, m *Manifest) {
	errs := []error{ValidName(m.Name), ValidVersion(m.Version)}
	file := func(f File) {
		errs = append(errs, ValidFileName(f.Name), validSHA256(f.SHA256))
		if f.Size < 1 || f.Size > maxFileSize || f.Line < 1 || f.SHA256 != strings.ToLower(f.SHA256) {
			t.Fatalf("file %+v", f)
		}
	}
	file(m.Source)
	for _, a := range m.Binary {
		errs = append(errs, ValidArch(a.Name))
		for _, p := range a.Packages {
			errs = append(errs, ValidName(p.Name))
			file(p.File)
		}
	}
	for _, err := range errs {
		if err != nil {
			t.Fatalf("%v in %+v", err, m)
		}
	}
	again, findings := Parse(Format(m))
	if report.Refused(findings) || !reflect.DeepEqual(withoutLines(again), withoutLines(m)) {
		t.Fatalf("%+v reads back as %+v with %q", m, again, list(findings))
	}
}
