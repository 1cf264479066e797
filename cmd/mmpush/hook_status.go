package main

import (
	"context"

	"github.com/mmpush/mmpush/hooks/gitpush"
)

type statusCmd struct {
	ID     string  `arg:"" help:"The id that a push was answered with."`
	GitDir *string `name:"git-dir" placeholder:"DIR" help:"The bare git repository. Default: $$GIT_DIR, or the current folder."`
}

// Help is shown by --help.
func (*statusCmd) Help() string {
	return `Says what came of a git push: the whole answer, also of work that went on after the pusher was let go. ` +
		`Exits with 8 while it is still at work, and with 3 if something of it was not published.`
}

func (c *statusCmd) run(ctx context.Context, a *app) (doc any, code int) {
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
