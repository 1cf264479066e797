package action

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/mmpush/mmpush/core/report"
)

// evil are texts that mean something to somebody on the way.
func evil() []string {
	return []string{
		"::set-output name=result::published", "\n::set-output name=result::published", "%0A::set-output name=result::published",
		"\r::add-mask::a", "  ::error::x", "text ##[set-output name=result]published", "##[add-mask]e", "::stop-commands::x", "%25%0A",
		"$(touch /tmp/x)`id`", `"quotes" 'of' \"all\" kinds`, "<script>alert(1)</script>", "</details></summary>", "| a | b |\n|---|", "[x](http://evil)",
		"![x](http://evil/x.png)", "https://evil.example www.evil.example", "@everyone #1", "**bold** _it_ ~~s~~ `code`", "a\n\n# heading\n", "<!-- -->",
		"\u2028::error::x", "\u202egnp.exe", "\x1b[31m", "\x00\xff\xfe", "line=3,title=x::y", "a,b:c=d%3A", "mmpush_AAAA\nresult<<mmpush_AAAA",
		"${{ secrets.TOKEN }}", "&lt;b&gt;&#60;", strings.Repeat("long ", 2000),
	}
}

// everywhere is an outcome that has a text wherever a text can be.
func everywhere(text string) Outcome {
	f := report.Finding{
		Code: report.Code(text), Severity: report.SeverityError, File: text, Field: text, Expected: text, Actual: text,
		Message: text, Hint: text, Verifier: text, Line: 7,
	}
	warned := f
	warned.Severity, warned.File = report.SeverityWarning, "m.mmpack-manifest"
	p := report.Package{
		Kind: report.Source, Name: text, Version: text, Previous: text + "0", Architecture: text, Action: report.Action(text), File: text, SHA256: text,
	}
	binary := p
	binary.Kind = report.Binary
	return Outcome{
		Manifests: []string{"out/m.mmpack-manifest"}, Declared: map[string]Place{text: {"out/m.mmpack-manifest", 12}},
		Report: report.Report{
			Result: report.Published, Manifest: text, Repository: text, Architecture: text, Packages: []report.Package{p, binary},
			Findings: []report.Finding{f, warned},
		},
		Problem: &Problem{Code: report.CodeDisk, File: text, Message: text, Hint: text},
	}
}

// say writes a log as a run with this outcome does, whose own words hold the text, too.
func say(t *testing.T, j Job, list []Outcome, remarks []Remark, text string) string {
	t.Helper()
	var log strings.Builder
	l := NewLog(&log)
	for _, err := range []error{l.Quiet(), func() error { _, err := fmt.Fprintf(l, "    %s\n", text); return err }(), l.Loud(), l.Annotate(j, list, remarks)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return log.String()
}

// TestTexts: a text is nothing but text wherever one can be.
func TestTexts(t *testing.T) {
	t.Parallel()
	for _, text := range evil() {
		isText(t, text)
	}
}

func FuzzText(f *testing.F) {
	for _, text := range evil() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const longest = 4 << 10
		if text != "" && len(text) < longest {
			isText(t, text)
		}
	})
}

func isText(t *testing.T, text string) {
	t.Helper()
	obeyed(t, text)
	ends(t, text)
	inSummary(t, text)
}

// obeyed fails if the runner takes other commands from the log than those that are meant,
// or not with the text in them.
func obeyed(t *testing.T, text string) {
	t.Helper()
	log := say(t, Job{}, []Outcome{everywhere(text)}, []Remark{{"notice", text}}, text)
	commands, _ := listen(t, log)
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
		for key := range c.properties {
			if key != "file" && key != "line" && key != "title" {
				t.Errorf("%q: property %q", text, key)
			}
		}
		if !strings.Contains(c.message, printable(text)) || strings.ContainsFunc(c.message, unprintable) {
			t.Errorf("%q is not in %q", text, c.message)
		}
	}
	if want := []string{"error", "error", "warning", "notice"}; !slices.Equal(names, want) {
		t.Fatalf("%q: the runner heard %q, want %q\n%s", text, names, want, log)
	}
	if commands[1].properties["line"] != "12" || commands[2].properties["line"] != "7" {
		t.Errorf("%q: lines %v", text, commands)
	}
}

// TestAnnotatedFile: so is the name of the manifest itself.
func TestAnnotatedFile(t *testing.T) {
	t.Parallel()
	for _, text := range evil() {
		o := everywhere("x")
		o.Manifests = []string{"out/" + text}
		commands, _ := listen(t, say(t, Job{}, []Outcome{o}, nil, "x"))
		for _, c := range commands {
			if strings.ContainsFunc(c.properties["file"], unprintable) {
				t.Errorf("file=%q", c.properties["file"])
			}
		}
		if len(commands) == 0 || commands[0].properties["file"] == "" {
			t.Errorf("%q: no file is named in %v", text, commands)
		}
	}
}

func unprintable(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }

// ends fails if a value ends its output or begins another.
func ends(t *testing.T, text string) {
	t.Helper()
	out := OutputsOf([]Outcome{everywhere(text)})
	out.ResultJSON = text
	got := parseOutputs(t, out.String())
	if len(got) != 5 || got["result"] != "published" || got["result-json"] != text {
		t.Errorf("%q: %q", text, got)
	}
	var published []report.Package
	if err := json.Unmarshal([]byte(got["published"]), &published); err != nil || len(published) != 2 {
		t.Errorf("%q: published is %v, %v", text, published, err)
	}
}

// inSummary fails if a text in the summary is Markdown or HTML, or adds a line.
func inSummary(t *testing.T, text string) {
	t.Helper()
	if got, want := bones(text), bones("harmless"); got != want {
		t.Errorf("%q: %q, want %q", text, got, want)
	}
	got := regexp.MustCompile(`&#\d+;`).ReplaceAllString(plain(text), "")
	if strings.ContainsAny(got, "<>&*_`[]()|!#@~\\$\n\r") || strings.ContainsFunc(got, unprintable) || strings.Contains(plain(text), "www.") {
		t.Errorf("%q: %q", text, got)
	}
}

// bones are what a summary with a text in it is made of, without its words.
func bones(text string) string {
	var b strings.Builder
	for line := range strings.Lines(Summary(Job{}, []Outcome{everywhere(text)}, []Remark{{"notice", text}})) {
		b.WriteString(strings.Map(func(r rune) rune {
			if strings.ContainsRune("<>|`*#\n", r) {
				return r
			}
			return -1
		}, strings.ReplaceAll(strings.ReplaceAll(line, "&#", "&"), "<br>", "")))
	}
	return b.String()
}
