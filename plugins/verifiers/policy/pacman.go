package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

var _ alpm.ChangeVerifier = (*Verifier)(nil)

// VerifyPackage implements [alpm.Verifier]: the pkgbase is the source.
func (v *Verifier) VerifyPackage(_ context.Context, p alpm.Arrived) ([]report.Finding, error) {
	e := &examiner{v: v}
	e.u.Name = p.Name
	e.name("source", "pkgbase", 0, p.Info.Source(), v.Sources)
	e.name("package", "pkgname", 0, p.Info.Name, v.Packages)
	if v.version != nil && !v.version.MatchString(p.Info.Version) {
		e.add(report.Finding{Code: report.CodePolicyVersion, Field: "pkgver", Expected: v.Version, Actual: p.Info.Version,
			Message: "the version does not have the form that this repository wants", Hint: "raise the version to one of that form, and build again"})
	}
	e.size("package", p.Name, p.Size, v.pkg)
	e.size("unpacked", p.Name, p.DecodedSize, v.unpacked)
	// A package of pacman's has no sysdepends: whoever wants it not to be empty gets none.
	e.empty(p.Name, map[string]string{"description": p.Info.Description, "depends": strings.Join(p.Info.Depends, " ")})
	return e.findings, nil
}

// VerifyChanges implements [alpm.ChangeVerifier].
func (v *Verifier) VerifyChanges(_ context.Context, list []alpm.Change) ([]report.Finding, error) {
	if len(v.Changes) == 0 {
		return nil, nil
	}
	r := &refusals{v: v}
	for _, c := range list {
		switch c.Action {
		case report.ActionDowngrade:
			r.add(c.Source, downgrade, c.Name, fmt.Sprintf("%s would go back from %s to %s", c.Name, c.Previous, c.Version))
		case report.ActionRemove:
			r.add(c.Source, remove, c.Name, fmt.Sprintf("%s %s would be removed", c.Name, c.Version))
		}
		if c.Was != "" && c.Was != c.Source {
			r.add(c.Was, takeOver, c.Name, fmt.Sprintf("%s belongs to the source %s, and would go to %s", c.Name, c.Was, c.Source))
		}
		if c.New {
			r.add(c.Source, isNew, c.Source, fmt.Sprintf("no source named %s is published yet", c.Source))
		}
	}
	return r.findings, nil
}
