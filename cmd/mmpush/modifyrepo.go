package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/watch"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// modifyrepoName is the name under which this program takes another one's command
// line: that of mmpack's own repository tool. What it prints on standard output and
// its exit codes are what existing scripts look at.
const modifyrepoName = "mmpack-modifyrepo"

// What add and remove-src say when they have failed.
const (
	updateFailed  = "update failed"
	removalFailed = "removal failed"
)

// modifyrepoWait is how long it waits for a repository that somebody else changes.
// The other program waits for ever.
const modifyrepoWait = time.Hour

const modifyrepoUsage = `usage: mmpack-modifyrepo [-h] [-p REPO] [-a ARCH] add MANIFEST
       mmpack-modifyrepo [-h] [-p REPO] [-a ARCH] watch DIR
       mmpack-modifyrepo [-h] [-p REPO] [-a ARCH] remove-src [--name NAME] [--version VERSION] [--srcsha SHA256]
       mmpack-modifyrepo [-h] [-p REPO] [-a ARCH] batch [--initial-change [BOOL]]
`

const modifyrepoHelp = modifyrepoUsage + `
This is mmpush under the name of mmpack-modifyrepo.

  -p, --path REPO         the repository's folder; the default is the current one
  -a, --arch ARCH         the architecture of a repository that is not there yet
  --initial-change BOOL   begin a change at the start (the default), or not

Rebuilds, downgrades and take-overs need no flag here, unless the repository's
settings say never. mmpush --help shows the program's own command line.
`

// programName is the name that a program was started under, of its path.
func programName(argv0 string) string {
	name := filepath.Base(argv0)
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".exe") {
		name = strings.TrimSuffix(name, ext)
	}
	return name
}

// modifyrepo is the repository that mmpack-modifyrepo works on.
type modifyrepo struct{ path, arch string }

// parseModifyrepo finds the verb and fills in its arguments.
func (a *app) parseModifyrepo() (verb, error) {
	a.json, a.out.silent = false, false
	m := modifyrepo{path: "."}
	help := option{long: "--help", short: "-h", flag: true, set: func(string) error {
		a.out.raw(modifyrepoHelp)
		return errHelp
	}}
	line := argparse{places: []string{"cmd"}, rest: true, options: []option{
		help, text("--path", "-p", &m.path), text("--arch", "-a", &m.arch),
	}}
	words, args, err := line.parse(a.Args)
	if err != nil {
		return nil, modifyrepoMistake(err)
	}
	v, err := m.verb(words[0], help, args)
	if err != nil {
		return nil, modifyrepoMistake(err)
	}
	a.verb = words[0]
	return v, nil
}

// text is an option with a value that is taken as it is.
func text(long, short string, target *string) option {
	return option{long: long, short: short, set: func(value string) error {
		*target = value
		return nil
	}}
}

// selects is an option of the selector. An empty value is remembered: a variable that
// was not set would select more than anybody meant.
func (v *modifyrepoRemove) selects(long string, target *string) option {
	return option{long: long, set: func(value string) error {
		if value == "" {
			v.empty = append(v.empty, long)
		}
		*target = value
		return nil
	}}
}

// verb reads what stands behind the verb.
func (m modifyrepo) verb(name string, help option, args []string) (verb, error) {
	switch name {
	case "add":
		words, _, err := argparse{places: []string{"manifest"}, options: []option{help}}.parse(args)
		if err != nil {
			return nil, err
		}
		return &modifyrepoAdd{m, words[0]}, nil
	case "remove-src":
		v := modifyrepoRemove{modifyrepo: m}
		_, _, err := argparse{options: []option{
			help, v.selects("--name", &v.Name), v.selects("--version", &v.Version), v.selects("--srcsha", &v.SHA256),
		}}.parse(args)
		return &v, err
	case "watch":
		words, _, err := argparse{places: []string{"to_observe"}, options: []option{help}}.parse(args)
		if err != nil {
			return nil, err
		}
		return &modifyrepoWatch{m, words[0]}, nil
	case "batch":
		v := modifyrepoBatch{m, true}
		_, _, err := argparse{options: []option{help, {long: "--initial-change", lone: "true", set: v.set}}}.parse(args)
		return &v, err
	}
	return nil, fmt.Errorf("argument cmd: invalid choice: %q (choose from add, watch, remove-src, batch)", visible(name))
}

func modifyrepoMistake(err error) error {
	if errors.Is(err, errHelp) {
		return err
	}
	return wrongUsage("usage: mmpack-modifyrepo [-p REPO] [-a ARCH] add|watch|remove-src|batch ...; see mmpack-modifyrepo --help", "%w", err)
}

// asked are the requests that the other program knows no words for: it allows all of
// it.
func asked() plan.Requests { return plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true} }

func (a *app) modifyrepoOptions() pipeline.Options {
	return pipeline.Options{
		Who: a.User, Transport: "dir", LockWait: modifyrepoWait, Program: program(modifyrepoName), Waiting: a.waiting, Required: a.required,
	}
}

// exitOfModifyrepo is an exit code as the other program's scripts know it. Who
// interrupts it is told so.
func exitOfModifyrepo(code int) int {
	if code == exitDone || code == exitStopped {
		return code
	}
	return 1
}

