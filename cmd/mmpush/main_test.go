package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmpush/mmpush/core/vfs"
)

// TestMain lets the test binary play the program, and the program in situations
// that are hard to meet from outside.
func TestMain(m *testing.M) {
	if playPlugin() {
		return
	}
	testscript.Main(m, map[string]func(){
		"mmpush":             main,
		modifyrepoName:       main,
		"mmpush-interrupted": func() { playAtLock(interruptOnce()) },
		"mmpush-killed":      playKilled,
		"mmpush-measured":    playMeasured,
		"mmpush-witness":     playWitness,
		"mmpush-slow":        playSlow,
		"mmpush-impatient":   func() { playAtLock(interruptForever) },
	})
}

// playAtLock runs the program and does something when it tries to take the
// repository's lock.
func playAtLock(do func() error) {
	e := processEnv()
	e.WrapFS = func(fsys vfs.FS) vfs.FS {
		return vfs.Observe(fsys, func(op vfs.Op) error {
			if op == (vfs.Op{Kind: "trylock", Name: "lock"}) {
				return do()
			}
			return nil
		})
	}
	os.Exit(interruptible(e))
}

// interruptOnce presses Ctrl-C at the first call.
func interruptOnce() func() error {
	done := false
	return func() error {
		if done {
			return nil
		}
		done = true
		return interrupt()
	}
}

// interruptForever is a program that does not react, and somebody who presses
// Ctrl-C again and again.
func interruptForever() error {
	for {
		if err := interrupt(); err != nil {
			return err
		}
		runtime.Gosched()
	}
}

func interrupt() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return self.Signal(os.Interrupt)
}

// corpus is the folder of the genuine uploads.
const corpus = "../../testdata/mmpack"

// manifestOf is the path of the manifest of a genuine upload.
func manifestOf(t *testing.T, upload string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(corpus, upload, "*.mmpack-manifest"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: manifests %q, %v", upload, found, err)
	}
	return found[0]
}

// shell runs command lines in this process.
type shell struct {
	// vars is the environment.
	vars map[string]string
	// width is that of the terminal for both streams; 0: they are pipes.
	width int
	wrap  func(vfs.FS) vfs.FS
	stdin io.Reader
	ctx   context.Context
	// environ is what the programs get that are started; nil is ours.
	environ []string
}

type outcome struct {
	code           int
	stdout, stderr string
}

func (s shell) run(args ...string) outcome {
	var stdout, stderr bytes.Buffer
	ctx := s.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	code := run(ctx, s.env(&stdout, &stderr, args))
	return outcome{code, stdout.String(), stderr.String()}
}

func (s shell) env(stdout, stderr *bytes.Buffer, args []string) env {
	return env{
		Args: args, Stdin: s.stdin, Stdout: stdout, Stderr: stderr, User: "tester", WrapFS: s.wrap, Environ: s.environ,
		Getenv:   func(name string) string { return s.vars[name] },
		Terminal: terminalOfWidth(s.width),
	}
}

// newRepo makes a repository with the genuine uploads in it.
func newRepo(t *testing.T, uploads ...string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), "repo")
	got := shell{}.run("init", at, "--arch", "amd64-debian")
	for _, u := range uploads {
		if got.code == exitDone {
			got = shell{}.run("push", manifestOf(t, u), "--to", at)
		}
	}
	if got.code != exitDone {
		t.Fatalf("no repository: exit %d\n%s", got.code, got.stderr)
	}
	return at
}

// failing is an FS whose calls of some kinds fail.
func failing(err error, fails func(vfs.Op) bool) func(vfs.FS) vfs.FS {
	return func(fsys vfs.FS) vfs.FS {
		return vfs.Observe(fsys, func(op vfs.Op) error {
			if fails(op) {
				return err
			}
			return nil
		})
	}
}

// fullDisk is a standard output that nothing can be written to.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }
