package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/report"
)

// grammar is the command line.
type grammar struct {
	Output string   `enum:"text,json,github" default:"text" placeholder:"text|json|github" help:"Form of the result on standard output; github is for steps of workflows."`
	JSON   bool     `name:"json" help:"Short for --output=json."`
	Color  string   `enum:"auto,always,never" default:"auto" placeholder:"auto|always|never" help:"Colours; auto heeds NO_COLOR, CLICOLOR_FORCE and FORCE_COLOR, then the terminal."`
	Help   helpFlag `short:"h" help:"Show this help, or that of a verb."`

	Push    pushCmd      `cmd:"" help:"Publish uploads in a repository."`
	Check   checkCmd     `cmd:"" help:"Verify uploads offline; no repository is needed."`
	Init    initCmd      `cmd:"" help:"Make a repository."`
	List    listCmd      `cmd:"" help:"List the packages of a repository."`
	Remove  removeCmd    `cmd:"" help:"Take packages out of a repository."`
	Log     logCmd       `cmd:"" help:"Show who changed what in a repository."`
	Show    showCmd      `cmd:"" help:"Show one generation of the history."`
	Who     whoCmd       `cmd:"" help:"Say who published a package."`
	Undo    undoCmd      `cmd:"" help:"Take a change back, or go back to an earlier state."`
	Verify  verifyLogCmd `cmd:"" name:"verify-log" help:"Prove that nobody has edited the history."`
	Gc      gcCmd        `cmd:"" name:"gc" help:"Delete retired files whose time is over, and what killed processes have left."`
	Export  exportCmd    `cmd:"" help:"Copy exactly what is published into a folder."`
	Fsck    fsckCmd      `cmd:"" help:"Check a repository, and repair it."`
	Recover recoverCmd   `cmd:"" help:"Finish what a killed process has left; go on without a repository that is gone."`
	Batch   batchCmd     `cmd:"" help:"Change a repository by commands on a pipe; several become visible at once."`
	Watch   watchCmd     `cmd:"" help:"Publish what is copied into a drop folder."`
	Gensync gensyncCmd   `cmd:"" help:"Change a pacman repository: its packages and databases."`
	Serve   serveCmd     `cmd:"" help:"Take uploads over the network and publish them."`
	Service serviceCmd   `cmd:"" help:"Run mmpush as a service of systemd."`
	User    userCmd      `cmd:"" help:"Change who may log in to a server, and what they may do."`
	Hook    hookCmd      `cmd:"" help:"Publish by git push: the hooks of a bare git repository."`
	Status  statusCmd    `cmd:"" help:"Show what waits in a set, or what came of a git push."`
	Abort   abortCmd     `cmd:"" help:"Drop the parts of a source that wait in a set."`
	Receive receiveCmd   `cmd:"" help:"Take uploads from one user behind SSH and publish them."`
	Sign    signCmd      `cmd:"" help:"Sign a manifest with your own key, for repositories that want it."`
	Plugin  pluginCmd    `cmd:"" help:"Look at plugins: verifiers and transports in programs of their own."`
	Config  configCmd    `cmd:"" help:"Show what is set by the environment and the configuration, and where."`
	Explain explainCmd   `cmd:"" help:"Explain the code of an error or a warning."`

	Completion completionCmd `cmd:"" help:"Print the completion for a shell."`
	Man        manCmd        `cmd:"" hidden:"" help:"Write the man pages into a folder."`

	Shows versionCmd `cmd:"" name:"version" help:"Show the version."`
}

const description = `Publishes what a build left behind, verified and atomically, in a package repository.

Exit codes: 0 done or already identical, 1 internal, 2 usage or configuration, 3 rejected, 4 conflict, ` +
	`5 rights, 6 transport, 7 busy, 8 accepted and not yet public, 130 interrupted.`

// errHelp ends the parsing of a command line that asks for help: it has been
// shown.
var errHelp = errors.New("help was asked for")

type helpFlag bool

// BeforeReset is called by kong, before it looks whether something is missing.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// wantsVersion reports whether --version stands ahead of any verb. It is no flag of the
// grammar: behind a verb the name may mean a package's version.
func wantsVersion(args []string) bool {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--version":
			return true
		case arg == "--output", arg == "--color":
			i++
		case arg == "-h", arg == "--help", !strings.HasPrefix(arg, "--"), arg == "--":
			return false
		}
	}
	return false
}

// newApp knows from the bare arguments how to answer, even if they turn out not to
// be a command line.
func newApp(e env) *app {
	flags := peek(e.Args)
	a := &app{env: e, json: flags.json, config: &config.Config{}}
	if flags.github && e.Program != modifyrepoName {
		a.runner = startRunner(&a.env)
		e = a.env
	}
	a.out, a.err = newPrinter(e, e.Stdout, flags.color), newPrinter(e, e.Stderr, flags.color)
	a.out.silent = flags.json
	return a
}

type peeked struct {
	json, github bool
	color        string
}

// peek finds the flags that say how to answer. The last one holds.
func peek(args []string) peeked {
	var p peeked
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if !given && i+1 < len(args) {
			value = args[i+1]
		}
		switch {
		case arg == "--":
			return p
		case arg == "--json":
			p.json, p.github = true, false
		case name == "--output":
			p.json, p.github = value == "json", value == "github"
		case name == "--color":
			p.color = value
		}
	}
	return p
}

