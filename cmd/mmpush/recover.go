package main

import (
	"context"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/report"
)

type recoverCmd struct {
	upkeepFlags
	DryRun bool   `short:"n" help:"Only say whether something was left unfinished."`
	Forget string `placeholder:"TRANSACTION" help:"Go on without the repositories that are gone and share this decision; the message that names them names it, too."`
}

// Help is shown by --help.
func (*recoverCmd) Help() string {
	return `Every change finishes first what a killed process has left, so nobody needs this verb but to look, and for one thing: a publish in several repositories is one decision, and if one of the others is gone for good, nothing goes on here until somebody says so with --forget. ` +
		`What was decided is then published here, and the history says without whom; where nobody can tell what was decided, the files go to .mmpush/rejected; a repository that could have told, and comes back, may publish its part alone.`
}

// recovered is the document of recover.
type recovered struct {
	Schema     int              `json:"schema"`
	Repository string           `json:"repository"`
	Unfinished bool             `json:"unfinished"`
	Findings   []report.Finding `json:"findings,omitempty"`
	Error      *problem         `json:"error,omitempty"`
}

func (c *recoverCmd) run(ctx context.Context, a *app) (doc any, code int) {
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	answer := recovered{Schema: report.Schema, Repository: r.Path, Unfinished: r.Unfinished()}
	if c.DryRun {
		a.out.line("%s", map[bool]string{true: "an interrupted change waits to be finished", false: "nothing was left unfinished"}[answer.Unfinished])
		return answer, exitDone
	}
	opt := c.commitOptions(a, r)
	opt.Forget = c.Forget
	tx, err := commit.Begin(ctx, r, opt)
	if err != nil {
		a.err.problem(err)
		answer.Error = problemOf(err)
		return answer, exitOfError(err)
	}
	answer.Findings = tx.Notes
	a.err.findings(tx.Notes)
	if err := tx.Close(); err != nil {
		return a.fail(err)
	}
	if len(answer.Findings) == 0 {
		a.out.line("nothing was left unfinished")
	}
	return answer, exitDone
}
