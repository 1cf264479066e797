//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// talk has a whole conversation with mmpush batch in this process.
func (s shell) talk(in io.Reader, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	e := s.env(&stdout, &stderr, append([]string{"batch"}, args...))
	e.Stdin = in
	return outcome{run(context.Background(), e), stdout.String(), stderr.String()}
}

// mustBeAtRest wants nothing left of a change: nobody holds the lock, no stage.
func mustBeAtRest(t *testing.T, at string) {
	t.Helper()
	folder, err := vfs.OpenDir(at)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	f, err := folder.OpenLock(repo.LockFile, repo.FileMode)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.TryLock(); err != nil {
		t.Errorf("the lock: %v", err)
	}
	if list, err := folder.ReadDir(repo.StageDir); err != nil || len(list) > 0 {
		t.Errorf("stages are left: %v %v", list, err)
	}
	if _, err := folder.Lstat(repo.HolderFile); err == nil {
		t.Error("a holder is left")
	}
}

// TestBrokenPipes: input that cannot be read and output that nobody takes end the
// conversation, and roll back.
func TestBrokenPipes(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	before := mustRead(t, filepath.Join(at, "binary-index.gz"))
	add := "ADD " + manifestOf(t, "uploads/01-foo-1.0.0") + "\n"
	in := io.MultiReader(strings.NewReader(add), iotest.ErrReader(syscall.EIO))
	if got := (shell{}).talk(in, "-R", at); got.code != exitInternal || got.stdout != "OK\n" || !strings.Contains(got.stderr, "standard input: cannot be read") {
		t.Errorf("input: exit %d, %q %s", got.code, got.stdout, got.stderr)
	}
	mustBeAtRest(t, at)

	var stderr bytes.Buffer
	e := shell{}.env(nil, &stderr, []string{"batch", "-R", at})
	e.Stdin, e.Stdout = strings.NewReader(add+"COMMIT\n"), fullDisk{}
	if code := run(t.Context(), e); code != exitInternal || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("output: exit %d, %s", code, stderr.String())
	}
	mustBeAtRest(t, at)
	if mustRead(t, filepath.Join(at, "binary-index.gz")) != before {
		t.Error("the index has changed")
	}
}

// TestFailedCommit: a commit that the disk refuses is rolled back, and the
// conversation goes on.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	failures := 0
	s := shell{wrap: failing(syscall.ENOSPC, func(op vfs.Op) bool {
		if op.Kind != "rename" || !strings.Contains(op.Name, "journal") {
			return false
		}
		failures++
		return failures == 1
	})}
	foo, greet := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/03-greet-0.9.0")
	got := s.talk(strings.NewReader(fmt.Sprintf("ADD %s\nCOMMIT\nADD %s\nCOMMIT\n", foo, greet)), "-R", at)
	lines := strings.Split(got.stdout, "\n")
	if failures == 0 || len(lines) != 5 || lines[0] != "OK" || !strings.HasPrefix(lines[1], "FAIL ") || !strings.HasSuffix(lines[1], "[MP-DISK]") ||
		lines[2] != "OK" || lines[3] != "OK" {
		t.Fatalf("%d failures, exit %d\n%s%s", failures, got.code, got.stdout, got.stderr)
	}
	if err := whole(at); err != nil {
		t.Error(err)
	}
	if list := (shell{}).run("list", "-R", at); !strings.Contains(list.stdout, "greet") || strings.Contains(list.stdout, "foo") {
		t.Errorf("published:\n%s", list.stdout)
	}
	mustBeAtRest(t, at)
}

