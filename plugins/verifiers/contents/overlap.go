package contents

import (
	"context"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// VerifyPlan implements [verify.PlanVerifier]: whether what comes in installs a path
// that another package installs.
func (v *Verifier) VerifyPlan(ctx context.Context, view index.View, p plan.Plan) ([]report.Finding, error) {
	c := &comparison{v: v, view: view, lists: learner{v, learnBytes}, owners: map[string]index.Binary{}, goes: map[string]bool{}}
	added := incoming(p.Edit)
	if !v.overlap || len(added) == 0 {
		return nil, nil
	}
	for _, name := range p.Edit.DropBinaries {
		c.goes[name] = true
	}
	for _, b := range added {
		c.goes[b.Name] = true
	}
	for _, b := range added {
		if err := c.enter(ctx, b); err != nil {
			return nil, err
		}
	}
	if err := c.others(ctx, added); err != nil {
		return nil, err
	}
	findings := c.All()
	if c.missing > 0 {
		findings = append(findings, c.unknown())
	}
	return findings, nil
}

// incoming are the stanzas that an edit brings.
func incoming(e index.Edit) []index.Binary {
	all := slices.Concat(e.ReplaceBinaries, e.AppendBinaries)
	for _, i := range e.InsertBinaries {
		all = append(all, i.Binary)
	}
	return all
}

// comparison is of what comes in with what stays.
type comparison struct {
	report.List
	v     *Verifier
	view  index.View
	lists learner
	// owners say which package brings a path that was not its own before.
	owners map[string]index.Binary
	// goes are the names whose published stanza does not stay.
	goes map[string]bool
	// missing counts the packages of which nobody knows what they install.
	missing int
}

// enter takes a package that comes in.
func (c *comparison) enter(ctx context.Context, b index.Binary) error {
	old, published, err := c.view.Binary(b.Name)
	if err != nil {
		return err
	}
	if published && old.SHA256 == b.SHA256 {
		return nil
	}
	paths, ok := c.v.list(b.SHA256)
	if !ok {
		c.missing++
		return nil
	}
	var before []string
	if published {
		before, _ = c.lists.list(ctx, old)
	}
	for _, path := range paths {
		if _, had := slices.BinarySearch(before, path); had || config.Matches(c.v.shared, path) {
			continue
		}
		if other, taken := c.owners[path]; taken {
			c.conflict(path, b, other)
			continue
		}
		c.owners[path] = b
	}
	return nil
}

// others compares with the packages that stay; if nothing is new, none of them is
// looked at.
func (c *comparison) others(ctx context.Context, added []index.Binary) error {
	if len(c.owners) == 0 {
		return nil
	}
	published := map[string]bool{}
	for _, b := range added {
		published[b.SHA256] = true
	}
	for b, err := range c.view.All() {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		published[b.SHA256] = true
		if c.goes[b.Name] {
			continue
		}
		paths, ok := c.lists.list(ctx, b)
		if !ok {
			c.missing++
		}
		for _, path := range paths {
			if owner, taken := c.owners[path]; taken {
				c.conflict(path, owner, b)
			}
		}
	}
	c.v.sweep(published)
	return nil
}

func (c *comparison) conflict(path string, b, other index.Binary) {
	c.Add(report.Finding{
		Code: report.CodeOverlap, File: b.Filename, Field: path,
		Message: fmt.Sprintf("%s %s installs a file that %s %s installs, too", b.Name, b.Version, other.Name, other.Version),
		Hint:    "leave the file in one of the packages, or name it under shared in the verifier's settings",
	})
}

// unknown is about packages without a list.
func (c *comparison) unknown() report.Finding {
	return report.Finding{
		Code: report.CodeLists, Severity: report.SeverityWarning,
		Message: fmt.Sprintf("%s could not be compared: it is not known which files they install", shown(c.missing, "published package")),
		Hint:    "each change learns some of them; publish again, or raise learn in the verifier's settings",
	}
}
