package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestScripts(t *testing.T) {
	t.Parallel()
	genuine, err := filepath.Abs(corpus)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("UPLOADS", filepath.Join(genuine, "uploads"))
			e.Setenv("PACMAN", filepath.Join(genuine, "..", "pacman", "packages"))
			e.Setenv("BAD", filepath.Join(genuine, "uploads-bad"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("LONG", strings.Repeat("long", 5000))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "lock": lock, "upload": makeUpload, "mode": wantMode, "serving": serveScript, "settings": writeSettings,
			"drop-line": dropLine, "setting": changeSetting,
		},
	})
}

// exits is `exits CODE program args...`; CODE is "signal" for a program that a
// signal has ended. Arguments may be written as Go strings: "a\xff".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE program [args...]")
	}
	for i, arg := range args {
		if text, err := strconv.Unquote(arg); err == nil {
			args[i] = text
		}
	}
	got := "0"
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = strconv.Itoa(exit.ExitCode())
		if !exit.Exited() {
			got = "signal"
		}
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != args[0] {
		ts.Fatalf("exit %s, want %s", got, args[0])
	}
}

// lock is `lock REPO`: another program holds the repository's lock until the end of
// the script.
func lock(ts *testscript.TestScript, _ bool, args []string) {
	folder, err := vfs.OpenDir(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { _ = folder.Close() })
	f, err := folder.OpenLock(repo.LockFile, repo.FileMode)
	ts.Check(err)
	ts.Defer(func() { _ = f.Close() })
	ts.Check(f.TryLock())
}

// makeUpload is `upload FOLDER SOURCE VERSION PACKAGE...`: an upload of a source
// with these binary packages.
func makeUpload(ts *testscript.TestScript, _ bool, args []string) {
	u := mpktest.Upload{Name: args[1], Version: args[2]}
	for _, name := range args[3:] {
		u.Packages = append(u.Packages, mpktest.Package{Name: name})
	}
	_, err := u.Write(ts.MkAbs(args[0]))
	ts.Check(err)
}

// wantMode is `mode 0600 FILE`: what the file's mode has to be.
func wantMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode MODE FILE")
	}
	info, err := os.Lstat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// dropLine is `drop-line FILE N`: the N-th line goes.
func dropLine(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	lines := strings.SplitAfter(ts.ReadFile(args[0]), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(slices.Delete(lines, n-1, n), "")), 0o600))
}

// changeSetting is `setting FILE KEY VALUE`.
func changeSetting(ts *testscript.TestScript, _ bool, args []string) {
	var out strings.Builder
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if strings.HasPrefix(line, args[1]+":") {
			line = args[1] + ": " + args[2] + "\n"
		}
		out.WriteString(line)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(out.String()), 0o600))
}
