package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/upkeep"
)

type gcCmd struct {
	upkeepFlags
	DryRun bool `short:"n" help:"Show what would go; take no lock and change nothing."`
}

// Help is shown by --help.
func (*gcCmd) Help() string {
	return `Files that no index names any more stay for the grace time (the setting "grace", 72h), so that whoever holds an older index can download everything in it; beyond "retired-max" (10% of the file system) the oldest go first. Every publish deletes some of what is due; gc deletes all of it. Files that anything names are never deleted.`
}

func (c *gcCmd) run(ctx context.Context, a *app) (doc any, code int) {
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	if !c.DryRun {
		if err := sets.Expire(r); err != nil {
			return a.fail(err)
		}
	}
	got, err := upkeep.GC(ctx, r, c.commitOptions(a, r), c.DryRun)
	a.collection(got)
	a.err.findings(got.Findings)
	if err != nil {
		a.err.problem(err)
		return collected{got, problemOf(err)}, exitOfError(err)
	}
	return collected{Collection: got}, exitDone
}

// collected is the document of gc.
type collected struct {
	upkeep.Collection
	Error *problem `json:"error,omitempty"`
}

// collection tells what was deleted, and what stays.
func (a *app) collection(c upkeep.Collection) {
	var t table
	for _, f := range c.Files {
		t.add(cell{why(f.Reason), faint}, cell{text: a.shownFile(f.File)}, cell{text: bytesText(f.Size)}, cell{text: f.Retired.Format(time.RFC3339)})
	}
	for _, l := range c.Leftovers {
		t.add(cell{"left over", faint}, cell{text: l.Name}, cell{text: bytesText(l.Size)})
	}
	t.write(a.out, "  ")
	did := "deleted"
	if c.DryRun {
		did = "would delete"
	}
	a.out.outcome(good, did, fmt.Sprintf(" %s%s, %s; %s", plural(len(c.Files), "retired file"), andLeftovers(c), bytesText(c.Bytes), stays(c.Stay)))
}

func andLeftovers(c upkeep.Collection) string {
	if len(c.Leftovers) == 0 {
		return ""
	}
	return " and " + plural(len(c.Leftovers), "leftover")
}

func stays(s upkeep.Stay) string {
	if s.Files == 0 {
		return "none waits"
	}
	return fmt.Sprintf("%d more (%s) wait, the first until %s", s.Files, bytesText(s.Bytes), s.Next.UTC().Format(time.RFC3339))
}

// why says in a word why a file goes.
func why(r commit.Reason) string {
	switch r {
	case commit.ReasonGrace:
		return "expired"
	case commit.ReasonPurge:
		return "purged"
	}
	return "too many"
}
