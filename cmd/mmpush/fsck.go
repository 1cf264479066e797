package main

import (
	"context"
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
)

type fsckCmd struct {
	upkeepFlags
	Deep   bool     `help:"Read every published file and compare its SHA-256, not only its size."`
	Repair bool     `help:"Mend what can be mended without guessing."`
	Ignore []string `placeholder:"PATTERN" help:"A file in the folder that belongs there, such as index.html; can be given several times."`
}

// Help is shown by --help.
func (*fsckCmd) Help() string {
	return `Looks at the indexes, the files that they name, the list of retired files, the history, modes, owners and dates, and at what is in the folder and nobody's. Each difference is named with a code, and with what --repair would do about it; that never deletes what may be somebody's, and never writes bytes that have not the SHA-256 that the index names. Publishes may go on meanwhile; only --repair takes the lock. The exit code is 3 if differences are left.`
}

// checked is the document of fsck.
type checked struct {
	upkeep.Checkup
	Error *problem `json:"error,omitempty"`
}

func (c *fsckCmd) run(ctx context.Context, a *app) (doc any, code int) {
	for _, p := range c.Ignore {
		if _, err := path.Match(p, ""); err != nil {
			return a.fail(wrongUsage("* and ? stand for any letters", "--ignore: %q is not a pattern", visible(p)))
		}
	}
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	got, err := c.check(ctx, a, r)
	a.checkup(got, c.Repair)
	if err != nil {
		a.err.problem(err)
		return checked{got, problemOf(err)}, exitOfError(err)
	}
	if !got.Clean() {
		return checked{Checkup: got}, exitRejected
	}
	return checked{Checkup: got}, exitDone
}

func (c *fsckCmd) check(ctx context.Context, a *app, r *repo.Repo) (upkeep.Checkup, error) {
	opt := upkeep.Options{
		Deep: c.Deep, Ignore: c.Ignore, Commit: c.commitOptions(a, r),
		Rewrite: func(ctx context.Context) error {
			rep, err := a.kindOf(r).heal(ctx, r, c.options(a))
			if err == nil && rep.Result == report.Rejected {
				err = firstRefusal(rep)
			}
			return err
		},
	}
	if c.Repair {
		return upkeep.Repair(ctx, r, a.kindOf(r).format(r), opt)
	}
	return upkeep.Check(ctx, r, a.kindOf(r).format(r), opt)
}

// checkup tells what was repaired, what is left, and the whole in one sentence.
func (a *app) checkup(c upkeep.Checkup, repair bool) {
	for _, d := range c.Repaired {
		a.out.difference(d, "repaired", good)
	}
	for _, d := range c.Differences {
		label, style := "error", bad
		if !d.Refuses() {
			label, style = "warning", caution
		}
		a.out.difference(d, label, style)
		if d.Repair != "" && !repair {
			a.out.line("    %s %s", a.out.paint(faint, "--repair would:"), visible(d.Repair))
		}
	}
	a.err.findings(c.Findings)
	how := "sizes"
	if c.Deep {
		how = "every byte"
	}
	looked := fmt.Sprintf("%s (%s), %s compared", plural(c.Files, "published file"), bytesText(c.Bytes), how)
	switch {
	case c.Clean() && len(c.Repaired) == 0:
		a.out.outcome(good, "clean", ": "+looked)
	case c.Clean():
		a.out.outcome(good, "repaired", fmt.Sprintf(" %s, none is left: %s", plural(len(c.Repaired), "difference"), looked))
	default:
		a.out.outcome(bad, plural(len(c.Differences), "difference")+" left", ": "+looked)
	}
}

// difference is one thing that is not as it should be, on one line and with what it
// compares.
func (p *printer) difference(d upkeep.Difference, label string, s style) {
	text := d.String()
	p.line("%s: %s", p.paint(s, label), visible(text))
	if d.Hint != "" && label != "repaired" {
		p.line("    %s %s", p.paint(faint, "hint:"), visible(d.Hint))
	}
}
