package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/plugins/transports/ssh"
)

type receiveCmd struct {
	Repo string `arg:"" optional:"" complete:"folder" help:"The repository's folder, or the name of a set in the configuration."`

	As    *string `placeholder:"NAME" help:"Who the user is, for the history and the rights. Default: the account's own name."`
	Users *string `placeholder:"FILE" help:"The users file: the user has the rights that stand there for NAME. Default: $$MMPUSH_USERS; without either, all rights."`
	State string  `placeholder:"DIR" help:"Folder for partial files and areas of the users; the same as serve's, if that runs, too. Default: REPO/.mmpush."`
	Adopt bool    `help:"Write default settings for a repository that has none, since only other tools have written it."`
	Log   string  `placeholder:"FILE" help:"Append what happens to this file. Default: the system's log."`

	AuthorizedKeysLine *string `placeholder:"KEYFILE" help:"Print the line for authorized_keys that lets the owner of this public key push to REPO, as --as NAME, and do nothing else."`

	acceptFlags `embed:"" group:"What becomes of accepted uploads:"`
	limitFlags  `embed:""`

	verifierFlags

	// given are the flags of the command line, for the line of authorized_keys.
	given []*kong.Flag
}

// AfterApply is called by kong, and notes the verb's own flags that were given.
func (c *receiveCmd) AfterApply(ctx *kong.Context) error {
	for _, p := range ctx.Path {
		if p.Flag != nil && slices.Contains(ctx.Selected().Flags, p.Flag) && !slices.Contains(c.given, p.Flag) {
			c.given = append(c.given, p.Flag)
		}
	}
	return nil
}

// Help is shown by --help.
func (*receiveCmd) Help() string {
	return `Is started by sshd: "mmpush push --to ssh://HOST/REPO" runs "mmpush receive REPO" on HOST and has a conversation with it on its ` +
		`standard input and output. As a forced command in authorized_keys, a key can publish in this repository and do nothing else; what the ` +
		`client asks for instead (SSH_ORIGINAL_COMMAND) is never run. Several at once, and a running mmpush serve, are safe together.`
}

func (c *receiveCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if c.AuthorizedKeysLine != nil {
		return c.printLine(a)
	}
	if a.json || a.runner != nil {
		return a.fail(wrongUsage("leave --output out", "standard output belongs to the conversation: there can be no document"))
	}
	if f, ok := a.Stdin.(*os.File); ok {
		if _, terminal := a.Terminal(f); terminal {
			return a.fail(wrongUsage("mmpush push --to ssh://HOST/REPO starts it on HOST", "mmpush receive is started by sshd, not by hand"))
		}
	}
	asked, ok := ssh.ParseRequest(a.Getenv("SSH_ORIGINAL_COMMAND"))
	if forced := a.Getenv("SSH_ORIGINAL_COMMAND") != ""; forced && !ok {
		return a.fail(&report.Error{
			Stage: "receive", Code: report.CodeRights, Kind: report.KindDenied,
			Err:  errors.New("this key is for mmpush push and nothing else; the command that it was used for was not run"),
			Hint: "mmpush push MANIFEST --to ssh://... publishes with it",
		})
	}
	conn := a.stdio()
	defer conn.Close()
	err := c.receive(ctx, a, conn, asked)
	if err == nil {
		return nil, exitDone
	}
	return nil, exitOfSession(err)
}

// receive has the conversation. Whatever keeps it from beginning, the client is told.
func (c *receiveCmd) receive(ctx context.Context, a *app, conn io.ReadWriteCloser, asked string) error {
	log, closeLog, err := c.log()
	if err != nil {
		return c.refuse(ctx, conn, slog.New(slog.DiscardHandler), err)
	}
	defer closeLog()
	if c.Repo == "" {
		return c.refuse(ctx, conn, log, wrongUsage("name it in the target: ssh://HOST/PATH", "nothing says which repository to publish in"))
	}
	if asked != "" && !sameFolder(asked, c.Repo) {
		return c.refuse(ctx, conn, log, &tupkg.Refusal{
			Code: tupkg.CodeDenied, Reason: fmt.Sprintf("this key publishes in another repository than %q", asked),
			Hint: "leave the path out of the target (ssh://HOST), or name the one that the key is for",
		})
	}
	err = c.ask(a)
	if err != nil {
		return c.refuse(ctx, conn, log, err)
	}
	s, done, err := c.open(ctx, a, log)
	if err != nil {
		return c.refuse(ctx, conn, log, err)
	}
	defer done()
	return s.ServeSession(ctx, c.name(a), conn)
}

