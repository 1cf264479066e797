package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

type hookInstallCmd struct {
	GitDir     *string  `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
	HooksDir   string   `placeholder:"DIR" help:"The folder of hooks, such as gitolite's hooks/common. Default: the repository's."`
	Repo       *string  `short:"R" placeholder:"REPO" help:"Write down that refs publish in this repository; needs --refs."`
	Refs       []string `sep:"none" placeholder:"PATTERN" help:"The refs that publish there, such as refs/heads/dist; may be given several times."`
	Name       string   `placeholder:"NAME" help:"The name of the target. Default: that of the repository's folder."`
	DryRun     bool     `short:"n" help:"Show what would be installed, and change nothing."`
	PreReceive bool     `negatable:"" default:"true" help:"Install pre-receive, too, which refuses a push that would not be published. --no-pre-receive leaves it out."`
}

// Help is shown by --help.
func (*hookInstallCmd) Help() string {
	return `A hook that is there already is kept, and runs first. In a folder of Gitea or Forgejo the hooks go into post-receive.d and ` +
		`pre-receive.d. Doing it again changes nothing.`
}

type hookUninstallCmd struct {
	GitDir   *string `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
	HooksDir string  `placeholder:"DIR" help:"The folder of hooks. Default: the repository's."`
	DryRun   bool    `short:"n" help:"Show what would be taken out, and change nothing."`
}