// open opens the repository, and makes it before where it is missing and an
// architecture is given.
func (m modifyrepo) open(ctx context.Context, a *app) (*repo.Repo, func(), error) {
	if _, err := os.Stat(filepath.Join(m.path, repo.MetadataFile)); errors.Is(err, fs.ErrNotExist) {
		if err := m.make(ctx, a); err != nil {
			return nil, nil, err
		}
	}
	return a.openRepo(m.path)
}

// errNoArch is about a repository that has to be made.
var errNoArch = errors.New("a new repository needs an architecture")

// make makes the repository and all folders that lead to it.
func (m modifyrepo) make(ctx context.Context, a *app) error {
	if m.arch == "" {
		return errNoArch
	}
	if manifest.ValidArch(m.arch) != nil {
		return wrongArch(m.arch)
	}
	if err := os.MkdirAll(m.path, repo.FolderMode); err != nil {
		return repo.DiskError("open", m.path, err)
	}
	folder, err := dir.OpenFolder(m.path, false)
	if err != nil {
		return err
	}
	defer folder.Close()
	_, _, err = repo.Init(ctx, a.folder(folder), m.path, pipeline.Mmpack{}, repo.InitOptions{
		Arch: m.arch, Patience: repo.Patience{Wait: modifyrepoWait, Program: program(modifyrepoName), Waiting: a.waiting},
	})
	return err
}

// failed ends a run that could not open its repository; words are what the verb says
// on standard output when it has failed.
func (m modifyrepo) failed(a *app, err error, words string) (doc any, code int) {
	if errors.Is(err, errNoArch) {
		// The other program's own words; it says nothing else then.
		a.err.line("New repository must have architecture specified")
		return nil, 1
	}
	doc, code = a.fail(err)
	if words != "" {
		a.out.line("%s", words)
	}
	return doc, exitOfModifyrepo(code)
}

// modifyrepoAdd publishes one upload. The uploader's files are only read.
type modifyrepoAdd struct {
	modifyrepo
	manifest string
}

func (v *modifyrepoAdd) run(ctx context.Context, a *app) (doc any, code int) {
	r, done, err := v.open(ctx, a)
	if err != nil {
		return v.failed(a, err, updateFailed)
	}
	defer done()
	err = a.attempt(ctx, v.manifest, func(ctx context.Context, u upload.Upload, shown *progress) (report.Report, error) {
		options := a.modifyrepoOptions()
		options.Progress = shown.tell
		return pipeline.Publish(ctx, r, pipeline.Request{Upload: u, Requests: asked(), Options: options})
	})
	if err != nil {
		a.out.line(updateFailed)
		return nil, exitOfModifyrepo(exitOfError(err))
	}
	a.out.line("manifest added")
	return nil, exitDone
}

// modifyrepoRemove takes sources out, with all their packages.
type modifyrepoRemove struct {
	modifyrepo
	index.Selector
	// empty are the options that were given without a value.
	empty []string
}

func (v *modifyrepoRemove) run(ctx context.Context, a *app) (doc any, code int) {
	if len(v.empty) > 0 && v.Selector != (index.Selector{}) {
		return v.failed(a, wrongUsage("give it a value, or leave it out", "%s has no value", strings.Join(v.empty, " and ")), removalFailed)
	}
	r, done, err := v.open(ctx, a)
	if err != nil {
		return v.failed(a, err, removalFailed)
	}
	defer done()
	if err := a.verdict(pipeline.Remove(ctx, r, v.Selector, a.modifyrepoOptions())); err != nil {
		a.out.line(removalFailed)
		return nil, exitOfModifyrepo(exitOfError(err))
	}
	a.out.line("Removal succes")
	return nil, exitDone
}

// modifyrepoWatch publishes what comes into a drop folder.
type modifyrepoWatch struct {
	modifyrepo
	drop string
}

func (v *modifyrepoWatch) run(ctx context.Context, a *app) (doc any, code int) {
	_, done, err := v.open(ctx, a)
	if err != nil {
		return v.failed(a, err, "")
	}
	done()
	// The other program says nothing, and Ctrl-C is how it is ended.
	a.out.silent = true
	if _, code = a.watch(ctx, v.path, v.drop, asked(), watch.DefaultSettle); code == exitStopped {
		code = exitDone
	}
	return nil, exitOfModifyrepo(code)
}

// modifyrepoBatch has a conversation over a pipe.
type modifyrepoBatch struct {
	modifyrepo
	begin bool
}

// set reads the value of --initial-change.
func (v *modifyrepoBatch) set(word string) error {
	value, ok := truth(word)
	if !ok {
		return fmt.Errorf("%q does not represent a boolean value", visible(word))
	}
	v.begin = value
	return nil
}

func (v *modifyrepoBatch) run(ctx context.Context, a *app) (doc any, code int) {
	_, done, err := v.open(ctx, a)
	if err != nil {
		return v.failed(a, err, "")
	}
	done()
	b := &batch{app: a, path: v.path, requests: asked(), options: a.modifyrepoOptions()}
	doc, code = b.serve(ctx, v.begin)
	return doc, exitOfModifyrepo(code)
}
