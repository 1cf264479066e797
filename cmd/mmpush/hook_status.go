package main

import (
	"context"

	"github.com/mmpush/mmpush/hooks/gitpush"
)

type statusCmd struct {
	ID     string  `arg:"" optional:"" help:"The id that a push was answered with. Default: all parts that wait in sets."`
	Repo   *string `short:"R" placeholder:"SET|REPO" help:"The set, or the repository in which parts wait. Default: all configured sets."`
	GitDir *string `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
}

// Help is shown by --help.
func (*statusCmd) Help() string {
	return `Shows the parts that wait in a set for other architectures: what is there, from whom, what is missing, and until when. ` +
		`With the id of a git push, says what came of that: the whole answer, also of work that went on after the pusher was let go. ` +
		`Exits with 8 while it is still at work, and with 3 if something of it was not published.`
}

func (c *statusCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if c.ID == "" || c.Repo != nil || c.GitDir == nil && len(a.config.Sets()) > 0 {
		got, err := a.parts(c.Repo, c.ID)
		if err != nil {
			return a.fail(err)
		}
		if len(got.Waiting) > 0 {
			a.out.showParts(got.Waiting)
			return got, exitAccepted
		}
		if c.ID == "" || c.Repo != nil {
			a.out.line("nothing waits")
			return got, exitDone
		}
	}
	g, err := gitpush.Open(ctx, a.gitDir(c.GitDir), nil, a.WrapFS)
	if err != nil {
		return a.fail(err)
	}
	defer g.Close()
	work, err := g.OpenWork(c.ID)
	if err != nil {
		return a.fail(err)
	}
	s, err := work.Status()
	if err != nil {
		return a.fail(err)
	}
	a.out.raw(s.Log)
	switch s.Result {
	case "running":
		a.out.line("running since %s", s.Started.Format("2006-01-02 15:04:05 UTC"))
		return s, exitAccepted
	case "rejected", "error":
		a.out.line("%s", s.Result)
		return s, exitRejected
	}
	a.out.line("%s", s.Result)
	return s, exitDone
}
