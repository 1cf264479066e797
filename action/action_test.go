package action

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

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
