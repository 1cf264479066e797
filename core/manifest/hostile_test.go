package manifest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// parseInTime fails if Parse takes far longer than it promises; what it guards
// against takes minutes.
func parseInTime(t failer, text []byte) (*Manifest, []report.Finding) {
	t.Helper()
	start := time.Now()
	m, findings := Parse(text)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
	return m, findings
}

func TestParseRefusesText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ old, with, want string }{
		"not UTF-8":      {"name: foo", "name: foo # \xff", "1 MP-YAML : the line has text that is not UTF-8 in it"},
		"NUL":            {"source:", "source: # \x00", "2 MP-YAML : the line has the control character U+0000 in it"},
		"escape":         {"name: foo", "name: \x1b[2Jfoo", "1 MP-YAML : the line has the control character U+001B in it"},
		"delete":         {"name: foo", "name: foo\x7f", "1 MP-YAML : the line has the control character U+007F in it"},
		"next line":      {"name: foo", "name: foo\u0085", "1 MP-YAML : the line has the control character U+0085 in it"},
		"line separator": {"name: foo", "name: foo # \u2028", "1 MP-YAML : the line has the line separator U+2028 in it"},
		"tab to indent":  {"  size: 12", "\tsize: 12", "5 MP-YAML : the line has a tab in it"},
		"tab in between": {"name: foo", "name:\tfoo", "1 MP-YAML : the line has a tab in it"},
		"tab in quotes":  {"name: foo", "name: \"f\too\"", "1 MP-YAML : the line has a tab in it"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, strings.Replace(good, c.old, c.with, 1), c.want) })
	}
	expect(t, "\xff\xfen\x00", "1 MP-YAML : the manifest is UTF-16 text")
	expect(t, "\xfe\xff\x00n", "1 MP-YAML : the manifest is UTF-16 text")
	expect(t, "a\tb\nc: \x00\x01\n\td\n",
		"1 MP-YAML : the line has a tab in it",
		"2 MP-YAML : the line has the control character U+0000 in it",
		"3 MP-YAML : the line has a tab in it")
	_, findings := Parse([]byte(strings.Repeat("\x00\n", 1000)))
	if len(findings) != maxBadLines+1 || findings[maxBadLines].Message != "990 more lines cannot be read" {
		t.Errorf("a binary file: %q", list(findings))
	}
}

func TestParseRefusesFeatures(t *testing.T) {
	t.Parallel()
	const (
		alias     = "MP-YAML : anchors and aliases (& and *) are not allowed in a manifest"
		tag       = "MP-YAML : tags (!) are not allowed in a manifest"
		directive = "MP-YAML : directives (%) are not allowed in a manifest"
		second    = "MP-YAML : a second document starts here; a manifest is one"
	)
	for name, c := range map[string]struct {
		old, with string
		want      []string
	}{
		"anchor":             {"name: foo", "name: &a foo", []string{"1 " + alias}},
		"anchor and alias":   {"version: '1.0'", "x: &a 1\nversion: *a", []string{"6 " + alias, "7 " + alias}},
		"anchored mapping":   {"source:\n", "source: &s\n", []string{"2 " + alias}},
		"merge":              {"  size: 12\n", "  <<: {size: 12}\n", []string{"5 MP-YAML : merge keys (<<) are not allowed in a manifest"}},
		"tag":                {"name: foo", "name: !!python/object:os.system foo", []string{"1 " + tag}},
		"int tag":            {"size: 12", "size: !!int 12", []string{"5 " + tag}},
		"own tag":            {"size: 12", "size: !x 12", []string{"5 " + tag}},
		"tag twice":          {"size: 12", "size: !!str !!str 12", []string{"5 " + tag}},
		"directive":          {"name: foo", "%YAML 1.1\n---\nname: foo", []string{"1 " + directive, "2 " + second}},
		"second document":    {"version:", "---\nversion:", []string{"6 " + second}},
		"empty second":       {"      size: 34\n", "      size: 34\n---\n", []string{"13 " + second}},
		"second of a text":   {good, "foo\n---\n", []string{"2 " + second}},
		"after the end":      {"version:", "...\nversion:", []string{"6 MP-YAML : the document ends here and something follows; a manifest is one document"}},
		"second after ...":   {"version:", "...\n---\nversion:", []string{"7 " + second}},
		"all of it together": {"name: foo", "name: !x &a *a", []string{"1 " + tag, "1 " + alias, "1 " + alias}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, strings.Replace(good, c.old, c.with, 1), c.want...) })
	}
}

// billionLaughs is the classic: nine levels of nine aliases.
func billionLaughs() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [lol]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	return b.String()
}

