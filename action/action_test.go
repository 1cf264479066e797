package action

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

// TestOutputsAreBounded: a runner refuses all outputs if one is too long; and nobody can
// guess where one ends.
func TestOutputsAreBounded(t *testing.T) {
	t.Parallel()
	var long Outputs
	for range 3000 {
		long.Published = append(long.Published, report.Package{Name: strings.Repeat("x", 100), SHA256: strings.Repeat("0", 64)})
	}
	if got := parseOutputs(t, long.String()); got["published"] != "" {
		t.Errorf("%d bytes in an output", len(got["published"]))
	}
	a, b := Outputs{}.String(), Outputs{}.String()
	if a == b {
		t.Error("delimiters that can be guessed")
	}
}

// TestSummaryIsBounded: a runner refuses a summary of more than 1 MiB as a whole.
func TestSummaryIsBounded(t *testing.T) {
	t.Parallel()
	o := everywhere("x")
	for range 30000 {
		o.Report.Packages = append(o.Report.Packages, report.Package{Name: strings.Repeat("|", 100), Version: "1", SHA256: strings.Repeat("a", 64)})
	}
	got := Summary(Job{}, []Outcome{o, o}, nil)
	if len(got) > summaryLimit || len(got) < summaryLimit/2 {
		t.Errorf("%d bytes", len(got))
	}
	if !strings.Contains(got, "lines left out") {
		t.Errorf("nobody learns that something is left out: %q", got[len(got)-200:])
	}
}

// TestWorstFirst: the runner shows ten annotations; nine are the worst, and the tenth
// counts the others.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	finding := func(s report.Severity, i int) report.Finding {
		return report.Finding{Code: report.CodeSize, Severity: s, Message: fmt.Sprint(s, i), File: "m", Line: i + 1}
	}
	for _, tt := range []struct{ warnings, errors, commands int }{{0, 0, 0}, {4, 5, 9}, {5, 5, 10}, {6, 5, 10}, {100, 100, 10}} {
		o := Outcome{Manifests: []string{"m"}}
		for i := range tt.warnings {
			o.Report.Findings = append(o.Report.Findings, finding(report.SeverityWarning, i))
		}
		for i := range tt.errors {
			o.Report.Findings = append(o.Report.Findings, finding(report.SeverityError, i))
		}
		commands, _ := listen(t, say(t, Job{}, []Outcome{o}, nil, ""))
		if len(commands) != tt.commands {
			t.Errorf("%+v: %d commands", tt, len(commands))
			continue
		}
		for i := range min(tt.errors, shownAtMost) {
			if commands[i].name != "error" || commands[i].message != fmt.Sprint("error", i) {
				t.Errorf("%+v: command %d is %+v", tt, i, commands[i])
			}
		}
		if all := tt.warnings + tt.errors; all > 10 {
			if last := commands[9]; last.message != fmt.Sprintf("+%d more findings in the summary", all-9) {
				t.Errorf("%+v: %+v", tt, last)
			}
		}
	}
}

