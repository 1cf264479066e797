package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// codesFile has, for each code, the place, the expected and the actual value, the
// message and the hint that the program tells with it.
const codesFile = "testdata/codes.txt"

// codeCases produce each code once.
func codeCases(t *testing.T) map[report.Code]codeCase {
	t.Helper()
	all := map[report.Code]codeCase{}
	for _, some := range []map[report.Code]codeCase{
		uploadCodes(), repositoryCodes(), verifierCodes(), serverCodes(), gitCodes(), setCodes(), machineCodes(),
	} {
		for code, produce := range some {
			if all[code] != nil {
				t.Errorf("two cases produce %s", code)
			}
			all[code] = produce
		}
	}
	return all
}

// codesElsewhere are the tests that produce what no command line here can bring about.
func codesElsewhere() map[report.Code]string {
	return map[report.Code]string{
		// A cache that lies with the right checksums has to be written bit by bit, in a form
		// that is nobody's business outside of the room index.
		report.CodeCache: "../../core/upkeep",
		// Which of a server's uploads wait for the same commit cannot be seen, so not
		// arranged, from outside.
		report.CodeSuperseded: "../../core/pipeline",
	}
}

// volatile is what differs from run to run.
var volatile = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z|127\.0\.0\.1:\d{2,}|[0-9a-f]{64}|SHA256:[A-Za-z0-9+/]{20,}(\.\.\.)?|\b[a-z2-7]{26}\b|\b[a-z2-7]{10}/build|request [a-z2-7]{12}\b|_test\.go:\d+|since TIME by \S+|\d+(\.\d+)?(ms|µs|s)\b|/tmp/\S*?/(repo|\d{3})/?`)

// TestEveryCode: each code that there is, is told by some command line, with the place,
// what was expected and found, and what to do next as committed, and explained.
// MMPUSH_GOLDEN=write writes the file anew.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	cases, elsewhere := codeCases(t), codesElsewhere()
	lines := map[report.Code]string{}
	t.Run("codes", func(t *testing.T) {
		found := make(chan [2]string, len(cases))
		t.Run("all", func(t *testing.T) {
			for code, produce := range cases {
				t.Run(string(code), func(t *testing.T) {
					t.Parallel()
					w := newCodeWorld(t)
					all := produce(w)
					i := slices.IndexFunc(all, func(c coded) bool { return c.Code == string(code) })
					if i < 0 {
						t.Fatalf("is not told: %+v", all)
					}
					if all[i].Message == "" {
						t.Errorf("says nothing: %+v", all[i])
					}
					found <- [2]string{string(code), all[i].line(w)}
				})
			}
		})
		close(found)
		for f := range found {
			lines[report.Code(f[0])] = f[1]
		}
	})
	// What a case could not do here, for want of a program, stays as it is.
	committed := committedCodes(t)
	var text strings.Builder
	for _, e := range report.Explanations() {
		_, there := cases[e.Code]
		if where, ok := elsewhere[e.Code]; !there && !ok {
			t.Errorf("nothing produces %s", e.Code)
		} else if there && ok {
			t.Errorf("%s is produced here, and stands among those that are not", e.Code)
		} else if ok {
			wantProduced(t, e.Code, where)
		}
		text.WriteString(cmp.Or(lines[e.Code], committed[e.Code]))
		if got := (shell{}).run("explain", string(e.Code)); got.code != exitDone || len(got.stdout) < 80 {
			t.Errorf("explain %s: exit %d, %s", e.Code, got.code, got.stdout)
		}
	}
	if os.Getenv("MMPUSH_GOLDEN") == "write" {
		if err := os.WriteFile(codesFile, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := mustRead(t, codesFile); text.String() != want {
		t.Errorf("%s differs:\n%s", codesFile, differing(text.String(), want))
	}
}

// committedCodes is the file, by code.
func committedCodes(t *testing.T) map[report.Code]string {
	t.Helper()
	blocks, code := map[report.Code]string{}, report.Code("")
	for line := range strings.Lines(mustRead(t, codesFile)) {
		if !strings.HasPrefix(line, " ") {
			code = report.Code(strings.TrimSpace(line))
		}
		blocks[code] += line
	}
	return blocks
}

// line is what is told, without what differs from run to run.
func (c coded) line(w *codeWorld) string {
	text := fmt.Sprintf("%s\n    file      %s\n    field     %s\n    expected  %s\n    actual    %s\n    message   %s\n    hint      %s\n",
		c.Code, c.File, c.Field, c.Expected, c.Actual, strings.ReplaceAll(c.Message, "\n", "\\n"), c.Hint)
	text = strings.NewReplacer(w.at, "REPO", w.dir, "DIR").Replace(text)
	text = volatile.ReplaceAllString(text, "...")
	return regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "")
}

// differing are the lines that only one of two texts has.
func differing(got, want string) string {
	var b strings.Builder
	have, wanted := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, l := range have {
		if !slices.Contains(wanted, l) {
			b.WriteString("+ " + l + "\n")
		}
	}
	for _, l := range wanted {
		if !slices.Contains(have, l) {
			b.WriteString("- " + l + "\n")
		}
	}
	return b.String()
}

// wantProduced looks for a code, by its name or its constant's, in a test or in the
// tests of a folder.
func wantProduced(t *testing.T, code report.Code, where string) {
	t.Helper()
	files := []string{where}
	if info, err := os.Stat(where); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(where, "*_test.go"))
	}
	source := mustRead(t, "../../core/report/code.go")
	constant := regexp.MustCompile(`(Code\w+) +Code = "` + string(code) + `"`).FindStringSubmatch(source)
	if constant == nil {
		t.Fatalf("%s has no constant", code)
	}
	name := regexp.MustCompile(`\b(report\.` + constant[1] + `|` + string(code) + `)\b[^-]`)
	for _, f := range files {
		if name.MatchString(mustRead(t, f)) {
			return
		}
	}
	t.Errorf("no test of %s has %s", where, code)
}
