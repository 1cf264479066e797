package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// keyboard is what somebody types on a terminal.
type keyboard struct {
	io.Reader
	io.Writer
}

// TestRemoveAsks shows the plan on a terminal and asks; only a yes removes.
func TestRemoveAsks(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/03-greet-0.9.0")
	for _, tt := range []struct {
		typed string
		code  int
	}{
		{"", exitStopped}, {"\n", exitStopped}, {"n\n", exitStopped}, {"yesterday\n", exitStopped}, {"Y\n", exitDone},
	} {
		var stdout, stderr bytes.Buffer
		e := shell{width: 100, vars: map[string]string{"NO_COLOR": "1"}}.env(&stdout, &stderr, []string{"remove", "-R", at, "greet", "greet-doc"})
		e.Stdin = keyboard{strings.NewReader(tt.typed), &stderr}
		code := run(context.Background(), e)
		if code != tt.code || !strings.Contains(stderr.String(), "remove 2 binary packages, 1 source? [y/N]") {
			t.Errorf("typed %q: exit %d\n%s%s", tt.typed, code, &stdout, &stderr)
		}
		if strings.Count(stdout.String(), "greet-doc ") != 1 || strings.Contains(stdout.String(), "as generation 2") != (code == exitDone) {
			t.Errorf("typed %q:\n%s", tt.typed, &stdout)
		}
		if left := (shell{}).run("list", "-R", at); strings.Contains(left.stdout, "greet") == (code == exitDone) {
			t.Errorf("typed %q, left:\n%s", tt.typed, left.stdout)
		}
	}
}

// TestRemoveOnlyWhatWasAgreed: what somebody publishes while the question is asked is
// not removed with the rest.
func TestRemoveOnlyWhatWasAgreed(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/03-greet-0.9.0")
	var stdout, stderr bytes.Buffer
	e := shell{width: 100, vars: map[string]string{"NO_COLOR": "1"}}.env(&stdout, &stderr, []string{"remove", "-R", at, "greet"})
	e.Stdin = keyboard{publishing{t, at}, &stderr}
	if code := run(context.Background(), e); code != exitRejected || !strings.Contains(stderr.String(), "MP-MOVED") {
		t.Errorf("exit %d\n%s%s", code, &stdout, &stderr)
	}
	if left := (shell{}).run("list", "-R", at); !strings.Contains(left.stdout, "1.0.0") {
		t.Errorf("left:\n%s", left.stdout)
	}
}

// publishing is somebody who publishes before the answer is typed.
type publishing struct {
	t  *testing.T
	at string
}

func (p publishing) Read(to []byte) (int, error) {
	mustRun(p.t, "push", manifestOf(p.t, "uploads/08-greet-1.0.0"), "--to", p.at)
	return copy(to, "y\n"), io.EOF
}

// TestRemoveWarnsOnce: without a terminal the plan is shown with what breaks, once, and
// the document has it.
func TestRemoveWarnsOnce(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/01-foo-1.0.0")
	got := shell{}.run("remove", "-R", at, "libfoo1")
	if got.code != exitUsage || strings.Count(got.stderr, "foo 1.0.0 stays and depends on libfoo1") != 1 || !strings.Contains(got.stdout, "would remove") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if doc := (shell{}).run("remove", "-R", at, "libfoo1", "--json"); !strings.Contains(doc.stdout, "MP-DEPENDS") || !strings.Contains(doc.stdout, "no terminal") {
		t.Errorf("%s", doc.stdout)
	}
}
