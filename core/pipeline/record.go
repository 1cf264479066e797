package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// records are the history's changes: one for each step, or one for all of them.
func (d *draft) records(opt Options) ([]repo.Change, error) {
	var list []repo.Change
	for i, p := range d.plans {
		c := repo.Change{
			Action: "remove", Who: opt.Who, Transport: opt.Transport, Packages: p.Packages, Findings: p.Findings,
		}
		c.Purged = d.steps[i].Purge
		if add := d.steps[i].Intent.Add; add != nil {
			c.Action, c.Manifest = "publish", add.Manifest
		}
		if d.steps[i].Intent.Heal != nil {
			c.Action = "heal"
		}
		dropped := p.Dropped
		if opt.oneChange {
			dropped = d.published(dropped)
		}
		var err error
		if c.Dropped, err = json.Marshal(dropped); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if opt.oneChange && len(list) > 1 {
		return d.merge(list)
	}
	return list, nil
}

// published keeps those dropped stanzas that were published before the first step.
func (d *draft) published(dropped []plan.Dropped) []plan.Dropped {
	var kept []plan.Dropped
	for _, x := range dropped {
		if x.Source != nil {
			if found, err := d.first.Sources(selectorOf(x.Source.Source)); err == nil && len(found) > 0 {
				kept = append(kept, x)
			}
			continue
		}
		if b, ok, err := d.first.Binary(x.Binary.Binary.Name); err == nil && ok && b.Text == x.Binary.Binary.Text {
			kept = append(kept, x)
		}
	}
	return kept
}

// merge makes one change of the steps of a change set.
func (d *draft) merge(list []repo.Change) ([]repo.Change, error) {
	one := repo.Change{Action: "batch", Who: list[0].Who, Transport: list[0].Transport}
	var manifests []string
	var dropped []plan.Dropped
	for i, c := range list {
		one.Packages = append(one.Packages, c.Packages...)
		one.Findings = append(one.Findings, c.Findings...)
		if c.Manifest != "" {
			manifests = append(manifests, c.Manifest)
		}
		dropped = append(dropped, d.published(d.plans[i].Dropped)...)
	}
	one.Manifest = strings.Join(manifests, " ")
	var err error
	one.Dropped, err = json.Marshal(dropped)
	return []repo.Change{one}, err
}

func selectorOf(s index.Source) index.Selector {
	return index.Selector{Name: s.Name, Version: s.Version, SHA256: s.SHA256}
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
