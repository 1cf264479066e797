package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// TestExplainsEverything: each code that there is can be looked up, in any case.
func TestExplainsEverything(t *testing.T) {
	t.Parallel()
	all := report.Explanations()
	if len(all) == 0 {
		t.Fatal("no codes")
	}
	for _, e := range all {
		for _, text := range []string{string(e.Code), strings.ToLower(string(e.Code)), strings.TrimPrefix(string(e.Code), "MP-")} {
			got := shell{}.run("explain", text)
			if got.code != exitDone || !strings.HasPrefix(got.stdout, string(e.Code)+": ") {
				t.Errorf("explain %s: exit %d, %q, %s", text, got.code, got.stdout, got.stderr)
			}
		}
		for line := range strings.Lines(shell{width: 40}.run("explain", string(e.Code), "--color=never").stdout) {
			if len(line) > 41 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%s: a line of %d: %q", e.Code, len(line), line)
			}
		}
	}
	var doc explained
	if err := json.Unmarshal([]byte(shell{}.run("explain", "--json").stdout), &doc); err != nil || !slices.Equal(doc.Codes, all) {
		t.Errorf("document: %v, %d codes", err, len(doc.Codes))
	}
}

func TestNearestCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"MP-SIZ": "MP-SIZE", "SIZ": "MP-SIZE", "MP-CONFLICTS": "MP-CONFLICT", "MPSIZE": "MP-SIZE",
		"HELLO-WORLD": "", "": "", strings.Repeat("X", 10000): "",
	} {
		if got, _ := nearest(text); got != want {
			t.Errorf("%.20q: %q, want %q", text, got, want)
		}
	}
}

// TestVersionDocument: what a bug report needs is there.
func TestVersionDocument(t *testing.T) {
	t.Parallel()
	var doc map[string]any
	if err := json.Unmarshal([]byte(shell{}.run("version", "--json").stdout), &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "version", "go", "platform"} {
		if doc[key] == nil || doc[key] == "" {
			t.Errorf("no %s: %v", key, doc)
		}
	}
}

// FuzzArguments parses command lines, separated by newlines: each is a verb, or an
// error that is answered in the form that was asked for.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{
		"", "push", "push\nx\n--to\nrepo\n--json", "--output\njson", "--output", "--output=json=json", "--json=false", "--json=\xff",
		"-R", "list\n-R\n", "-", "--", "---", "--=x", "push\n--to=\n-n\n-nn\n-n=x", "init\n--arch\n\x00", "explain\n-é", "version\n--color=always",
		"push\n--lock-wait=9999999999999h", "--help\n--version", "-h\n--json", "--color\nalways\n--no-color",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var stdout, stderr bytes.Buffer
		var args []string
		if line != "" {
			args = strings.Split(line, "\n")
		}
		a := newApp(shell{}.env(&stdout, &stderr, args))
		v, err := a.parse()
		if err == nil {
			if v == nil {
				t.Error("no verb and no error")
			}
			return
		}
		if err == errHelp {
			return
		}
		if code := a.end(a.fail(err)); code != exitUsage {
			t.Errorf("exit %d: %v", code, err)
		}
		if a.json && !json.Valid(stdout.Bytes()) {
			t.Errorf("not a document: %q", stdout.String())
		}
		if !a.err.color && strings.ContainsFunc(stderr.String(), func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("control characters: %q", stderr.String())
		}
	})
}

// TestVerbAlone: the part of the grammar that is about a verb reads its command lines as
// the whole does, and whatever it refuses is refused by the whole, in its words.
func TestVerbAlone(t *testing.T) {
	t.Parallel()
	lines := []string{
		"push a b --to x --rebuild --dry-run", "push a --json", "push", "push --help", "push a --no-such-flag",
		"check a --output=json", "init r --arch a-b --ci", "list -R r", "remove -R r --source s --yes", "log -n 3", "show 3",
		"who x", "undo 3.1 --to 2", "verify-log --head 00", "gc --dry-run", "export d -R r", "fsck --deep", "batch --initial-change=false",
		"watch d --settle 3s", "gensync d --name n", "user add me --users f", "user", "hook status --git-dir d", "status 1",
		"receive --as me r", "sign m", "plugin list", "explain MP-SIZE", "version", "--json version", "nothing", "",
	}
	named := 0
	for _, line := range lines {
		app := func() *app {
			a := newApp(shell{}.env(nil, nil, nil))
			a.Args = strings.Fields(line)
			return a
		}
		alone, ctx, err := app().parseVerb()
		whole, wctx, werr := app().parseAs(reflect.TypeFor[grammar](), &bytes.Buffer{}, &bytes.Buffer{})
		if err != nil {
			if !errors.Is(err, errNoVerb) && werr == nil {
				t.Errorf("%q: %v, and the whole grammar takes it", line, err)
			}
			continue
		}
		if werr != nil {
			t.Errorf("%q: taken, and the whole grammar says %v", line, werr)
			continue
		}
		named++
		for _, flag := range []string{"Output", "JSON", "Color"} {
			if got, want := alone.FieldByName(flag).Interface(), whole.FieldByName(flag).Interface(); got != want {
				t.Errorf("%q: %s is %v, want %v", line, flag, got, want)
			}
		}
		got, gotErr := json.Marshal(ctx.Selected().Target.Interface())
		want, wantErr := json.Marshal(wctx.Selected().Target.Interface())
		if path := ctx.Selected().Path(); gotErr != nil || wantErr != nil || path != wctx.Selected().Path() || !bytes.Equal(got, want) {
			t.Errorf("%q: %s %s, want %s %s", line, path, got, wctx.Selected().Path(), want)
		}
	}
	if named < 20 {
		t.Errorf("only %d command lines were taken", named)
	}
}
