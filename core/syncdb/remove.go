package syncdb

import (
	"context"
	"path"
	"reflect"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Removal is what to take out.
type Removal struct {
	// Patterns are [path.Match]'s, for names of packages.
	Patterns []string
	// Source, if there are no patterns, is the pkgbase whose packages go; Version, if it
	// is not empty, bounds that to one version.
	Source, Version string
	// Purge deletes the files at once, with no grace time. No undo brings them back.
	Purge bool
	// Agreed, if not nil, are the lines of the report that somebody has agreed to: if it
	// has become something else, nothing is removed.
	Agreed []report.Package
	Options
}

// Remove takes packages out. Their files stay for the grace time. Its findings warn of
// packages that stay and depend on one that goes.
func Remove(ctx context.Context, r *repo.Repo, rm Removal) (Outcome, error) {
	g, out, err := begin(r, rm.Options)
	if err != nil {
		return out, err
	}
	defer g.discard()
	list, err := Published(r, nil)
	if err != nil {
		return out, err
	}
	met := make([]bool, len(rm.Patterns))
	for _, d := range list {
		if rm.meets(d, met) {
			g.wish.Remove = append(g.wish.Remove, d.Name)
		}
	}
	for i, p := range rm.Patterns {
		if !met[i] {
			out.Findings = append(out.Findings, noPackage("no package is published with a name like "+p))
		}
	}
	if len(rm.Patterns) == 0 && len(g.wish.Remove) == 0 {
		out.Findings = append(out.Findings, noPackage("no package is published that was built from "+rm.Source+" "+rm.Version))
	}
	if report.Refused(out.Findings) {
		out.Result = report.Rejected
		return out, nil
	}
	g.wish.Purge, g.agreed = rm.Purge, rm.Agreed
	if err := g.bring(ctx, nil); err != nil {
		return out, err
	}
	err = g.change(ctx, &out)
	return out, err
}

// meets reports whether a package goes, and notes whose pattern that is.
func (rm Removal) meets(d Desc, met []bool) bool {
	if len(rm.Patterns) == 0 {
		return d.Source() == rm.Source && (rm.Version == "" || rm.Version == d.Version)
	}
	goes := false
	for i, p := range rm.Patterns {
		if ok, err := path.Match(p, d.Name); ok && err == nil {
			met[i], goes = true, true
		}
	}
	return goes
}

func noPackage(message string) report.Finding {
	return report.Finding{Code: report.CodeNoMatch, Severity: report.SeverityError, Message: message, Hint: "`mmpush list` shows what is published"}
}

// disagrees refuses a plan that is not the one that somebody has agreed to.
func (g *gensync) disagrees() []report.Finding {
	var lines []report.Package
	for _, l := range g.verdict.packages {
		lines = append(lines, l.Package)
	}
	if g.agreed == nil || reflect.DeepEqual(lines, g.agreed) {
		return nil
	}
	return []report.Finding{{
		Code: report.CodeMoved, Severity: report.SeverityError,
		Message: "the repository has changed since the question was asked, so it would be something else that goes",
		Hint:    "run the same command again, and look at what it shows",
	}}
}
