//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/repo"
)

// pipe is a real process that somebody has a conversation with.
type pipe struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func startPipe(t *testing.T, program string, args ...string) *pipe {
	t.Helper()
	p := &pipe{t: t, cmd: exec.Command(program, args...)}
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
		}
	})
	return p
}

// send writes one command and leaves its answer.
func (p *pipe) send(command string) {
	p.t.Helper()
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		p.t.Fatalf("%s: %v\n%s", command, err, p.stderr.String())
	}
}

// receive reads one answer.
func (p *pipe) receive() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatalf("no answer: %v\n%s", err, p.stderr.String())
	}
	return strings.TrimSuffix(line, "\n")
}

// ask wants that answer, or an answer that begins with it.
func (p *pipe) ask(command, want string) {
	p.t.Helper()
	p.send(command)
	if got := p.receive(); got != want && (want == "OK" || !strings.HasPrefix(got, want)) {
		p.t.Fatalf("%s: %s, want %s\n%s", command, got, want, p.stderr.String())
	}
}

// end closes the input and wants exit code 0 and no more answers.
func (p *pipe) end() {
	p.t.Helper()
	if err := p.in.Close(); err != nil {
		p.t.Fatal(err)
	}
	if rest, code := p.wait(); rest != "" || code != exitDone {
		p.t.Errorf("at the end: %q, exit %d\n%s", rest, code, p.stderr.String())
	}
}

// wait returns what is left of the output, and the exit code; -1 for a signal.
func (p *pipe) wait() (rest string, code int) {
	p.t.Helper()
	text, err := io.ReadAll(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	err = p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(text), exit.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	return string(text), exitDone
}

// stages is how many changes are being prepared in a repository.
func stages(at string) int {
	list, _ := os.ReadDir(filepath.Join(at, repo.StageDir)) // before the first there is none
	return len(list)
}

// TestTenAddsOneIndex: the index files are replaced once for a whole change.
func TestTenAddsOneIndex(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	photo := func() (inodes [2]uint64) {
		for i, name := range []string{"binary-index.gz", "source-index"} {
			info, err := os.Stat(filepath.Join(at, name))
			if err != nil {
				t.Fatal(err)
			}
			inodes[i] = info.Sys().(*syscall.Stat_t).Ino
		}
		return inodes
	}
	before := photo()
	p := startPipe(t, "mmpush", "batch", "-R", at)
	uploads := tinyUploads(t, "ten", 10)
	for _, u := range uploads {
		p.ask("ADD "+u, "OK")
		if photo() != before {
			t.Fatal("an index file was replaced before COMMIT")
		}
	}
	p.ask("COMMIT", "OK")
	after := photo()
	if after[0] == before[0] || after[1] == before[1] || len(versionsOf(t, at)) != len(uploads) {
		t.Errorf("not published: %v", versionsOf(t, at))
	}
	p.end()
	if history := mustRead(t, filepath.Join(at, repo.HistoryFile)); strings.Count(history, "\n") != 1 {
		t.Errorf("history:\n%s", history)
	}
	if photo() != after {
		t.Error("an index file was replaced twice")
	}
}
