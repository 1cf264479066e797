//go:build unix

package main

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// wireFile declares one file.
func wireFile(name, text string) tupkg.File {
	m, s := md5.Sum([]byte(text)), sha256.Sum256([]byte(text))
	return tupkg.File{
		Name: name, Size: int64(len(text)), MD5: hex.EncodeToString(m[:]), SHA256: hex.EncodeToString(s[:]), Content: strings.NewReader(text),
	}
}

// TestServeIncoming: a genuine pacman package goes to the user's incoming folder, and the
// program hears of it, with a clean environment; a package under another name is refused.
func TestServeIncoming(t *testing.T) {
	t.Parallel()
	repo, users, dir := newRepo(t), filepath.Join(t.TempDir(), "users"), t.TempDir()
	writeUsers(t, users, "first")
	facts := filepath.Join(dir, "facts")
	program := script(t, `{ echo "$0 $# $1 $2"; env; cat; } >`+facts+`.new && mv `+facts+`.new `+facts+"\n")
	s := startServing(t, repo, users, "--on-complete", program)
	genuine, err := filepath.Glob(filepath.Join(pacmanPackages, "*.pkg.tar.zst"))
	if err != nil || len(genuine) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	name, text := filepath.Base(genuine[0]), mustRead(t, genuine[0])
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Push(t.Context(), tupkg.Set{Files: []tupkg.File{wireFile(name, text), wireFile(name+".sig", "signature")}})
	if err != nil || !r.Pass() || r.Report.Result != report.Accepted {
		t.Fatalf("%+v %v\n%s", r, err, s.stderr.String())
	}
	came := filepath.Join(repo, ".mmpush/incoming/first")
	if mustRead(t, filepath.Join(came, name)) != text || mustRead(t, filepath.Join(came, name+".sig")) != "signature" {
		t.Error("other bytes came")
	}
	lines := strings.Split(mustRead(t, facts), "\n")
	if lines[0] != program+" 2 accepted first" {
		t.Errorf("run as %q", lines[0])
	}
	var told completed
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &told); err != nil || told.Folder != came || told.Repository != repo || len(told.Incoming) != 2 {
		t.Errorf("%+v %v", told, err)
	}
	for _, line := range lines[1 : len(lines)-1] {
		if key, _, _ := strings.Cut(line, "="); key != "PATH" && key != "LANG" && key != "PWD" && key != "_" && key != "SHLVL" && key != "OLDPWD" {
			t.Errorf("in its environment: %s", line)
		}
	}
	r, err = c.Push(t.Context(), tupkg.Set{Files: []tupkg.File{wireFile("other-1-1-any.pkg.tar.zst", text)}})
	if err != nil || r.Report.Result != report.Rejected || r.Report.Findings[0].Code != report.CodeMismatch {
		t.Errorf("%+v %v", r, err)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}

// TestRunProgram: a program's failure is told, its output is bounded, and it ends in time
// with what it has started.
func TestRunProgram(t *testing.T) {
	t.Parallel()
	run := func(limit time.Duration, text string) (log string, err error) {
		var b bytes.Buffer
		err = runProgram(t.Context(), script(t, text), limit, slog.New(slog.NewTextHandler(&b, nil)), nil, "$(touch x)")
		return b.String(), err
	}
	if log, err := run(time.Minute, `echo "$1"`); err != nil || !strings.Contains(log, "$(touch x)") {
		t.Errorf("%v %s", err, log)
	}
	if log, err := run(time.Minute, "echo said >&2; exit 3"); err == nil || err.Error() != "it ended with exit status 3" || !strings.Contains(log, "said") {
		t.Errorf("%v %s", err, log)
	}
	if log, err := run(time.Minute, "yes | head -c 10000000"); err != nil || len(log) > 4*completeOutput || !strings.Contains(log, "bytes more") {
		t.Errorf("%v %d bytes of log", err, len(log))
	}
	began := time.Now()
	if _, err := run(100*time.Millisecond, "sleep 1000 & sleep 1000"); err == nil || !strings.Contains(err.Error(), "it took longer than 100ms") || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestTakesPacman(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"foo-1.0-1-x86_64.pkg.tar.zst":           {"foo", "x86_64"},
		"lib32-foo-bar-2:1.0-1.1-any.pkg.tar.xz": {"lib32-foo-bar", "any"},
		"foo-1.0-1-x86_64.pkg.tar.gz.sig":        {"foo", "x86_64"},
		"p1.pkg.tar.gz":                          {"", ""},
		"-1.0-1-any.pkg.tar.gz":                  {"", ""},
		"a-b-c-d.pkg.tar.gz":                     {"", ""},
	} {
		if source, arch, ok := takesPacman(name); !ok || source != want[0] || arch != want[1] {
			t.Errorf("%s: %q %q %v", name, source, arch, ok)
		}
	}
	for _, name := range []string{"foo.mpk", "foo.tar.gz", "foo.sig", "foo.pkg.tar", "foo.mmpack-manifest", "foo.pkg.tar.zst.part"} {
		if _, _, ok := takesPacman(name); ok {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestCheckPacman: each genuine package is whole under its own name; half of one is not.
func TestCheckPacman(t *testing.T) {
	t.Parallel()
	fsys := vfs.NewMem(time.Now)
	genuine, err := filepath.Glob(filepath.Join(pacmanPackages, "*.pkg.tar.*"))
	if err != nil || len(genuine) == 0 {
		t.Fatalf("no packages: %v", err)
	}
	for _, at := range genuine {
		name, text := strings.ReplaceAll(filepath.Base(at), "%3A", ":"), mustRead(t, at)
		for half, content := range []string{text, text[:len(text)/2]} {
			if half == 1 && strings.HasSuffix(name, signature) {
				continue
			}
			file := name + []string{"", ".half"}[half]
			if err := vfs.CreateSynced(fsys, file, 0o600, []byte(content)); err != nil {
				t.Fatal(err)
			}
			if found, err := checkPacman(t.Context(), fsys, file, name); err != nil || report.Refused(found) != (half == 1) {
				t.Errorf("%s: %v %v", file, found, err)
			}
		}
	}
}