// open opens the repository for one session.
func (c *receiveCmd) open(ctx context.Context, a *app, log *slog.Logger) (s *server.Server, done func(), err error) {
	to, closeRepo, err := c.destinations(a)
	if err != nil {
		return nil, nil, err
	}
	r, at := to.repo, to.at
	if _, err := a.required(r); err != nil {
		closeRepo()
		return nil, nil, err
	}
	var users *access.Authenticator
	var refresh func()
	if path := c.usersAt(a); path != nil {
		file, err := openUsers(*path, log)
		if err != nil {
			closeRepo()
			return nil, nil, err
		}
		users, refresh = file.auth, file.refresh
	}
	state, dir, closeState, err := a.state(c.State, r)
	if err != nil {
		closeRepo()
		return nil, nil, err
	}
	o := server.Options{
		Open: func() (*repo.Repo, error) { return a.kindOf(r).open(r.FS, at) }, Set: to.set,
		Users: users, Refresh: refresh, State: state, Dir: dir, Adopt: c.Adopt, Free: freeBytes(cmp.Or(c.State, at)), Limits: c.limits(),
		Transport: "ssh", Agent: agent(), Program: program("receive"), Required: a.required, Log: log,
	}
	closeIncoming, err := c.accept(ctx, a, &o, r, stateFolder(c.State, at))
	if err != nil {
		closeState()
		closeRepo()
		return nil, nil, err
	}
	closeAll := func() {
		closeIncoming()
		closeState()
		closeRepo()
	}
	if s, err = server.New(o); err != nil {
		closeAll()
		return nil, nil, err
	}
	return s, func() {
		_ = s.Close()
		closeAll()
	}, nil
}

// destinations opens what the session publishes in.
func (c *receiveCmd) destinations(a *app) (destinations, func(), error) {
	if named, ok := a.config.Set(c.Repo); ok {
		return a.openSetToServe(named)
	}
	r, done, err := a.openAny(c.Repo)
	return destinations{repo: r, at: c.Repo}, done, err
}

// usersAt is the path of the users file, nil without one. An empty flag is no flag that
// is missing: it opens no door.
func (c *receiveCmd) usersAt(a *app) *string {
	if path := a.config.Value("users").Path(); c.Users == nil && path != "" {
		return &path
	}
	return c.Users
}

// agent is what this program calls itself on the wire.
func agent() string { return "mmpush/" + thisBuild().Version }

// name is who the user is.
func (c *receiveCmd) name(a *app) string {
	if c.As != nil {
		return *c.As
	}
	return a.User
}

// refuse tells the client why there is no conversation. Who comes by a forced command
// is told nothing of the machine.
func (c *receiveCmd) refuse(ctx context.Context, conn io.ReadWriteCloser, log *slog.Logger, err error) error {
	log.Warn("session refused", "error", err)
	told := err
	if e, ok := errors.AsType[*report.Error](err); ok {
		r := &tupkg.Refusal{Code: tupkg.CodeRefused, Reason: e.Error(), Hint: e.Hint}
		if e.Kind == report.KindBusy {
			r.Code = tupkg.CodeBusy
		}
		if c.As != nil {
			r.Reason, r.Hint = "the repository cannot be opened", "ask whoever runs the server; its log says why"
		}
		told = r
	}
	// What came of telling it changes nothing.
	_ = tupkg.Refuse2(ctx, conn, told, tupkg.Options{Agent: agent()})
	return err
}

// sameFolder reports whether two paths lead to one folder.
func sameFolder(a, b string) bool {
	if a == b {
		return true
	}
	at, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(at, other)
}

// exitOfSession is the exit code of a session that ended by an error; ssh hands it to
// the client's side.
func exitOfSession(err error) int {
	r, ok := errors.AsType[*tupkg.Refusal](err)
	switch {
	case !ok && errors.Is(err, tupkg.ErrBroken):
		return exitTransport
	case !ok:
		return exitOfError(err)
	case r.Code == tupkg.CodeDenied:
		return exitDenied
	case r.Code == tupkg.CodeBusy || r.Code == tupkg.CodeShutdown:
		return exitBusy
	}
	return exitRejected
}
