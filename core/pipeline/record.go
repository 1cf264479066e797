package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// records are the history's changes: one for each step, or one for all of them.
func (d *draft) records(r *repo.Repo, opt Options) ([]repo.Change, error) {
	var list []repo.Change
	for i, p := range d.plans {
		c := repo.Change{Who: cmp.Or(d.steps[i].Who, opt.Who), Transport: cmp.Or(d.steps[i].Transport, opt.Transport), Packages: slices.Clone(p.Packages), Findings: p.Findings}
		inArch(c.Packages, r.Arch)
		switch intent := d.steps[i].Intent; {
		case intent.Add != nil:
			c.Action, c.Manifest = repo.ActionPublish, intent.Add.Manifest
		case intent.Undo != nil:
			c.Action, c.Undoes = repo.ActionUndo, intent.Undo.Of
		case intent.Heal != nil:
			c.Action = repo.ActionHeal
		default:
			c.Action = repo.ActionRemove
		}
		c.Purged, c.Verifiers = d.steps[i].Purge, d.steps[i].Verifiers
		c.Findings = slices.Concat(p.Findings, d.steps[i].Found)
		if err := keepDelta(&c, p.Dropped, p.Added); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if opt.oneChange && len(list) > 1 {
		return d.merge(r, list)
	}
	return list, nil
}

// merge makes one change of the steps of a change set: what it has made of what was
// published before the first step.
func (d *draft) merge(r *repo.Repo, list []repo.Change) ([]repo.Change, error) {
	one := repo.Change{Action: repo.ActionBatch, Who: list[0].Who, Transport: list[0].Transport}
	var manifests []string
	for _, c := range list {
		one.Packages = append(one.Packages, c.Packages...)
		one.Findings = append(one.Findings, c.Findings...)
		for _, v := range c.Verifiers {
			if !slices.Contains(one.Verifiers, v) {
				one.Verifiers = append(one.Verifiers, v)
			}
		}
		if c.Manifest != "" {
			manifests = append(manifests, c.Manifest)
		}
	}
	one.Manifest = strings.Join(manifests, " ")
	var edits []index.Edit
	for _, p := range d.plans {
		edits = append(edits, p.Edit)
	}
	delta, err := plan.DiffOf(d.first, d.view, edits)
	if err != nil {
		return nil, inRepo(r, err)
	}
	err = keepDelta(&one, delta.Dropped, delta.Names())
	return []repo.Change{one}, err
}

// tellPublisher adds, to what is in conflict with published bytes, who published
// those and when, as far as the history knows.
func tellPublisher(r *repo.Repo, findings []report.Finding) []report.Finding {
	for i, f := range findings {
		if f.Code != report.CodeConflict || f.Expected == "" {
			continue
		}
		if g, c, ok := r.Publisher(f.Expected); ok {
			findings[i].Message += fmt.Sprintf(", since %s", g.Time.Format(time.RFC3339))
			if c.Who != "" {
				findings[i].Message += " by " + c.Who
			}
			findings[i].Message += fmt.Sprintf(" (generation %d)", g.Number)
		}
	}
	return findings
}
