package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/programtest"
)

// verbsOf are all verbs that people see, those with verbs below them too.
func verbsOf(t *testing.T) []*kong.Node {
	t.Helper()
	var g grammar
	k, err := newApp(shell{}.env(nil, nil, nil)).grammar(&g, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var list []*kong.Node
	var add func(n *kong.Node)
	add = func(n *kong.Node) {
		for _, child := range n.Children {
			if !child.Hidden {
				list = append(list, child)
				add(child)
			}
		}
	}
	add(k.Model.Node)
	return list
}

// TestHelp: no line is longer than a terminal of 80 columns, and each verb that does
// something shows an example.
func TestHelp(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, n := range verbsOf(t) {
		seen[n.Path()] = true
		got := shell{}.run(append(strings.Fields(n.Path()), "--help")...)
		if got.code != exitDone || got.stderr != "" {
			t.Errorf("%s: exit %d, %s", n.Path(), got.code, got.stderr)
		}
		for line := range strings.Lines(got.stdout) {
			if length := utf8.RuneCountInString(strings.TrimRight(line, "\n")); length > 80 {
				t.Errorf("%s --help: a line of %d: %s", n.Path(), length, line)
			}
		}
		if n.Leaf() && !strings.Contains(got.stdout, "For example:\n\n    ") {
			t.Errorf("%s --help has no example:\n%s", n.Path(), got.stdout)
		}
	}
	for verb := range examples() {
		if !seen[verb] {
			t.Errorf("there are examples of %q, and there is no such verb", verb)
		}
	}
}

// TestExamples: each example is a command line of its verb.
func TestExamples(t *testing.T) {
	t.Parallel()
	for verb, lines := range examples() {
		for _, line := range lines {
			_, command, ok := strings.Cut(line, "mmpush "+verb)
			if !ok {
				continue
			}
			// What is read and written is the shell's business.
			if at := strings.IndexAny(command, "<>"); at >= 0 {
				command = command[:at]
			}
			words, err := splitWords("mmpush " + verb + command)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			a := newApp(shell{}.env(nil, nil, words[1:]))
			if _, err := a.parse(); err != nil || a.verb != verb {
				t.Errorf("%s: %q %v", line, a.verb, err)
			}
		}
	}
}

// TestManual: man renders each page without a warning, and the pages have every verb,
// every flag and every key.
func TestManual(t *testing.T) {
	t.Parallel()
	programtest.Need(t, "man")
	dir := t.TempDir()
	pages := strings.Fields(shell{}.run("man", dir).stdout)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	text := map[string]string{}
	for _, page := range pages {
		cmd := exec.CommandContext(ctx, "man", "--warnings", "-E", "UTF-8", "-l", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=100", "MANPAGER=cat", "MAN_KEEP_FORMATTING=", "GROFF_NO_SGR=")
		var warnings strings.Builder
		cmd.Stderr = &warnings
		out, err := cmd.Output()
		if err != nil || warnings.Len() > 0 {
			t.Errorf("man %s: %v\n%s", filepath.Base(page), err, warnings.String())
		}
		text[filepath.Base(page)] = string(out)
	}
	for _, n := range verbsOf(t) {
		page := text["mmpush-"+strings.ReplaceAll(n.Path(), " ", "-")+".1"]
		if !strings.Contains(page, "mmpush "+n.Path()) {
			t.Errorf("the page of %s:\n%s", n.Path(), page)
		}
		for _, f := range n.Flags {
			if !f.Hidden && !strings.Contains(page, f.Name) {
				t.Errorf("the page of %s has no --%s", n.Path(), f.Name)
			}
		}
	}
	for page, wants := range map[string][]string{
		"mmpush.1":          {"EXIT STATUS", "130", "MMPUSH_REPO", "--color", "mmpush-user(1)"},
		"mmpush-config.5":   {"password-command", "MMPUSH_LOCK_WAIT", "targets:", "~/.config", "Not in a project's file"},
		"mmpush-settings.5": {"retired-max", "members: 500000", "\"nightly-*\": allow", "take-over"},
	} {
		for _, want := range wants {
			if !strings.Contains(text[page], want) {
				t.Errorf("%s has no %s:\n%s", page, want, text[page])
			}
		}
	}
}
