package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
)

type undoCmd struct {
	Generation string `arg:"" optional:"" name:"generation" help:"The generation to take back, such as 12, or one of its changes, such as 12.2. Default: the last change."`
	upkeepFlags

	To     *uint64 `placeholder:"GEN" help:"Go back to the state after this generation; 0 is the state before the first."`
	DryRun bool    `short:"n" help:"Show what would happen, and change nothing."`
}

// Help is shown by --help.
func (*undoCmd) Help() string {
	return `Takes a change back: what it published goes, what it replaced or removed comes back to its place, with the files that stayed for the grace time. Refused, with a list, if a later change has touched the same packages, or if files are past their time. An undo is a change itself: undo it to have the change again.`
}

func (c *undoCmd) run(ctx context.Context, a *app) (doc any, code int) {
	req := pipeline.UndoRequest{To: c.To}
	var err error
	switch {
	case c.Generation != "" && c.To != nil:
		return a.fail(wrongUsage("give one or the other", "a generation is taken back, or the state --to one is restored, not both"))
	case c.Generation != "":
		if req.Generation, req.Change, err = parseGeneration(c.Generation); err != nil {
			return a.fail(err)
		}
	}
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	req.Options = c.options(a)
	req.DryRun = c.DryRun
	rep, err := a.kindOf(r).undo(ctx, r, req)
	if err != nil {
		rep.Schema, rep.Result = report.Schema, resultError
		a.err.findings(rep.Findings)
		a.err.problem(err)
		return answer{Report: rep, Error: problemOf(err)}, exitOfError(err)
	}
	if rep.Result != report.Rejected {
		a.undone(rep)
	}
	a.err.findings(rep.Findings)
	return answer{Report: rep}, exitOfReport(rep)
}

// undone tells what was taken back, or would be.
func (a *app) undone(rep report.Report) {
	if rep.Result == report.Unchanged {
		a.out.line("unchanged: %s is taken back already", rep.Undoes)
		return
	}
	a.out.packages(rep.Packages)
	back, gone := 0, 0
	for _, p := range rep.Packages {
		switch p.Action {
		case report.ActionRemove:
			gone++
		case report.ActionKeep, report.ActionHeal:
		default:
			back++
		}
	}
	what := fmt.Sprintf(" %s as generation %d", rep.Undoes, rep.Generation)
	did, style := "undid", good
	if rep.Result == report.Planned {
		did, style, what = "would undo", caution, " "+rep.Undoes
	}
	text := wrap(fmt.Sprintf("%s%s: %d brought back, %d taken out", did, what, back, gone), a.out.width, "    ")
	a.out.line("%s", a.out.paint(style, did)+strings.TrimPrefix(text, did))
}
