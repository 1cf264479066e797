package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type removeCmd struct {
	Patterns []string `arg:"" optional:"" name:"pattern" complete:"package" help:"Names of binary packages; * and ? stand for any letters. A source goes with its last package."`
	upkeepFlags

	Source  string `placeholder:"NAME" complete:"source" help:"Remove this source with all its packages, instead of packages by name."`
	Version string `name:"version" placeholder:"V" help:"Only this version of the source."`
	Srcsha  string `placeholder:"SHA256" help:"Only the source whose tarball has this SHA-256."`
	Purge   bool   `help:"Delete the files at once, without the grace time; no undo brings them back."`
	Yes     bool   `short:"y" help:"Do not ask. Needed where there is no terminal."`
	DryRun  bool   `short:"n" help:"Show what would go, and change nothing."`

	// shown: the plan was, with what was found.
	shown bool
}

// Help is shown by --help.
func (*removeCmd) Help() string {
	return `Shows what would go, asks, and takes it out of the indexes. Files stay for the grace time, so that whoever holds an older index can download everything in it, and undo can bring them back; --purge deletes them at once, which breaks such readers. Packages that stay and depend on one that goes are warned of.`
}

func (c *removeCmd) run(ctx context.Context, a *app) (doc any, code int) {
	rm, err := c.removal()
	if err != nil {
		return a.fail(err)
	}
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	rep, err := c.remove(ctx, a, r, rm)
	if err != nil {
		rep.Schema, rep.Result = report.Schema, resultError
		if !c.shown {
			a.err.findings(rep.Findings)
		}
		a.err.problem(err)
		return answer{Report: rep, Error: problemOf(err)}, exitOfError(err)
	}
	if rep.Result == report.Rejected {
		a.err.findings(rep.Findings)
	}
	return answer{Report: rep}, exitOfReport(rep)
}

// removal is what the arguments ask for.
func (c *removeCmd) removal() (pipeline.Removal, error) {
	rm := pipeline.Removal{
		Patterns: c.Patterns, Purge: c.Purge,
		Sources: index.Selector{Name: c.Source, Version: c.Version, SHA256: strings.ToLower(c.Srcsha)},
	}
	byName, bySource := len(c.Patterns) > 0, rm.Sources != (index.Selector{})
	switch {
	case byName && bySource:
		return rm, wrongUsage("give one or the other", "packages by name and whole sources cannot be removed at once")
	case !byName && !bySource:
		return rm, wrongUsage("name packages, or a source with --source NAME", "nothing says what to remove")
	}
	for _, p := range c.Patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return rm, wrongUsage("* and ? stand for any letters, [ab] for one of a few", "%q is not a pattern", visible(p))
		}
	}
	return rm, nil
}

// remove shows the plan, asks, and carries it out.
func (c *removeCmd) remove(ctx context.Context, a *app, r *repo.Repo, rm pipeline.Removal) (report.Report, error) {
	opt := c.options(a)
	if !c.Yes {
		opt.DryRun = true
		rep, err := a.kindOf(r).remove(ctx, r, rm, opt)
		if err != nil || rep.Result == report.Rejected {
			return rep, err
		}
		a.removal(rep, c.Purge)
		c.shown = true
		if c.DryRun {
			return rep, nil
		}
		if err := a.confirm(ctx, fmt.Sprintf("remove %s?", goes(rep))); err != nil {
			return rep, err
		}
		rm.Agreed = rep.Packages
	}
	opt.DryRun, c.shown = c.DryRun, false
	rep, err := a.kindOf(r).remove(ctx, r, rm, opt)
	if err == nil && rep.Result != report.Rejected {
		a.removal(rep, c.Purge)
	}
	return rep, err
}

// removal tells what goes, or is gone.
func (a *app) removal(rep report.Report, purge bool) {
	var t table
	for _, p := range rep.Packages {
		t.add(cell{string(p.Action), styleOf(p.Action)}, cell{p.Name, bold}, cell{text: p.Origin()}, cell{text: p.Version}, cell{text: a.shownFile(p.File)})
	}
	if rep.Result == report.Planned || !a.asked {
		t.write(a.out, "  ")
	}
	files := "its files stay for the grace time"
	if purge {
		files = "its files are deleted at once"
	}
	files += " (" + strings.ReplaceAll(bytesText(rep.BytesRetired), " ", glue) + ")"
	if rep.Result == report.Planned {
		a.out.outcome(caution, "would remove", fmt.Sprintf(" %s; %s", goes(rep), files))
	} else {
		a.out.outcome(good, "removed", fmt.Sprintf(" %s as generation %d; %s", goes(rep), rep.Generation, files))
	}
	a.err.findings(rep.Findings)
}

// goes counts what a removal takes out.
func goes(rep report.Report) string {
	var binaries, sources int
	for _, p := range rep.Packages {
		switch {
		case p.Action != report.ActionRemove:
		case p.Kind == report.Source:
			sources++
		default:
			binaries++
		}
	}
	text := plural(binaries, "binary package")
	if sources > 0 {
		text += ", " + plural(sources, "source")
	}
	return text
}

// errDeclined is the answer no.
var errDeclined = errors.New("not confirmed: nothing was changed")

// confirm asks on the terminal. Where there is none, nobody can say yes.
func (a *app) confirm(ctx context.Context, question string) error {
	in, _ := a.Stdin.(io.Writer)
	if in == nil || !isTerminal(a, in) || !a.err.terminal {
		return wrongUsage("add --yes, or --dry-run to look only", "there is no terminal to ask on")
	}
	a.asked = true
	a.err.raw("mmpush: " + visible(question) + " [y/N] ")
	select {
	case c, ok := <-readCommands(ctx, a.Stdin):
		if answer := strings.ToLower(c.verb); ok && (answer == "y" || answer == "yes") {
			return nil
		}
	case <-ctx.Done():
	}
	return &report.Error{Stage: "confirm", Code: report.CodeStopped, Kind: report.KindBusy, Err: errDeclined}
}

func isTerminal(a *app, w io.Writer) bool {
	_, ok := a.Terminal(w)
	return ok
}