// TestBusyAfterCommit: COMMIT is answered for the commit, even if the next change
// cannot begin; the next command that needs one tries again.
func TestBusyAfterCommit(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	tries := 0
	s := shell{wrap: failing(vfs.ErrLocked, func(op vfs.Op) bool {
		if op != (vfs.Op{Kind: "trylock", Name: repo.LockFile}) {
			return false
		}
		tries++
		return tries == 2 || tries == 3 || tries == 5
	})}
	foo, greet := manifestOf(t, "uploads/01-foo-1.0.0"), manifestOf(t, "uploads/03-greet-0.9.0")
	script := []struct{ command, want string }{
		{"ADD " + foo, "OK"},
		{"COMMIT", "OK"},          // 2: busy
		{"ADD " + greet, "FAIL "}, // 3: busy
		{"ADD " + greet, "OK"},    // 4
		{"COMMIT", "OK"},          // 5: busy
		{"BEGIN_CHANGES", "OK"},   // 6
		{"BEGIN_CHANGES", "FAIL "},
		{"ROLLBACK_CHANGES", "OK"},
		{"ROLLBACK_CHANGES", "FAIL "},
	}
	var in strings.Builder
	for _, c := range script {
		in.WriteString(c.command + "\n")
	}
	got := s.talk(strings.NewReader(in.String()), "-R", at, "--lock-wait=0")
	lines := strings.Split(got.stdout, "\n")
	if len(lines) != len(script)+1 || tries != 6 {
		t.Fatalf("%d tries, exit %d\n%s%s", tries, got.code, got.stdout, got.stderr)
	}
	for i, c := range script {
		if !strings.HasPrefix(lines[i], c.want) {
			t.Errorf("%s: %s, want %s", c.command, lines[i], c.want)
		}
	}
	if strings.Count(got.stderr, "is locked by another program") != 2 {
		t.Errorf("standard error:\n%s", got.stderr)
	}
	list := shell{}.run("list", "-R", at).stdout
	if !strings.Contains(list, "greet") || !strings.Contains(list, "foo") {
		t.Errorf("published:\n%s", list)
	}
	mustBeAtRest(t, at)
}

// TestDefectRollsBack: even a defect in the middle of a change leaves nothing.
func TestDefectRollsBack(t *testing.T) {
	t.Parallel()
	at := newRepo(t)
	s := shell{wrap: failing(nil, func(op vfs.Op) bool {
		if op.Kind == "create" && strings.HasPrefix(op.Name, repo.StageDir) && strings.HasSuffix(op.Name, ".mpk") {
			panic("a defect")
		}
		return false
	})}
	got := s.talk(strings.NewReader("ADD "+manifestOf(t, "uploads/01-foo-1.0.0")+"\nCOMMIT\n"), "-R", at)
	if got.code != exitInternal || got.stdout != "" || !strings.Contains(got.stderr, "internal error: a defect") {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	mustBeAtRest(t, at)
}

// TestSettingsOfEachChange: settings that change between two changes hold for the
// second.
func TestSettingsOfEachChange(t *testing.T) {
	t.Parallel()
	at := newRepo(t, "uploads/06-foo-1.1.0")
	in, out := io.Pipe()
	go func() {
		add := "ADD " + manifestOf(t, "uploads/07-foo-1.1.0-rebuild") + "\n"
		_, err := io.WriteString(out, add+"ROLLBACK_CHANGES\n")
		if err == nil {
			// The second change is asked for after the answer to the first: a write to
			// the pipe returns when it is read, and the reader is one line ahead.
			_, err = io.WriteString(out, "\n\n\n")
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(at, repo.SettingsFile), []byte("rebuild: allow\n"), 0o600)
		}
		if err == nil {
			_, err = io.WriteString(out, "BEGIN_CHANGES\n"+add+"COMMIT_CHANGES\n")
		}
		_ = out.CloseWithError(errors.Join(io.EOF, err))
	}()
	got := shell{}.talk(in, "-R", at)
	lines := strings.Split(got.stdout, "\n")
	if len(lines) < 5 || !strings.HasSuffix(lines[0], "[MP-CONFLICT]") || strings.Join(lines[1:5], " ") != "OK OK OK OK" {
		t.Errorf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
