//go:build unix

package main

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// TestHostileLines: whatever a line is, it has one answer of one printable line, and
// the next one is heard.
func TestHostileLines(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"NUL":              "ADD a\x00b",
		"only NUL":         "\x00",
		"not UTF-8":        "ADD \xff\xfe/\x80",
		"a verb of bytes":  "\xff\xfe\xfd",
		"escape sequence":  "ADD \x1b[2J\x1b]0;x\x07",
		"direction":        "ADD \u202egnp.exe",
		"long":             "ADD " + strings.Repeat("x", 10<<20),
		"long and blank":   strings.Repeat(" ", 10<<20) + "x",
		"at the limit":     "ADD " + strings.Repeat("x", commandLimit-4),
		"over the limit":   "ADD " + strings.Repeat("x", commandLimit-3),
		"long name":        "ADD " + strings.Repeat("a/", 2000),
		"a device":         "ADD /dev/zero",
		"a folder":         "ADD /",
		"dots":             "ADD ../../../../../../../../etc/passwd",
		"carriage returns": "ADD nothing\rADD nothing",
		"many arguments":   "REMOVE_MATCHING_SRC " + strings.Repeat("name=,", 5000),
		"odd arguments":    "REMOVE_MATCHING_SRC =,==,name==x",
		"odd value":        "REMOVE_MATCHING_SRC name=\x00\xff",
		"lower case":       "commit",
		"glued":            "COMMIT;",
		"Unicode space":    "COMMIT\u00a0",
		"half a verb":      "COMMIT_",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := newRepo(t)
			got := shell{}.talk(strings.NewReader(line+"\nROLLBACK\n"), "-R", at)
			lines := strings.Split(got.stdout, "\n")
			if got.code != exitDone || len(lines) != 3 || !strings.HasPrefix(lines[0], "FAIL ") || lines[1] != "OK" {
				t.Fatalf("exit %d\n%.500q\n%.500q", got.code, got.stdout, got.stderr)
			}
			if len(lines[0]) > 20000 || !utf8.ValidString(lines[0]) || visible(lines[0][:min(len(lines[0]), 500)]) != lines[0][:min(len(lines[0]), 500)] {
				t.Errorf("not a printable line: %.500q", lines[0])
			}
			if strings.Contains(name, "limit") && strings.Contains(lines[0], "has more than") != (name == "over the limit") {
				t.Errorf("%.500q", lines[0])
			}
			mustBeAtRest(t, at)
		})
	}
}

// TestEndsOfLines: the last line needs no end, a line may end as on Windows, and
// white space is not a command.
func TestEndsOfLines(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	for in, want := range map[string]string{
		"": "", "\n\r\n \t\f\v\r\n": "", "ROLLBACK": "OK\n", "ROLLBACK\r\n\r\nROLLBACK\r\n": "OK\nOK\n", "\tROLLBACK \v": "OK\n",
		strings.Repeat("\n", 1<<20) + "ROLLBACK": "OK\n",
	} {
		for _, reader := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			if got := (shell{}).talk(reader, "-R", at); got.code != exitDone || got.stdout != want {
				t.Errorf("%.50q: exit %d, %q %s", in, got.code, got.stdout, got.stderr)
			}
		}
	}
	mustBeAtRest(t, at)
}

// FuzzConversation says anything to a batch that is not a commit of something.
func FuzzConversation(f *testing.F) {
	for _, seed := range []string{
		"", "ADD x\nCOMMIT\n", "ROLLBACK\nROLLBACK_CHANGES\nROLLBACK_CHANGES\nBEGIN_CHANGES\nADD\n", "REMOVE_MATCHING_SRC name=foo, version=1\nCOMMIT_CHANGES",
		"REMOVE_MATCHING_SRC ,=,\n\x00\n\xff ADD\r\n", "BEGIN_CHANGES x\nCOMMIT y\nADD \x1b[m\n", "\n \n\t", "REMOVE_MATCHING_SRC srcsha=",
	} {
		f.Add([]byte(seed))
	}
	at := filepath.Join(f.TempDir(), "repo")
	if got := (shell{}).run("init", at, "--arch", "amd64-debian"); got.code != exitDone {
		f.Fatal(got.stderr)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := shell{}.talk(bytes.NewReader(text), "-R", at)
		asked := 0
		for line := range strings.SplitSeq(string(text), "\n") {
			if trim(line) != "" {
				asked++
			}
		}
		answers := strings.Split(strings.TrimSuffix(got.stdout, "\n"), "\n")
		if got.stdout == "" {
			answers = nil
		}
		if got.code != exitDone || len(answers) != asked {
			t.Fatalf("exit %d, %d answers to %d lines\n%q\n%s", got.code, len(answers), asked, got.stdout, got.stderr)
		}
		for _, a := range answers {
			if a != "OK" && (!strings.HasPrefix(a, "FAIL ") || !strings.HasSuffix(a, "]")) {
				t.Errorf("answer %q", a)
			}
		}
		mustBeAtRest(t, at)
	})
}

// A byte order mark is no part of the first command.
func TestCommandBehindAMark(t *testing.T) {
	t.Parallel()
	if c := parseCommand("\ufeffADD a b"); c.verb != "ADD" || c.argument != "a b" {
		t.Errorf("got %+v", c)
	}
}