// parse finds the verb and fills in its arguments.
func (a *app) parse() (verb, error) {
	if a.Program == modifyrepoName {
		return a.parseModifyrepo()
	}
	if wantsVersion(a.Args) {
		return &versionCmd{}, nil
	}
	if len(a.Args) > 0 && a.Args[0] == completeVerb {
		a.json, a.out.silent = false, false
		return &completeCmd{a.Args[1:]}, nil
	}
	g, ctx, err := a.parseVerb()
	if err != nil {
		g, ctx, err = a.parseAs(reflect.TypeFor[grammar](), a.Stdout, a.Stderr)
	}
	switch {
	case errors.Is(err, errHelp):
		return nil, errHelp
	case err != nil:
		return nil, usageError(err)
	}
	selected := ctx.Selected()
	a.verb = selected.Path()
	a.json = g.FieldByName("JSON").Bool() || g.FieldByName("Output").String() == "json"
	a.out.silent = a.json
	v, ok := selected.Target.Addr().Interface().(verb)
	if !ok {
		return nil, fmt.Errorf("the verb %s does nothing", selected.Name)
	}
	return v, nil
}

// grammar makes the parser of the grammar, or of one verb's part of it.
func (a *app) grammar(g any, out, problems io.Writer) (*kong.Kong, error) {
	k, err := kong.New(g,
		kong.Name("mmpush"), kong.Description(description), kong.NoDefaultHelp(),
		kong.Writers(out, problems), kong.KindMapper(reflect.String, kong.MapperFunc(decodeText)),
		kong.TypeMapper(reflect.TypeFor[time.Duration](), kong.MapperFunc(decodeTime)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.WithBeforeResolve(a.readConfig), kong.Resolvers(kong.ResolverFunc(a.resolve)),
	)
	if err != nil {
		return nil, fmt.Errorf("the grammar: %w", err)
	}
	addExamples(k.Model.Node)
	return k, nil
}

// errNoVerb says that only the whole grammar can tell.
var errNoVerb = errors.New("the first argument is no verb")

// parseVerb parses a command line that begins with a verb, by the part of the grammar that
// is about that verb: to set up the whole costs more than most verbs do. It prints nothing,
// and on an error, or for help, the whole grammar is asked.
func (a *app) parseVerb() (reflect.Value, *kong.Context, error) {
	if len(a.Args) == 0 {
		return reflect.Value{}, nil, errNoVerb
	}
	var fields []reflect.StructField
	found := false
	for f := range reflect.TypeFor[grammar]().Fields() {
		_, isVerb := f.Tag.Lookup("cmd")
		named := isVerb && a.Args[0] == cmp.Or(f.Tag.Get("name"), strings.ToLower(f.Name))
		if found = found || named; named || !isVerb {
			fields = append(fields, f)
		}
	}
	if !found {
		return reflect.Value{}, nil, errNoVerb
	}
	return a.parseAs(reflect.StructOf(fields), io.Discard, io.Discard)
}

// parseAs parses the command line by a grammar, and returns that filled in.
func (a *app) parseAs(t reflect.Type, out, problems io.Writer) (reflect.Value, *kong.Context, error) {
	g := reflect.New(t)
	k, err := a.grammar(g.Interface(), out, problems)
	if err != nil {
		return g.Elem(), nil, err
	}
	ctx, err := k.Parse(a.Args)
	return g.Elem(), ctx, err
}

// usageError is about a command line that does not parse, with where to look it
// up.
func usageError(err error) error {
	if e, ok := errors.AsType[*report.Error](err); ok {
		return e
	}
	hint := "usage: mmpush VERB ...; mmpush --help shows the verbs"
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
		if node := p.Context.Selected(); node != nil {
			hint = "usage: mmpush " + node.Summary() + "; see mmpush " + node.Path() + " --help"
		} else if len(p.Context.Args) == 0 {
			err, hint = errors.New("a verb is missing"), "to begin: mmpush init, mmpush push, mmpush list; mmpush --help shows all verbs"
		}
	}
	return &report.Error{
		Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, Err: err, Hint: hint,
	}
}

// decodeText takes an argument as it is; kong's own way would lose bytes that are
// not UTF-8, and file names may have them.
func decodeText(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("text")
	if err != nil {
		return errors.New("a value is missing")
	}
	text, ok := token.Value.(string)
	if !ok {
		return fmt.Errorf("%v is not a text", token.Value)
	}
	target.SetString(text)
	return nil
}

// decodeTime takes a time such as 60s.
func decodeTime(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("time")
	if err != nil {
		return errors.New("a value is missing")
	}
	d, err := time.ParseDuration(fmt.Sprint(token.Value))
	if err != nil {
		return fmt.Errorf("%q is not a time; write one such as 60s, 5m or 72h", visible(fmt.Sprint(token.Value)))
	}
	target.SetInt(int64(d))
	return nil
}

// wrongUsage is about arguments that parse, but that make no sense together.
func wrongUsage(hint, format string, args ...any) error {
	return &report.Error{
		Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, Err: fmt.Errorf(format, args...), Hint: hint,
	}
}
