package upkeep

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Collection is what one GC has deleted, or would delete.
type Collection struct {
	Schema     int    `json:"schema"`
	Repository string `json:"repository"`
	DryRun     bool   `json:"dry_run,omitempty"`
	// Files are retired files, Leftovers what killed processes have left.
	Files     []Collected `json:"files"`
	Leftovers []Leftover  `json:"leftovers,omitempty"`
	// Bytes is the size of all of them.
	Bytes int64 `json:"bytes"`
	Stay  Stay  `json:"stay"`
	// Findings tell what recovery did, and what had to go early.
	Findings []report.Finding `json:"findings,omitempty"`
}

// Collected is one retired file.
type Collected struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	// Retired is since when no index names it.
	Retired time.Time     `json:"retired"`
	Reason  commit.Reason `json:"reason"`
}

// Stay is what of the retired files stays.
type Stay struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Next is when the first of them is over its time; zero if there is none.
	Next time.Time `json:"next,omitzero"`
}

// GC deletes retired files that are over their time and what killed processes have
// left. A dry run takes no lock and tells what would go.
func GC(ctx context.Context, r *repo.Repo, opt commit.Options, dry bool) (Collection, error) {
	c := Collection{Schema: report.Schema, Repository: r.Path, DryRun: dry, Files: []Collected{}}
	var err error
	if c.Leftovers, err = leftovers(r); err != nil {
		return c, err
	}
	if dry {
		return c, c.look(r)
	}
	tx, err := commit.Begin(ctx, r, opt)
	if err != nil {
		return c, err
	}
	defer tx.Close()
	if err := c.sweep(r); err != nil {
		return c, err
	}
	gone, err := tx.Collect(ctx)
	c.Findings = tx.Notes
	c.count(gone)
	if err != nil {
		return c, err
	}
	_, stay, err := commit.Outlook(r)
	c.stay(stay, r.Settings.Grace)
	if err == nil {
		err = stopped(ctx, r)
	}
	return c, err
}

// look is the dry run.
func (c *Collection) look(r *repo.Repo) error {
	due, stay, err := commit.Outlook(r)
	c.count(due)
	c.stay(stay, r.Settings.Grace)
	for _, l := range c.Leftovers {
		c.Bytes += l.Size
	}
	return err
}

// sweep keeps those leftovers in the list that are gone.
func (c *Collection) sweep(r *repo.Repo) error {
	gone, err := sweep(r, c.Leftovers)
	c.Leftovers = gone
	for _, l := range gone {
		c.Bytes += l.Size
	}
	if err != nil {
		return repo.DiskError("gc", r.Path, err)
	}
	return nil
}

func (c *Collection) count(list []commit.Expiry) {
	for _, e := range list {
		c.Files = append(c.Files, Collected{e.Name, e.Size, e.SHA256, e.Since, e.Reason})
		c.Bytes += e.Size
	}
}

func (c *Collection) stay(list []repo.Retired, grace time.Duration) {
	c.Stay = Stay{Files: len(list)}
	for _, rec := range list {
		c.Stay.Bytes += rec.Size
		if end := rec.Since.Add(grace); c.Stay.Next.IsZero() || end.Before(c.Stay.Next) {
			c.Stay.Next = end
		}
	}
}

// stopped is the error of work that a signal has ended.
func stopped(ctx context.Context, r *repo.Repo) error {
	if err := ctx.Err(); err != nil {
		return &report.Error{Stage: "gc", Code: report.CodeStopped, Kind: report.KindBusy, File: r.Path, Err: err}
	}
	return nil
}
