package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

type hookCmd struct {
	PostReceive postReceiveCmd   `cmd:"" name:"post-receive" help:"Publish what a git push brought; git starts it as a hook."`
	PreReceive  preReceiveCmd    `cmd:"" name:"pre-receive" help:"Refuse a git push whose uploads would be refused; git starts it as a hook."`
	Install     hookInstallCmd   `cmd:"" help:"Put the hooks into a bare git repository."`
	Uninstall   hookUninstallCmd `cmd:"" help:"Take the hooks out of a bare git repository."`
	Status      hookStatusCmd    `cmd:"" help:"Say which hooks are there, and which refs publish where."`
}

// Help is shown by --help.
func (*hookCmd) Help() string {
	return `A push to a bare git repository publishes the uploads in its tree. Which refs publish where stands in git's configuration: ` +
		`mmpush.NAME.repository and mmpush.NAME.refs (patterns such as refs/heads/dist or refs/tags/v*, several); ` +
		`mmpush.NAME.build, buildFolder, buildTime, buildLog: a command that makes the uploads of a commit; mmpush.NAME.verifiers; ` +
		`mmpush.users: the users file with the rights; mmpush.identity: login, env:VARIABLE or certificate; ` +
		`mmpush.signer: "KEY USER" for signed pushes; mmpush.lfs; mmpush.detach. ` +
		`Push options: mmpush.skip, mmpush.dry-run, mmpush.rebuild, mmpush.allow-downgrade, mmpush.take-over.`
}

// hookFlags are those of both hooks.
type hookFlags struct {
	GitDir   *string       `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
	Repo     *string       `short:"R" placeholder:"REPO" help:"Publish in this repository, whatever git's configuration says; needs --refs."`
	Refs     []string      `sep:"none" placeholder:"PATTERN" help:"The refs that publish, such as refs/heads/dist; may be given several times."`
	Users    *string       `placeholder:"FILE" help:"The users file with the rights. Default: mmpush.users of git's configuration."`
	As       *string       `placeholder:"NAME" help:"Who pushes, however the push came."`
	First    string        `placeholder:"HOOK" help:"Run this hook first, with the same input."`
	LockWait time.Duration `setting:"lock-wait" default:"60s" placeholder:"DURATION" help:"How long to wait while another program changes the repository. Default: 60s."`
}

type postReceiveCmd struct {
	hookFlags
	Unpublished bool   `help:"Publish what earlier pushes have left unpublished; nothing is read."`
	Worker      string `hidden:""`
}

type preReceiveCmd struct{ hookFlags }

// Help is shown by --help.
func (*postReceiveCmd) Help() string {
	return `Reads lines OLD NEW REF from standard input, as git writes them. git ignores the exit code: the text is the answer. ` +
		`What could not be published is taken up by the next push to its ref, or by --unpublished.`
}

// Help is shown by --help.
func (*preReceiveCmd) Help() string {
	return `Reads lines OLD NEW REF from standard input, as git writes them, verifies the uploads and plans their publishing. ` +
		`Prints nothing and exits with 0 if post-receive would publish them, and notes the push, so that it is not lost whatever is killed then. Builds (mmpush.build) are not made here.`
}

func (c *postReceiveCmd) run(ctx context.Context, a *app) (doc any, code int) {
	surviveHangup()
	return c.receive(ctx, a, &push{app: a, flags: &c.hookFlags, workID: c.Worker, unpublished: c.Unpublished})
}

func (c *preReceiveCmd) run(ctx context.Context, a *app) (doc any, code int) {
	return c.receive(ctx, a, &push{app: a, flags: &c.hookFlags, pre: true})
}

// receive reads what git says and hands it on.
func (f *hookFlags) receive(ctx context.Context, a *app, p *push) (doc any, code int) {
	var input []byte
	if !p.unpublished && a.Stdin != nil {
		var err error
		if input, err = io.ReadAll(io.LimitReader(a.Stdin, maxHookInput)); err != nil {
			return p.fail(inputError(err))
		}
	}
	if f.First != "" {
		if code, err := f.first(ctx, a, input); err != nil || code != exitDone && p.pre {
			if err != nil {
				return p.fail(err)
			}
			return nil, code
		}
	}
	updates, err := gitpush.ParseUpdates(bytes.NewReader(input))
	if err != nil {
		return p.fail(err)
	}
	p.input, p.updates = input, updates
	return p.run(ctx)
}

// maxHookInput bounds what is read of git: 200,000 refs of ordinary length.
const maxHookInput = 64 << 20

// first runs the hook that was there before ours, exactly as git would have.
func (f *hookFlags) first(ctx context.Context, a *app, input []byte) (int, error) {
	cmd := exec.CommandContext(ctx, f.First)
	cmd.Args[0] = filepath.Base(f.First)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = bytes.NewReader(input), a.Stdout, a.Stderr, a.Environ
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exitInternal, exit.ExitCode()), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		// Like git, which ignores a hook that is not there, and one that does not read.
		return exitInternal, &report.Error{
			Stage: "push", Code: report.CodeUsage, Kind: report.KindUsage, File: f.First, Err: fmt.Errorf("the hook that was there before: %w", err),
		}
	}
	return exitDone, nil
}

// gitDir is the bare repository.
func (a *app) gitDir(flag *string) string {
	if flag != nil {
		return *flag
	}
	if dir := a.Getenv("GIT_DIR"); dir != "" {
		return dir
	}
	return "."
}
