package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
)

// terminalOfWidth is a terminal of that width; 0 is none, -1 one that does not
// tell.
func terminalOfWidth(width int) func(io.Writer) (int, bool) {
	return func(io.Writer) (int, bool) { return max(width, 0), width != 0 }
}

func testPrinter(width int) (*printer, *bytes.Buffer) {
	var out bytes.Buffer
	e := env{Getenv: func(string) string { return "" }, Terminal: terminalOfWidth(width)}
	return newPrinter(e, &out, "never"), &out
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"one two three", 8, "one two\n  three"},
		{"one two three", 7, "one two\n  three"},
		{"one two three", 6, "one\n  two\n  three"},
		{"one two three", 0, "one two three"},
		{"see /a/very/long/path now", 10, "see\n  /a/very/long/path\n  now"},
		{"/a/very/long/path", 5, "/a/very/long/path"},
		{"", 5, ""},
		{"ä ö ü", 3, "ä ö\n  ü"},
		{"size 12.3" + glue + "KiB", 10, "size\n  12.3 KiB"},
	} {
		if got := wrap(c.text, c.width, "  "); got != c.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// TestWrapKeepsWords: whatever the text, its words stay, and a line is too long
// only if it is one word.
func TestWrapKeepsWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.StringMatching(`[a-zä/.]{1,30}`)).Draw(t, "words"), " ")
		width := rapid.IntRange(1, 60).Draw(t, "width")
		got := wrap(text, width, "  ")
		if strings.Join(strings.Fields(got), " ") != text {
			t.Fatalf("%q lost words: %q", text, got)
		}
		for line := range strings.Lines(got) {
			line = strings.TrimRight(line, "\n")
			if utf8.RuneCountInString(line) > width && strings.Contains(strings.TrimSpace(line), " ") {
				t.Fatalf("line %q is longer than %d", line, width)
			}
		}
	})
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain ümläut 日本":  "plain ümläut 日本",
		"\x1b[31mred":      `\x1b[31mred`,
		"a\nb\tc\x7f":      `a\x0ab\x09c\x7f`,
		"a\xffb":           `a\xffb`,
		"exe\u202egpj.mpk": `exe\u202egpj.mpk`,
		"a" + glue + "b":   `a\u00a0b`,
		"\u2028":           `\u2028`,
	} {
		if got := visible(text); got != want {
			t.Errorf("visible(%q) = %q, want %q", text, got, want)
		}
	}
	if got := visible(strings.Repeat("x", 1<<20)); len(got) > visibleLimit+50 || !strings.Contains(got, "bytes more") {
		t.Errorf("a long text is shown with %d bytes", len(got))
	}
}

// What a server or a plugin says of a set moves no cursor.
func TestSummaryOfASet(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J"
	p, out := testPrinter(0)
	p.summary(report.Report{Result: report.Accepted, Waiting: &report.Waiting{ID: evil, Set: evil, Source: evil, Version: evil, Missing: []string{evil}}})
	p.summary(report.Report{Result: report.Published, Repositories: []report.Report{{Repository: evil}, {Architecture: evil}}})
	if strings.Contains(out.String(), "\x1b") || strings.Count(out.String(), `\x1b[2J`) != 7 {
		t.Errorf("%q", out)
	}
}

