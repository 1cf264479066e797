package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/web"
)

type serveCmd struct {
	repoFlag
	Listen []string `placeholder:"ADDR" help:"Where to listen, such as 127.0.0.1:1034, :443 or unix:/run/mmpush.sock; may be given several times."`
	Users  *string  `placeholder:"FILE" help:"The users file; changes of it apply at once. Default: $$MMPUSH_USERS."`
	State  string   `placeholder:"DIR" help:"Folder for partial files and areas of the users. Default: REPO/.mmpush."`
	Adopt  bool     `help:"Write default settings for a repository that has none, since only other tools have written it."`

	TLSCert                 string `name:"tls-cert" placeholder:"FILE" help:"Speak TLS with this certificate (PEM)."`
	TLSKey                  string `name:"tls-key" placeholder:"FILE" help:"The key of the certificate (PEM)."`
	TLSSelfSigned           bool   `name:"tls-self-signed" help:"Speak TLS with a certificate of its own, kept with the state; clients pin its fingerprint, which is printed."`
	AllowPlaintextPasswords bool   `help:"Take passwords over connections that are not encrypted and come from other machines."`

	webFlags    `embed:"" group:"Readers, and the operator:"`
	acceptFlags `embed:"" group:"What becomes of accepted uploads:"`
	limitFlags  `embed:""`

	verifierFlags
}

// Help is shown by --help.
func (*serveCmd) Help() string {
	return `Takes uploads over the tupkg protocol, versions 1 and 2, from many users at once, with --listen, and shows the repository to ` +
		`readers, with --http or --https. Sockets of systemd are taken, too (mmpush service print). Runs until it is told to stop: ` +
		`by SIGTERM, with the exit code 0, or by Ctrl-C, with 130; what has arrived by then is kept. SIGHUP reads the users file and ` +
		`the certificate again. What happens is logged on standard error.`
}

func (c *serveCmd) run(ctx context.Context, a *app) (doc any, code int) {
	named, isSet := a.config.Set(a.setting(c.Repo, "--repo", "repo").Text)
	at, err := named.Name, error(nil)
	if !isSet {
		at, err = c.at(a, "which repository to publish in")
	}
	switch {
	case err != nil:
		return a.fail(err)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return a.fail(wrongUsage("give both --tls-cert and --tls-key", "a certificate and its key go together"))
	case c.TLSCert != "" && c.TLSSelfSigned:
		return a.fail(wrongUsage("give one of them", "--tls-cert and --tls-self-signed exclude each other"))
	}
	if err := c.ask(a); err != nil {
		return a.fail(err)
	}
	limitMemory(a.Getenv)
	doc, err = c.serve(ctx, a, at, isSet)
	if err != nil {
		return a.fail(err)
	}
	a.out.line("stopped")
	if cause := fmt.Sprint(context.Cause(ctx)); strings.HasPrefix(cause, syscall.SIGINT.String()) {
		return doc, exitStopped
	}
	return doc, exitDone
}

// served is the document of serve.
type served struct {
	Schema     int           `json:"schema"`
	Result     report.Result `json:"result"`
	Repository string        `json:"repository"`
}

// memoryGoal is what the server's memory shall stay below, with a thousand clients too. A
// password's hash takes 64 MiB for a moment: without a goal, that much garbage more is
// kept for each of them.
const memoryGoal = 160 << 20

