package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type showCmd struct {
	Generation string `arg:"" name:"generation" help:"The generation, such as 12, or one of its changes, such as 12.2."`

	repoFlag
}

// Help is shown by --help.
func (*showCmd) Help() string {
	return `Shows all that the history knows of one generation: who, when, from where, each package with what became of it, and what was found.`
}

// shown is the document of show.
type shown struct {
	Schema     int           `json:"schema"`
	Result     report.Result `json:"result"`
	Repository string        `json:"repository"`
	repo.Generation
}

// resultFound is the result of what only looks something up.
const resultFound report.Result = "found"

func (c *showCmd) run(_ context.Context, a *app) (doc any, code int) {
	number, change, err := parseGeneration(c.Generation)
	if err != nil {
		return a.fail(err)
	}
	at, r, done, err := a.repository(c.repoFlag, "whose history to show")
	if err != nil {
		return a.fail(err)
	}
	defer done()
	h, err := r.OpenHistory()
	if err != nil {
		return a.fail(err)
	}
	defer h.Close()
	g, ok, err := h.Find(number)
	if err != nil {
		return a.fail(err)
	}
	if !ok || change > len(g.Changes) {
		return a.nothing(at, fmt.Sprintf("the history of %s has no generation %s", at, visible(c.Generation)), "`mmpush log` shows what there is")
	}
	a.show(g, change)
	if change > 0 {
		g.Changes = g.Changes[change-1 : change]
	}
	return shown{report.Schema, resultFound, at, g}, exitDone
}

// nothing answers that there is no such thing.
func (a *app) nothing(at, message, hint string) (doc any, code int) {
	rep := report.Report{Schema: report.Schema, Result: report.Rejected, Repository: at, Findings: []report.Finding{{
		Code: report.CodeNoMatch, Severity: report.SeverityError, Message: message, Hint: hint,
	}}}
	a.err.findings(rep.Findings)
	return answer{Report: rep}, exitOfReport(rep)
}

// parseGeneration reads GEN or GEN.N; change is 0 for all.
func parseGeneration(text string) (number uint64, change int, err error) {
	left, right, one := strings.Cut(text, ".")
	number, err = strconv.ParseUint(left, 10, 63)
	if err == nil && one {
		change, err = strconv.Atoi(right)
	}
	if err != nil || number == 0 || one && change < 1 {
		return 0, 0, wrongUsage("give a number such as 12, or 12.2 for its second change; `mmpush log` shows them",
			"%q is not a generation", visible(text))
	}
	return number, change, nil
}

// show tells all changes of a generation, or one.
func (a *app) show(g repo.Generation, change int) {
	for i, c := range g.Changes {
		if change > 0 && change != i+1 {
			continue
		}
		var t table
		row := func(what, value string) {
			if value != "" {
				t.add(cell{what, faint}, cell{text: value})
			}
		}
		row("generation", numbered(g.Number, i+1, len(g.Changes)))
		row("time", g.Time.UTC().Format(time.RFC3339))
		row("what", c.Action)
		row("undoes", c.Undoes)
		row("who", whoOf(c.Who))
		row("transport", c.Transport)
		row("manifest", c.Manifest)
		switch {
		case c.Unknown:
			row("packages", "not known: another program changed the indexes")
		case c.Purged:
			row("files", "deleted at once; no undo brings them back")
		}
		for _, v := range c.Verifiers {
			row("verifier", fmt.Sprintf("%s: %s (%s)", v.Name, v.Verdict, v.Version))
		}
		t.write(a.out, "")
		a.out.packages(c.Packages)
		for _, f := range c.Findings {
			a.out.finding(f)
		}
	}
}