// TestFindingsOnATerminal shows the form that people see at 60 columns.
func TestFindingsOnATerminal(t *testing.T) {
	t.Parallel()
	p, out := testPrinter(60)
	p.findings([]report.Finding{
		{Code: report.CodeSize, File: "x.mmpack-manifest", Line: 10, Field: "source.size", Expected: "12", Actual: "13",
			Message: "the file x_src.tar.xz has another size than declared", Hint: "copy it again"},
		{Code: report.CodeMissing, Message: "the file is not there", Expected: "y", Hint: "copy it again"},
		{Code: report.CodeHealed, Severity: report.SeverityNote, Message: "healed", Actual: "publish of x"},
	})
	const want = `mmpush: error: x.mmpack-manifest:10: source.size: the file
    x_src.tar.xz has another size than declared [MP-SIZE]
    expected  12
    found     13
mmpush: error: the file is not there [MP-MISSING]
    expected  y
    found     nothing
mmpush: hint: copy it again
mmpush: note: healed [MP-HEALED]
    publish of x
mmpush: hint: what this means: mmpush explain MP-SIZE
    MP-MISSING
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}

func TestColor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag     string
		vars     map[string]string
		terminal bool
		want     bool
	}{
		{"auto", nil, false, false},
		{"auto", nil, true, true},
		{"", nil, true, true},
		{"auto", map[string]string{"TERM": "dumb"}, true, false},
		{"auto", map[string]string{"NO_COLOR": "1"}, true, false},
		{"auto", map[string]string{"NO_COLOR": ""}, true, true},
		{"auto", map[string]string{"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, true, false},
		{"auto", map[string]string{"CLICOLOR_FORCE": "1"}, false, true},
		{"auto", map[string]string{"CLICOLOR_FORCE": "0"}, false, false},
		{"auto", map[string]string{"FORCE_COLOR": "1"}, false, true},
		{"always", map[string]string{"NO_COLOR": "1"}, false, true},
		{"never", map[string]string{"FORCE_COLOR": "1"}, true, false},
	} {
		if got := wantsColor(c.flag, func(name string) string { return c.vars[name] }, c.terminal); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestColorIsNotTheMessage: without its colours, the output is the same.
func TestColorIsNotTheMessage(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/06-foo-1.1.0")
	for _, args := range [][]string{
		{"push", manifestOf(t, "uploads/07-foo-1.1.0-rebuild"), "--to", at},
		{"push", manifestOf(t, "uploads/03-greet-0.9.0"), "--to", at, "-n"},
		{"list", "-R", at},
		{"explain"},
	} {
		s := shell{width: 80}
		with, without := s.run(append(args, "--color=always")...), s.run(append(args, "--color=never")...)
		if !strings.Contains(with.stdout+with.stderr, "\x1b[") || strings.Contains(without.stdout+without.stderr, "\x1b[") {
			t.Errorf("%s: the flag does nothing", args[0])
		}
		if bare(with.stdout) != without.stdout || bare(with.stderr) != without.stderr {
			t.Errorf("%s: differs beyond colour:\n%s\n%s", args[0], with.stdout+with.stderr, without.stdout+without.stderr)
		}
	}
}

// bare is text without its colours.
func bare(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "m")
	}
}

func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	p, out := testPrinter(60)
	now := time.Unix(0, 0)
	g := newProgress(p, func() time.Time { return now })
	step := func(at time.Duration, done int64) {
		now = time.Unix(0, int64(at))
		g.tell(upload.Progress{File: strings.Repeat("long", 30), Number: 1, Files: 2, AllDone: done, AllTotal: 2 << 20})
	}
	step(900*time.Millisecond, 1<<10)
	if out.Len() > 0 {
		t.Errorf("shown in the first second: %q", out)
	}
	step(1000*time.Millisecond, 1<<20)
	step(1050*time.Millisecond, 1<<20)
	step(1100*time.Millisecond, 2<<20)
	g.end()
	g.end()
	lines := strings.Split(out.String(), "\r\x1b[K")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("want two bars and an empty line: %q", lines)
	}
	if !strings.HasPrefix(lines[1], "[##########----------]  50 % of 2.0 MiB  1/2 long") || !strings.HasPrefix(lines[2], "[####################] 100 %") {
		t.Errorf("bars %q", lines)
	}
	for _, l := range lines {
		if utf8.RuneCountInString(l) > 59 {
			t.Errorf("a bar breaks the line: %q", l)
		}
	}
}

func TestProgressInALog(t *testing.T) {
	t.Parallel()
	p, out := testPrinter(0)
	now := time.Unix(0, 0)
	g := newProgress(p, func() time.Time { return now })
	for second := range 30 {
		now = time.Unix(int64(second), 0)
		g.tell(upload.Progress{File: "a\x1b.mpk", Number: 1 + second/25, Files: 2, AllDone: int64(second), AllTotal: 30})
	}
	g.end()
	const want = `mmpush: reading a\x1b.mpk, file 1 of 2, 3 % of 30 B, 1 B/s, 29s left
mmpush: reading a\x1b.mpk, file 1 of 2, 36 % of 30 B, 1 B/s, 19s left
mmpush: reading a\x1b.mpk, file 1 of 2, 70 % of 30 B, 1 B/s, 9s left
mmpush: reading a\x1b.mpk, file 2 of 2, 83 % of 30 B, 1 B/s, 5s left
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}

// What is sent is told with its rate and the time left; what is not sent, as skipped;
// what the server does, in its words.
func TestProgressOfSending(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		0: `mmpush: sending a.mpk, file 1 of 2, 10 % of 20.0 MiB, 5.0 MiB skipped, 1.0 MiB/s, 18s left
mmpush: sending a.mpk, file 1 of 2, 60 % of 20.0 MiB, 5.0 MiB skipped, 1.0 MiB/s, 8s left
mmpush: a connection was lost
mmpush: the server: ver\x1bify a.mpk, 50 % of 20.0 MiB
`,
		100: "[##########----------]  50 % of 20.0 MiB  a.mpk  (the server: ver\\x1bify)",
	} {
		p, out := testPrinter(width)
		now := time.Unix(0, 0)
		g := newProgress(p, func() time.Time { return now })
		for second := range 19 {
			now = time.Unix(int64(second), 0)
			if second < 2 {
				now = time.Unix(0, int64(second))
			}
			if second == 17 {
				g.notice("a connection was lost")
			}
			g.send(transport.Sending{File: "a.mpk", Number: 1, Files: 2, Done: int64(second) << 20, Total: 20 << 20, Skipped: 5 << 20})
		}
		now = now.Add(10 * time.Second)
		g.send(transport.Sending{Stage: "ver\x1bify", File: "a.mpk", Done: 10 << 20, Total: 20 << 20})
		if width == 0 && out.String() != want || !strings.HasSuffix(out.String(), want) {
			t.Errorf("got:\n%s\nwant:\n%s", out, want)
		}
	}
}

func TestBytesText(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 12595: "12.3 KiB", 5 << 30: "5.0 GiB", 1 << 62: "4096.0 PiB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	got := commandLine([]string{"push", "a b", "it's", "", "x*", "--to=/srv/repo"})
	if want := `mmpush push 'a b' 'it'\''s' '' 'x*' --to=/srv/repo`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