// limitMemory sets the goal, unless the environment has one. It costs time, not uploads,
// if it cannot be met.
func limitMemory(getenv func(string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
}

// serve runs what was asked for until ctx ends: uploads, readers, or both.
func (c *serveCmd) serve(ctx context.Context, a *app, at string, isSet bool) (any, error) {
	log := slog.New(slog.NewTextHandler(a.Stderr, nil))
	given, err := inheritSockets()
	if err != nil {
		return nil, err
	}
	defer given.close()
	uploads := len(c.Listen)+len(given.uploads) > 0
	if !uploads && !c.shows(given) {
		return nil, wrongUsage("add --listen ADDR for uploads, or --http ADDR for readers only", "nothing says where to listen")
	}
	to, done, err := c.open(a, at, isSet)
	if err != nil {
		return nil, err
	}
	defer done()
	r, name := to.repo, at
	at = to.at
	e := &enterprise{app: a, repo: r, at: at, set: to.set, all: to.all, log: log, given: given}
	e.healthy = e.readable
	if uploads || c.TLSSelfSigned {
		var closeState func()
		if e.state, e.dir, closeState, err = a.state(c.State, r); err != nil {
			return nil, err
		}
		defer closeState()
	}
	if e.config, e.reload, err = c.tls(a, log, e.state, e.dir); err != nil {
		return nil, err
	}
	if uploads {
		closeServer, err := c.uploads(ctx, e)
		if err != nil {
			return nil, err
		}
		defer closeServer()
	}
	if err := c.show(ctx, e); err != nil {
		e.abandon()
		return nil, err
	}
	stop := onHangup(e.reload)
	defer stop()
	log.Info("serving", "repository", name, "architecture", r.Arch)
	return served{report.Schema, resultStopped, name}, e.run(ctx)
}

// open opens the repository, or the set, that is served.
func (c *serveCmd) open(a *app, at string, isSet bool) (destinations, func(), error) {
	if isSet {
		named, _ := a.config.Set(at)
		return a.openSetToServe(named)
	}
	r, done, err := a.openAny(at)
	return destinations{repo: r, at: at}, done, err
}

// uploads adds the server of the uploaders.
func (c *serveCmd) uploads(ctx context.Context, e *enterprise) (done func(), err error) {
	if _, err := e.app.required(e.repo); err != nil {
		return nil, err
	}
	path, err := e.app.usersPath(c.Users)
	if err != nil {
		return nil, err
	}
	users, err := openUsers(path, e.log)
	if err != nil {
		return nil, err
	}
	r, at := e.repo, e.at
	o := server.Options{
		Open: func() (*repo.Repo, error) { return e.app.kindOf(r).open(r.FS, at) }, Set: e.set,
		Users: users.auth, Refresh: users.refresh, State: e.state, Dir: e.dir, Adopt: c.Adopt, Free: freeBytes(cmp.Or(c.State, at)), Limits: c.limits(),
		AllowPlaintextPasswords: c.AllowPlaintextPasswords, Agent: agent(), Program: program("serve"), Required: e.app.required, Log: e.log,
	}
	var s *server.Server
	if c.Status != "" || len(e.given.status) > 0 {
		e.metrics = web.NewMetrics(web.Current{
			Queue: func() int { return s.Queue() }, Connections: func() int { return s.Connections() },
			Partials: func() (int, int64, error) { return s.Partials() }, Retired: func() (int64, error) { return retiredBytes(r) },
		})
		o.Meter = e.metrics
	}
	closeIncoming, err := c.accept(ctx, e.app, &o, r, stateFolder(c.State, at))
	if err != nil {
		return nil, err
	}
	if s, err = server.New(o); err != nil {
		closeIncoming()
		return nil, err
	}
	done = func() { _ = s.Close(); closeIncoming() }
	listeners, err := c.listen(ctx, e.given.uploads, e.config, e.log)
	if err != nil {
		done()
		return nil, err
	}
	e.healthy = s.Healthy
	reload := e.reload
	e.reload = func() {
		users.force()
		reload()
	}
	e.add(func(ctx context.Context) error { return s.Serve(ctx, listeners...) }, listeners...)
	return done, nil
}

// stateFolder is the path of the server's own folder.
func stateFolder(state, repository string) string {
	return cmp.Or(state, filepath.Join(repository, repo.MetaDir))
}

// state is where partial files lie: the repository's own folder, or another one.
func (a *app) state(at string, r *repo.Repo) (fsys vfs.FS, dir string, done func(), err error) {
	if at == "" {
		return r.FS, repo.MetaDir, func() {}, r.Prepare()
	}
	folder, err := vfs.OpenDir(at)
	if err != nil {
		return nil, "", nil, &report.Error{Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, File: at, Err: err}
	}
	return a.folder(folder), ".", func() { _ = folder.Close() }, nil
}