type hookStatusCmd struct {
	GitDir   *string `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
	HooksDir string  `placeholder:"DIR" help:"The folder of hooks. Default: the repository's."`
}

// hooksAnswer is the document of the three.
type hooksAnswer struct {
	Schema      int                 `json:"schema"`
	Result      report.Result       `json:"result"`
	Hooks       []gitpush.Installed `json:"hooks"`
	Targets     []targetAnswer      `json:"targets,omitempty"`
	Users       string              `json:"users,omitempty"`
	Identity    string              `json:"identity,omitempty"`
	Unpublished []string            `json:"unpublished,omitempty"`
}

type targetAnswer struct {
	Name       string   `json:"name"`
	Repository string   `json:"repository,omitempty"`
	Set        string   `json:"set,omitempty"`
	Refs       []string `json:"refs"`
	Build      []string `json:"build,omitempty"`
	Problem    string   `json:"problem,omitempty"`
}

// hooksAt opens a repository and its folder of hooks.
func (a *app) hooksAt(ctx context.Context, gitDir *string, hooksDir string) (g *gitpush.Repository, hooks *vfs.Dir, done func(), err error) {
	if g, err = gitpush.Open(ctx, a.gitDir(gitDir), nil, a.WrapFS); err != nil {
		return nil, nil, nil, err
	}
	if hooksDir == "" {
		if hooksDir, err = g.HooksFolder(ctx); err != nil {
			g.Close()
			return nil, nil, nil, err
		}
	}
	if hooksDir, err = filepath.Abs(hooksDir); err == nil {
		hooks, err = openHooks(g, hooksDir)
	}
	if err != nil {
		g.Close()
		return nil, nil, nil, &report.Error{Stage: "install", Code: report.CodeUsage, Kind: report.KindUsage, File: hooksDir, Err: err}
	}
	return g, hooks, func() { _ = hooks.Close(); g.Close() }, nil
}

// openHooks opens the folder; the repository's own may be missing, if it was made with
// an empty template.
func openHooks(g *gitpush.Repository, dir string) (*vfs.Dir, error) {
	if dir == filepath.Join(g.Path, "hooks") {
		if _, err := g.FS.Lstat("hooks"); err != nil {
			if err := g.FS.Mkdir("hooks", 0o755); err != nil {
				return nil, err
			}
		}
	}
	return vfs.OpenDir(dir)
}

func (c *hookInstallCmd) run(ctx context.Context, a *app) (doc any, code int) {
	g, hooks, done, err := a.hooksAt(ctx, c.GitDir, c.HooksDir)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	if (c.Repo == nil) != (len(c.Refs) == 0) {
		return a.fail(wrongUsage("such as -R /srv/repo --refs refs/heads/dist", "-R and --refs go together"))
	}
	if c.Repo != nil {
		if err := c.configure(ctx, a, g); err != nil {
			return a.fail(err)
		}
	}
	// Without it, git refuses a push with options.
	if err := c.set(ctx, g, "receive.advertisePushOptions", "true"); err != nil {
		return a.fail(err)
	}
	self, err := selfPath(a.Args0)
	if err != nil {
		return a.fail(err)
	}
	which := gitpush.Hooks()
	if !c.PreReceive {
		which = []string{"post-receive"}
	}
	fsys, err := rehearsed(hooks, c.DryRun)
	if err != nil {
		return a.fail(err)
	}
	list, err := gitpush.Install(fsys, hooks.Path(), self, which)
	if err != nil {
		return a.fail(err)
	}
	return a.hooks(list, c.DryRun)
}

// configure writes down where the refs publish, if that makes sense.
func (c *hookInstallCmd) configure(ctx context.Context, a *app, g *gitpush.Repository) error {
	at, err := filepath.Abs(*c.Repo)
	if err != nil {
		return wrongUsage("give the folder of a repository", "-R: %w", err)
	}
	_, done, err := a.openAny(at)
	if err != nil {
		return err
	}
	done()
	name := c.Name
	if name == "" {
		name = filepath.Base(at)
	}
	if strings.ContainsAny(name, "\n\x00") {
		return wrongUsage("give a plain name", "--name %q: a name has no line break", name)
	}
	if bad := slices.IndexFunc(c.Refs, func(p string) bool { return !strings.HasPrefix(p, "refs/") && p != "**" }); bad >= 0 {
		return wrongUsage("such as refs/heads/dist or refs/tags/v*", "--refs %s: a ref begins with refs/", visible(c.Refs[bad]))
	}
	if err := c.set(ctx, g, "mmpush."+name+".repository", at); err != nil {
		return err
	}
	return c.set(ctx, g, "mmpush."+name+".refs", c.Refs...)
}

// set writes into git's configuration, unless nothing is to be written.
func (c *hookInstallCmd) set(ctx context.Context, g *gitpush.Repository, key string, values ...string) error {
	if c.DryRun {
		return nil
	}
	return g.Configure(ctx, key, values...)
}

// hookLimit is the most that one hook may have to be looked at in a dry run.
const hookLimit = 1 << 20

// rehearsed is the folder of hooks or, for a dry run, a copy of it in memory.
func rehearsed(hooks *vfs.Dir, dryRun bool) (vfs.FS, error) {
	if !dryRun {
		return hooks, nil
	}
	mem := vfs.NewMem(time.Now)
	entries, err := hooks.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if info, err := hooks.Lstat(e.Name); err != nil || !info.IsRegular() {
			continue
		}
		text, err := vfs.ReadFile(hooks, e.Name, hookLimit)
		if err == nil {
			err = vfs.CreateSynced(mem, e.Name, 0o755, text)
		}
		if err != nil {
			return nil, err
		}
	}
	return mem, nil
}

func (c *hookUninstallCmd) run(ctx context.Context, a *app) (doc any, code int) {
	_, hooks, done, err := a.hooksAt(ctx, c.GitDir, c.HooksDir)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	fsys, err := rehearsed(hooks, c.DryRun)
	if err != nil {
		return a.fail(err)
	}
	list, err := gitpush.Uninstall(fsys, hooks.Path())
	if err != nil {
		return a.fail(err)
	}
	return a.hooks(list, c.DryRun)
}

// hooks tells what became of the hooks.
func (a *app) hooks(list []gitpush.Installed, dryRun bool) (doc any, code int) {
	answer := hooksAnswer{Schema: report.Schema, Result: report.Unchanged, Hooks: list}
	for _, s := range list {
		switch {
		case s.Changed != "" && dryRun:
			answer.Result = report.Planned
		case s.Changed != "":
			answer.Result = report.Result(s.Changed)
		}
		a.out.line("%s", hookLine(s))
	}
	if dryRun {
		a.out.line("dry run, nothing was written")
	}
	return answer, exitDone
}

func hookLine(s gitpush.Installed) string {
	state := "not installed"
	switch {
	case s.Changed != "":
		state = s.Changed
	case s.Ours:
		state = "is installed"
	}
	line := fmt.Sprintf("%s: %s, %s", s.Hook, state, visible(s.File))
	if s.Chained != "" {
		line += "; runs first: " + visible(filepath.Base(s.Chained))
	}
	if s.Other {
		line += "; another hook is there"
	}
	return line
}

func (c *hookStatusCmd) run(ctx context.Context, a *app) (doc any, code int) {
	g, hooks, done, err := a.hooksAt(ctx, c.GitDir, c.HooksDir)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	list, err := gitpush.Look(hooks, hooks.Path())
	if err != nil {
		return a.fail(err)
	}
	config, err := g.ReadConfig(ctx)
	if err != nil {
		return a.fail(err)
	}
	left, err := g.Ledger().Unpublished()
	if err != nil {
		return a.fail(err)
	}
	answer := hooksAnswer{Schema: report.Schema, Result: "listed", Hooks: list, Users: config.Users, Identity: config.Identity}
	for _, s := range list {
		a.out.line("%s", hookLine(s))
	}
	for _, t := range config.Targets {
		one := targetAnswer{Name: t.Name, Repository: t.Repository, Refs: t.Refs, Build: t.Build}
		one.Set = t.Set
		if done, err := a.openHookTarget(t); err != nil {
			one.Problem = err.Error()
		} else {
			done()
		}
		answer.Targets = append(answer.Targets, one)
		a.out.line("%s -> %s (%s)", visible(strings.Join(t.Refs, ", ")), visible(t.Name), visible(t.Repository+t.Set))
		if one.Problem != "" {
			a.out.line("    problem: %s", visible(one.Problem))
		}
	}
	if len(config.Targets) == 0 {
		a.out.line("no ref publishes anywhere: git config mmpush.NAME.repository and mmpush.NAME.refs say where")
	}
	who := "who may push may publish: there is no users file (mmpush.users)"
	if config.Users != "" {
		who = "rights: " + config.Users + ", by " + config.Identity
	}
	a.out.line("%s", visible(who))
	for _, u := range left {
		answer.Unpublished = append(answer.Unpublished, u.Ref)
		a.out.line("not published yet: %s", visible(u.Ref))
	}
	return answer, exitDone
}
