package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"os/user"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/vfs"
)

func main() {
	lateCollection()
	os.Exit(interruptible(processEnv()))
}

// lateCollection lets the first garbage collection wait for 16 MiB of heap, not for 4: most
// runs end before that. From then on it is as always; GOGC is heeded.
func lateCollection() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(400)
	runtime.AddCleanup(new([16]byte), func(usual int) { debug.SetGCPercent(usual) }, 100)
}

// interruptible is run under the signals of a process: the first ends the context,
// the second ends the process at once, since stop gives them back to the system.
func interruptible(e env) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return run(ctx, e)
}

// env is everything that a run sees of the world besides the disk.
type env struct {
	// Program is the name that the program was started under.
	Program string
	// Args0 is how it was started: a name or a path.
	Args0 string
	// Args is the command line without the program's name.
	Args []string
	// Stdin may be nil: then it has ended.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Environ is the whole environment, for the programs that are started.
	Environ []string
	// Terminal returns the width of the terminal that w writes to; ok is false
	// if w is not a terminal. A width of 0 is unknown.
	Terminal func(w io.Writer) (width int, ok bool)
	// Ask asks a person for a secret, which is not shown as it is typed; nil if
	// nobody is there to ask.
	Ask func(ctx context.Context, question string) (string, error)
	// Folder is the working folder, and System that of the system's configuration; where
	// one is empty, no configuration is looked for there.
	Folder, System string
	// User is the name of who runs the program; empty if unknown.
	User string
	// WrapFS, if not nil, is put around every folder that is opened.
	WrapFS func(vfs.FS) vfs.FS
}

func processEnv() env {
	return env{
		Program: programName(os.Args[0]), Args0: os.Args[0], Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Terminal: terminalOf, Ask: asker(), User: userName(),
		Folder: workingFolder(), System: "/etc/mmpush",
	}
}

// workingFolder returns the folder that the program was started in; one that is gone is
// no reason not to work.
func workingFolder() string {
	folder, err := os.Getwd()
	if err != nil {
		return ""
	}
	return folder
}

// userName returns the login name; a system that has none for us is no reason not
// to publish.
func userName() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// verb is one of the program's words: it does the work and tells people about it
// as it goes. doc is the same for programs; nil if there is none.
type verb interface {
	run(ctx context.Context, a *app) (doc any, code int)
}

// app is one run of the program.
type app struct {
	env
	// out takes results, err everything else; with json, out is silent and the
	// document of the verb is the result.
	out, err *printer
	json     bool
	// runner is who reads with --output=github; nil otherwise.
	runner *runner
	// verb is the name of the verb that runs.
	verb string
	// config is what is set besides the flags.
	config *config.Config
	// plugins are those of this run.
	plugins pluginSet
	// asked is true once the user was shown a plan and asked.
	asked bool
}

// run plays the whole program and returns its exit code.
func run(ctx context.Context, e env) (code int) {
	a := newApp(e)
	defer a.plugins.close()
	defer func() {
		if p := recover(); p != nil {
			code = a.end(a.fail(panicError(p)))
		}
	}()
	v, err := a.parse()
	switch {
	case errors.Is(err, errHelp):
		return a.end(nil, exitDone)
	case err != nil:
		return a.end(a.fail(err))
	}
	return a.end(v.run(ctx, a))
}

// end writes the document, once, and sees whether the result has reached its
// reader.
func (a *app) end(doc any, code int) int {
	if a.json && doc != nil {
		a.out.document(doc)
	}
	if a.runner != nil {
		if err := a.runner.end(doc); err != nil {
			a.err.problem(err)
			code = worse(code, exitInternal)
		}
		// To a workflow, a step that ends with another code has failed; that the upload
		// is not public yet is in its outputs.
		if code == exitAccepted {
			code = exitDone
		}
	}
	if a.out.failed == nil {
		return code
	}
	a.err.problem(outputError(a.out.failed))
	return worse(code, exitInternal)
}

// folder puts WrapFS around a folder.
func (a *app) folder(fsys vfs.FS) vfs.FS {
	if a.WrapFS == nil {
		return fsys
	}
	return a.WrapFS(fsys)
}
