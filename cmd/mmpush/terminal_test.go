package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/programtest"
	"github.com/mmpush/mmpush/core/vfs"
)

// playSlow runs the program on a disk that is slow, so that there is something to see.
func playSlow() {
	e := processEnv()
	e.WrapFS = func(fsys vfs.FS) vfs.FS {
		return vfs.Observe(fsys, func(op vfs.Op) error {
			if op.Kind == "write" && strings.HasSuffix(op.Name, ".mpk") {
				time.Sleep(10 * time.Millisecond)
			}
			return nil
		})
	}
	os.Exit(interruptible(e))
}

// onTerminal runs a command line in a real terminal of so many columns, and returns
// every byte that was written to it.
func onTerminal(t *testing.T, columns int, command string) string {
	t.Helper()
	script := programtest.Need(t, "script")
	cmd := exec.Command(script, "-qec", fmt.Sprintf("stty cols %d rows 24; %s", columns, command), os.DevNull)
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "CLICOLOR_FORCE=", "FORCE_COLOR=", "XDG_CONFIG_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		if _, exited := err.(*exec.ExitError); !exited {
			t.Fatalf("script: %v", err)
		}
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// cleared is what takes the bar away.
const cleared = "\r\x1b[K"

// TestProgressInATerminal: the bar moves, not too often, stays on its line, and nothing
// of it is left at the end.
func TestProgressInATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manifest := mpktest.Upload{Packages: []mpktest.Package{{Name: "small"}, {Name: "large", Payload: 8 << 20}}}.In(t, dir)
	for _, columns := range []int{40, 80} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			out := onTerminal(t, columns, "mmpush-slow push "+manifest+" --to "+filepath.Join(t.TempDir(), "repo")+" --init --arch amd64-debian")
			took := time.Since(began)
			parts := strings.Split(out, cleared)
			bars := parts[1 : len(parts)-1]
			if len(bars) < 3 || float64(len(bars)) > 10*took.Seconds()+2 {
				t.Fatalf("%d bars in %s:\n%q", len(bars), took, out)
			}
			rates := 0
			for _, bar := range bars {
				if length := utf8.RuneCountInString(bar); length >= columns || !regexp.MustCompile(`^\[#*-*\] +\d+ % of 8\.0 MiB `).MatchString(bar) {
					t.Errorf("a bar of %d characters: %q", length, bar)
				}
				if strings.Contains(bar, "iB/s") {
					rates++
				}
			}
			if rates == 0 && columns == 80 {
				t.Errorf("no rate in %q", bars)
			}
			last := bare(parts[len(parts)-1])
			if strings.ContainsAny(last, "\r\x1b#") || !strings.Contains(last, "published foo 1.0.0") {
				t.Errorf("left at the end: %q", last)
			}
			if strings.Contains(parts[0], "\n") && !strings.Contains(bare(parts[0]), "mmpush:") {
				t.Errorf("ahead of the bar: %q", parts[0])
			}
		})
	}
}

// TestWordsInATerminal: colours are there, and go with NO_COLOR; in a window of 40
// columns only what has no space in it is longer.
func TestWordsInATerminal(t *testing.T) {
	t.Parallel()
	at, bad := newRepo(t), manifestOf(t, "uploads-bad/wrong-size")
	command := "mmpush push " + bad + " --to " + at
	colored, plain, dumb := onTerminal(t, 40, command), onTerminal(t, 40, "NO_COLOR=1 "+command), onTerminal(t, 40, "TERM=dumb "+command)
	if !strings.Contains(colored, "\x1b[31;1merror:") {
		t.Errorf("no colours: %q", colored)
	}
	if strings.Contains(plain+dumb, "\x1b") || bare(colored) != plain || dumb != plain {
		t.Errorf("with NO_COLOR: %q\non a dumb terminal: %q\nbare: %q", plain, dumb, bare(colored))
	}
	for line := range strings.Lines(plain) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		if len(words) > 1 && !strings.HasPrefix(line, "    expected") && utf8.RuneCountInString(line) > 40 && utf8.RuneCountInString(words[len(words)-1]) < 30 {
			t.Errorf("a line of %d: %q", utf8.RuneCountInString(line), line)
		}
	}
	if forced := onTerminal(t, 80, command+" --color=never"); strings.Contains(forced, "\x1b") {
		t.Errorf("--color=never: %q", forced)
	}
}

// TestPiped: where nobody looks, there is no control character, whatever the terminal
// that the shell runs in.
func TestPiped(t *testing.T) {
	t.Parallel()
	foo, at := manifestOf(t, "uploads/01-foo-1.0.0"), newRepo(t)
	for _, args := range []string{
		"push " + foo + " --to " + at, "list -R " + at, "log -R " + at, "fsck -R " + at, "push " + manifestOf(t, "uploads-bad/wrong-size") + " --to " + at,
		"remove -R " + at + " foo -n", "explain", "config", "--help",
	} {
		out := onTerminal(t, 80, "mmpush "+args+" 2>&1 | cat")
		if i := strings.IndexFunc(out, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }); i >= 0 || out == "" {
			t.Errorf("mmpush %s: a control character at %d of %q", args, i, out)
		}
	}
}

// TestInterruptInATerminal: Ctrl-C once stops cleanly and takes the bar away; nothing
// is published, and the same command does it all.
func TestInterruptInATerminal(t *testing.T) {
	t.Parallel()
	manifest := mpktest.Upload{Packages: []mpktest.Package{{Name: "large", Payload: 8 << 20}}}.In(t, t.TempDir())
	at := newRepo(t)
	push := "push " + manifest + " --to " + at
	cmd := exec.Command(programtest.Need(t, "script"), "-qec", "stty cols 80; exec mmpush-slow "+push, os.DevNull)
	cmd.Env = append(os.Environ(), "TERM=xterm", "XDG_CONFIG_HOME="+t.TempDir())
	keyboard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	written := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = written, written
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "a bar", func() bool { return strings.Contains(written.String(), cleared+"[") })
	if _, err := keyboard.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitStopped {
		t.Errorf("%v", err)
	}
	out := written.String()
	last := bare(out[strings.LastIndex(out, cleared)+len(cleared):])
	if !strings.Contains(out, cleared+"[") || !strings.Contains(last, "stopped:") || strings.Contains(last, "#") {
		t.Errorf("%q", out)
	}
	if got := versionsOf(t, at); len(got) > 0 {
		t.Errorf("published: %v", got)
	}
	mustRun(t, strings.Fields(push)...)
}