// Each bomb is refused for what it is, in time. The ones with a number of bytes
// are made as large as MaxSize allows.
func TestParseBombs(t *testing.T) {
	t.Parallel()
	fill := func(head, part, tail string) string {
		return head + strings.Repeat(part, (MaxSize-len(head)-len(tail))/len(part)) + tail
	}
	const (
		deep  = "the manifest is nested more than 16 deep"
		parts = "the manifest has too many parts"
		more  = "the manifest has more than 8192 fields"
		keys  = "the manifest has too long keys"
		empty = "empty lines in a row are too many"
		angle = "times '<' in a row is too much"
		tabs  = "the line has a tab in it"
		alias = "anchors and aliases"
		tag   = "tags (!) are not allowed"
		yaml  = "this is not YAML: "
		field = `the field "name" is missing`
	)
	for name, c := range map[string]struct{ text, want string }{
		"billion laughs":       {billionLaughs(), alias},
		"10,000 brackets":      {"a: " + strings.Repeat("[", 10000), deep},
		"closed brackets":      {"a: " + strings.Repeat("[", 10000) + strings.Repeat("]", 10000), deep},
		"10,000 braces":        {strings.Repeat("{a: ", 10000), deep},
		"10,000 dashes":        {strings.Repeat("- ", 10000) + "a", deep},
		"10,000 questions":     {strings.Repeat("? ", 10000) + "a", deep},
		"1,300 block levels":   {levels(1300, "a"), deep},
		"tags to the left":     {tagged(400), deep},
		"block text as key":    {questions(400, ">\n", "a\n", "b\n"), deep},
		"levels in brackets":   {"a: [" + levels(1000, "a") + "]", deep},
		"16 levels, long keys": {levels(16, strings.Repeat("k", 60000)), keys},
		"one long key":         {"a: b\n" + strings.Repeat("k", 900<<10) + ":\n" + strings.Repeat("  a: b\n", 10000), keys},
		"all brackets":         {fill("", "[", ""), parts},
		"all braces":           {fill("", "{", ""), parts},
		"all newlines":         {fill("", "\n", ""), empty},
		"all spaces":           {fill("", " ", ""), "the manifest is empty"},
		"all tabs":             {fill("", "\t", ""), tabs},
		"quoted tabs":          {fill("a: \"", "\t", "x\""), tabs},
		"tabs after '#'":       {"a: \"x #" + strings.Repeat("\t", 400000) + "x\"", field},
		"all '<'":              {fill("a: b", "<", ""), angle},
		"'<' below the limit":  {fill("a: b", "<<<<<<<x", ""), field},
		"empty literal":        {fill("a: |\n  b", "\n", "c: d\n"), empty},
		"long literal":         {fill("a: |\n  ", "b", "\n\n\n\n\nc: d\n"), field},
		"long word":            {fill("a: ", "b", ""), field},
		"long quoted text":     {fill("a: '", "b ", "'"), field},
		"open quote":           {fill("a: \"", "b ", ""), yaml},
		"long comment":         {fill("a: b # ", "x ", ""), field},
		"fields without value": {strings.Repeat("a:\n", 9000), more},
		"fields":               {strings.Repeat("a: b\n", 9000), more},
		"flow fields":          {"{" + strings.Repeat("a: b, ", 8191) + "}", `the key "a" stands twice`},
		"flow keys alone":      {"{" + strings.Repeat("a, ", 17000) + "}", "the manifest has 34002 parts; at most 32768 are allowed"},
		"just enough fields":   {strings.Repeat("a:\n", MaxFields), `the key "a" stands twice`},
		"just enough keys":     {"{" + strings.Repeat("a,", 16000) + "}", `the key "a" stands twice`},
		"tags":                 {"a: " + strings.Repeat("!!str ", 10000) + "a", tag},
		"split plain text":     {"a:\n  [" + strings.Repeat("b\n", 30000) + "]", field},
		"too large":            {strings.Repeat(" ", MaxSize+1), "the manifest has 1048577 bytes; at most 1048576 are allowed"},
	} {
		m, findings := parseInTime(t, []byte(c.text))
		told := strings.Join(list(findings), "\n")
		if m != nil || !strings.Contains(told, c.want) {
			t.Errorf("%s: want %q in\n%.500s", name, c.want, told)
		}
	}
}

// levels is a block mapping that deep.
func levels(n int, key string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + key + ":\n")
	}
	return b.String()
}

// tagged is a mapping n deep in which each key stands further left than the one
// above it, and its tag further right.
func tagged(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "!!str" + strings.Repeat(" ", 2*(n-i)) + "a:\n")
	}
	return b.String()
}

// questions is a mapping n deep of "? key" lines; more lines of the key follow
// further right.
func questions(n int, key string, more ...string) string {
	var b strings.Builder
	for i := range n {
		indent := strings.Repeat("  ", i)
		b.WriteString("? " + key)
		for _, line := range more {
			b.WriteString(indent + "    " + line)
		}
		b.WriteString(indent + ": ")
	}
	return b.String() + "b"
}

// The limits leave room for every manifest that a build may write: thousands of
// packages, and keys that a newer mmpack may nest a good deal deeper.
func TestParseLargeManifest(t *testing.T) {
	t.Parallel()
	head, _, _ := strings.Cut(good, "binpkgs:")
	var block, flow strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&block, "    foo%d:\n      file: foo%d_1.0_amd64-debian.mpk\n      sha256: %s\n      size: 1\n", i, i, shaA)
		fmt.Fprintf(&flow, "    foo%d: {file: foo%d_1.0_amd64-debian.mpk, sha256: %s, size: 1}\n", i, i, shaA)
	}
	for _, text := range []string{block.String(), flow.String()} {
		m, findings := parseInTime(t, []byte(head+"binpkgs:\n  amd64-debian:\n"+text))
		if m == nil || len(m.Packages("amd64-debian")) != 2000 {
			t.Errorf("findings %q", list(findings))
		}
	}
	for _, nested := range []string{
		"abi: " + strings.Repeat("[", 14) + strings.Repeat("]", 14),
		"abi: " + strings.Repeat("{a: ", 14) + "b" + strings.Repeat("}", 14),
		levels(15, "abi"),
		questions(15, "abi\n"),
		"abi: " + strings.Repeat("{z: z, a: ", 14) + "b" + strings.Repeat("}", 14),
		"abi: " + "{a: b, c: d, e: f, g: h, i: j, k: l, m: n, o: p, q: r, s: t, u: v, w: x, y: z, aa: bb, cc: dd, ee: ff, gg: hh, ii: jj}",
	} {
		expect(t, nested+"\n"+good, "warning 1 MP-FIELD abi: the key is not known and is ignored")
	}
}
