//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// turns has input that comes line by line, each when the one before has its answer.
type turns struct {
	in    *io.PipeWriter
	lines []string
}

// Write is called with the answers.
func (w *turns) Write(p []byte) (int, error) {
	w.next()
	return len(p), nil
}

func (w *turns) next() {
	if len(w.lines) == 0 {
		w.in.Close()
		return
	}
	line := w.lines[0]
	w.lines = w.lines[1:]
	go fmt.Fprintln(w.in, line)
}

// TestAnswersInOrder: whether the commands come at once, so that uploads are read ahead,
// or one by one, the answers are the same, and so is what is published.
func TestAnswersInOrder(t *testing.T) {
	t.Parallel()
	add := func(upload string) string { return "ADD " + manifestOf(t, upload) }
	lines := []string{
		add("uploads/01-foo-1.0.0"), add("uploads-bad/wrong-size"), add("uploads/06-foo-1.1.0"), add("uploads/01-foo-1.0.0"), "ADD", "ADD nowhere",
		"REMOVE_MATCHING_SRC name=nobody", add("uploads/06-foo-1.1.0"), "ROLLBACK",
		add("uploads/06-foo-1.1.0"), add("uploads/03-greet-0.9.0"), "COMMIT_CHANGES", add("uploads/01-foo-1.0.0"), add("uploads/01-foo-1.0.0"), "BEGIN_CHANGES",
		"REMOVE_MATCHING_SRC name=greet", add("uploads/03-greet-0.9.0"), "COMMIT",
	}
	var told [2]string
	for i := range told {
		at := newRepo(t)
		var stdout, stderr bytes.Buffer
		e := shell{}.env(&stdout, &stderr, []string{"batch", "-R", at})
		if i == 0 {
			e.Stdin = strings.NewReader(strings.Join(lines, "\n"))
		} else {
			in, out := io.Pipe()
			w := &turns{out, lines}
			w.next()
			e.Stdin, e.Stdout = in, io.MultiWriter(&stdout, w)
		}
		if code := run(t.Context(), e); code != exitDone {
			t.Errorf("exit %d", code)
		}
		mustBeAtRest(t, at)
		list := shell{}.run("list", "-R", at)
		told[i] = strings.ReplaceAll(stdout.String()+list.stdout, at, "REPO")
	}
	if n := strings.Count(told[0], "\nOK") + strings.Count(told[0], "\nFAIL"); told[0] != told[1] || n != len(lines)-1 || !strings.Contains(told[0], "FAIL adding manifest failed") {
		t.Errorf("at once:\n%s\none by one:\n%s", told[0], told[1])
	}
}

// TestReadAhead: the second upload is read while the first one is. An end in the middle
// leaves nothing.
func TestReadAhead(t *testing.T) {
	t.Parallel()
	foo, greet := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/03-greet-0.9.0")
	for _, stopped := range []bool{false, true} {
		at := newRepo(t)
		ctx, stop := context.WithCancel(t.Context())
		second := make(chan struct{})
		var once sync.Once
		hook := func(op vfs.Op) error {
			switch {
			case op.Kind != "create":
			case strings.HasSuffix(op.Name, "foo_1.0.0_src.tar.xz"):
				select {
				case <-second:
				case <-time.After(time.Minute):
					t.Error("the second upload waits for the first one")
				}
			case strings.HasSuffix(op.Name, "greet_0.9.0_src.tar.xz"):
				if stopped {
					stop()
				}
				once.Do(func() { close(second) })
			}
			return nil
		}
		s := shell{wrap: func(fsys vfs.FS) vfs.FS { return vfs.Observe(fsys, hook) }}
		var stdout, stderr bytes.Buffer
		e := s.env(&stdout, &stderr, []string{"batch", "-R", at})
		e.Stdin = strings.NewReader(fmt.Sprintf("ADD %s\nADD %s\nCOMMIT\n", foo, greet))
		code, want, answers := run(ctx, e), exitDone, "OK\nOK\nOK\n"
		if stop(); stopped {
			want, answers = exitStopped, "FAIL interrupted [MP-STOPPED]\n"
		}
		if code != want || stdout.String() != answers && !(stopped && strings.HasSuffix(stdout.String(), answers)) {
			t.Errorf("stopped %v: exit %d\n%s%s", stopped, code, stdout.String(), stderr.String())
		}
		mustBeAtRest(t, at)
	}
}