// TestPartsOfASet: each finding stands in the manifest that it is about.
func TestPartsOfASet(t *testing.T) {
	t.Parallel()
	o := Outcome{
		Manifests: []string{"a/one", "b/two"}, Declared: map[string]Place{"x.mpk": {"b/two", 4}},
		Report: report.Report{Findings: []report.Finding{{File: "one", Line: 3}, {File: "two"}, {File: "x.mpk", Line: 9}, {File: "binary-index.gz", Line: 9}, {Line: 9}}},
	}
	commands, _ := listen(t, say(t, Job{}, []Outcome{o}, nil, ""))
	var got []string
	for _, c := range commands {
		got = append(got, c.properties["file"]+":"+c.properties["line"])
	}
	here, _ := filepath.Abs(".")
	for i := range got {
		got[i] = strings.Replace(got[i], here+"/", "", 1)
	}
	if want := []string{"a/one:3", "b/two:", "b/two:4", ":", ":9"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMask: each line of a secret is masked, the frame of a key is not.
func TestMask(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	if err := NewLog(&log).Mask("", "pass%word", "-----BEGIN KEY-----\r\nabc\r\n def\n\n-----END KEY-----\n"); err != nil {
		t.Fatal(err)
	}
	commands, _ := listen(t, log.String())
	var masked []string
	for _, c := range commands {
		if c.name != "add-mask" {
			t.Errorf("%+v", c)
		}
		masked = append(masked, c.message)
	}
	if want := []string{"pass%word", "abc", "def"}; !slices.Equal(masked, want) {
		t.Errorf("masked %q, want %q", masked, want)
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	for want, list := range map[report.Result][]report.Result{
		report.Unchanged: {}, report.Published: {report.Unchanged, report.Published, report.Restored}, report.Restored: {report.Unchanged, report.Restored},
		ResultError: {report.Published, report.Rejected, ResultError}, report.Rejected: {report.Published, report.Rejected},
		report.Planned: {report.Unchanged, report.Planned}, report.Verified: {report.Verified}, report.Accepted: {report.Published, report.Accepted},
	} {
		var all []Outcome
		for i, r := range list {
			all = append(all, Outcome{Report: report.Report{Result: r, Generation: uint64(i + 1)}})
		}
		if got := OutputsOf(all); got.Result != want {
			t.Errorf("%v: %v, want %v", list, got.Result, want)
		}
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	pull := func(head, base string) string {
		return fmt.Sprintf(`{"pull_request": {"head": {"repo": %s}}, "repository": {"full_name": %q}}`, head, base)
	}
	run := func(head, base string) string {
		return fmt.Sprintf(`{"workflow_run": {"head_repository": {"full_name": %q}}, "repository": {"full_name": %q}}`, head, base)
	}
	for name, c := range map[string]struct {
		event, actor, text string
		want               bool
	}{
		"a push":                     {"push", "", `{}`, false},
		"a push without a file":      {"push", "", "", false},
		"no event":                   {"", "", "", false},
		"a branch":                   {"pull_request", "", pull(`{"full_name": "a/b"}`, "a/b"), false},
		"letters":                    {"pull_request", "", pull(`{"full_name": "A/b"}`, "a/B"), false},
		"a fork":                     {"pull_request", "", pull(`{"full_name": "evil/b"}`, "a/b"), true},
		"a fork with secrets":        {"pull_request_target", "", pull(`{"full_name": "evil/b"}`, "a/b"), true},
		"a review of a fork":         {"pull_request_review", "", pull(`{"full_name": "evil/b"}`, "a/b"), true},
		"a fork that is gone":        {"pull_request", "", pull(`null`, "a/b"), true},
		"no pull request":            {"pull_request", "", `{"repository": {"full_name": "a/b"}}`, true},
		"no repository":              {"pull_request", "", pull(`{"full_name": ""}`, ""), true},
		"no file":                    {"pull_request", "", "", true},
		"not JSON":                   {"pull_request", "", "x", true},
		"another form":               {"pull_request", "", `{"pull_request": []}`, true},
		"Dependabot":                 {"pull_request", "dependabot[bot]", pull(`{"full_name": "a/b"}`, "a/b"), true},
		"a run behind a fork's":      {"workflow_run", "", run("evil/b", "a/b"), true},
		"a run behind a push's":      {"workflow_run", "", run("a/b", "a/b"), false},
		"a run of nobody knows what": {"workflow_run", "", `{"repository": {"full_name": "a/b"}}`, true},
	} {
		file := ""
		if c.text != "" {
			file = filepath.Join(t.TempDir(), "event.json")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if why := (Job{Event: c.event, EventFile: file, Actor: c.actor}).Foreign(); (why != "") != c.want {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"out/m": "out/m", "./out//m": "out/m", filepath.Join(here, "m"): "m", "../x": filepath.ToSlash(filepath.Join(filepath.Dir(here), "x")),
	} {
		if got := (Job{Workspace: here}).Path(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}
