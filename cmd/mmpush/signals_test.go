//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignalsInAConversation: a signal rolls back, gives the lock back and ends with
// 130, in whatever state the conversation is.
func TestSignalsInAConversation(t *testing.T) {
	t.Parallel()
	foo := manifestOf(t, "uploads/01-foo-1.0.0")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		for name, arrange := range map[string]func(t *testing.T, p *pipe, at string) (answers string){
			"with a change open": func(_ *testing.T, p *pipe, _ string) string {
				p.ask("BEGIN_CHANGES", "OK")
				p.ask("ADD "+foo, "OK")
				return ""
			},
			"with no change open": func(_ *testing.T, p *pipe, _ string) string {
				p.ask("COMMIT", "FAIL no change is open")
				return ""
			},
			"waiting for the lock": func(t *testing.T, p *pipe, at string) string {
				release := holdLock(t, at)
				t.Cleanup(release)
				p.send("BEGIN_CHANGES")
				until(t, "a stage", func() bool { return stages(at) == 1 })
				return "FAIL interrupted [MP-STOPPED]\n"
			},
		} {
			t.Run(signal.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				at := newRepo(t, "uploads/03-greet-0.9.0")
				before := mustRead(t, filepath.Join(at, "binary-index.gz"))
				p := startPipe(t, "mmpush", "batch", "-R", at, "--initial-change=false", "--lock-wait=10m")
				answers := arrange(t, p, at)
				if err := p.cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if rest, code := p.wait(); rest != answers || code != exitStopped {
					t.Errorf("answers %q, exit %d\n%s", rest, code, p.stderr.String())
				}
				if !strings.Contains(p.stderr.String(), "mmpush: stopped: ") || stages(at) > 0 {
					t.Errorf("%d stages\n%s", stages(at), p.stderr.String())
				}
				if mustRead(t, filepath.Join(at, "binary-index.gz")) != before {
					t.Error("the index has changed")
				}
				if name != "waiting for the lock" {
					mustBeAtRest(t, at)
				}
			})
		}
	}
}

// TestSignalBeforeTheConversation: the first change is waited for, and the wait ends
// with a signal.
func TestSignalBeforeTheConversation(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	release := holdLock(t, at)
	defer release()
	p := startPipe(t, modifyrepoName, "-p", at, "batch")
	until(t, "a stage", func() bool { return stages(at) == 1 })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if rest, code := p.wait(); rest != "" || code != exitStopped || stages(at) > 0 {
		t.Errorf("%q, exit %d, %d stages", rest, code, stages(at))
	}
}

// TestKillInAConversation: a process that is killed with a change open leaves the
// repository to the next, with nothing of the change.
func TestKillInAConversation(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	p := startPipe(t, modifyrepoName, "-p", at, "batch")
	p.ask("ADD "+manifestOf(t, "uploads/01-foo-1.0.0"), "OK")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait()
	mustRun(t, "push", manifestOf(t, "uploads/03-greet-0.9.0"), "--to", at, "--lock-wait", "0")
	if got := versionsOf(t, at); len(got) != 2 || !got["greet 0.9.0"] || !got["greet-doc 0.9.0"] {
		t.Errorf("published: %v", got)
	}
	if err := whole(at); err != nil {
		t.Error(err)
	}
	mustBeAtRest(t, at)
}

// TestDeafPeer: whoever no longer takes the answers ends the conversation, and what
// is open is rolled back.
func TestDeafPeer(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(modifyrepoName, "-p", at, "batch")
	cmd.Stdout = w
	cmd.Stdin = strings.NewReader("ADD " + manifestOf(t, "uploads/01-foo-1.0.0") + "\nCOMMIT\n")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Run()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := versionsOf(t, at); len(got) > 0 {
		t.Errorf("published: %v", got)
	}
	mustBeAtRest(t, at)
}
