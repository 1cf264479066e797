package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Drop names binary packages to take out.
type Drop struct {
	Names []string `json:"names"`
}

// Healing asks for the indexes to be written anew, with every stanza in a safe form.
type Healing struct{}

// DropBinaries plans to take these binary packages out. A source goes with its last
// binary. A name that is not published is a finding that refuses. An error means that
// v failed.
func DropBinaries(v index.View, d Drop) (Plan, error) {
	var gone []index.Binary
	var missing []string
	for _, name := range d.Names {
		b, ok, err := v.Binary(name)
		if err != nil {
			return Plan{}, err
		}
		if !ok {
			missing = append(missing, name)
			continue
		}
		gone = append(gone, b)
	}
	if len(missing) > 0 || len(gone) == 0 {
		return refusal(report.Finding{
			Code: report.CodeNoMatch, Severity: report.SeverityError,
			Message: "no package is published with the name " + strings.Join(missing, ", "),
			Hint:    "`mmpush list` shows what is published",
		}), nil
	}
	p := Plan{Result: report.Removed, Edit: dropAll(gone, nil)}
	orphans, err := orphansOf(v, gone, nil, tarball{})
	if err != nil {
		return Plan{}, err
	}
	for _, s := range orphans {
		p.Edit.DropSources = append(p.Edit.DropSources, s.Key())
	}
	return finishRemoval(v, p, orphans, gone)
}

// finishRemoval adds to a removal its lines, what stays and needs what goes, and what
// every plan has.
func finishRemoval(v index.View, p Plan, sources []index.Source, gone []index.Binary) (Plan, error) {
	for _, s := range sources {
		p.Packages = append(p.Packages, sourceLine(s, report.ActionRemove))
	}
	for _, b := range gone {
		p.Packages = append(p.Packages, binaryLine(b, report.ActionRemove))
	}
	broken, err := brokenDepends(v, gone)
	if err != nil {
		return Plan{}, err
	}
	p.Findings = append(p.Findings, broken...)
	return complete(v, p)
}

// brokenDepends warns of each package that stays and depends on one that goes.
func brokenDepends(v index.View, gone []index.Binary) ([]report.Finding, error) {
	goes := map[string]bool{}
	for _, b := range gone {
		goes[b.Name] = true
	}
	var found []report.Finding
	for b, err := range v.All() {
		if err != nil {
			return nil, err
		}
		if goes[b.Name] {
			continue
		}
		var missing []string
		for _, name := range dependsOn(b) {
			if goes[name] && !slices.Contains(missing, name) {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			found = append(found, report.Finding{
				Code: report.CodeDepends, Severity: report.SeverityWarning, Actual: b.Depends,
				Message: fmt.Sprintf("%s %s stays and depends on %s, which goes", b.Name, b.Version, strings.Join(missing, ", ")),
				Hint:    "clients will not be able to install it: remove it too, or publish what it needs",
			})
		}
	}
	return found, nil
}

// dependsOn are the names in a stanza's depends: "NAME (>= VERSION), NAME, ...".
func dependsOn(b index.Binary) []string {
	var names []string
	for part := range strings.SplitSeq(b.Depends, ",") {
		if words := strings.FieldsFunc(part, func(r rune) bool { return r == '(' || r == ' ' || r == '\n' || r == '\t' }); len(words) > 0 {
			names = append(names, words[0])
		}
	}
	return names
}

// Heal plans to write the indexes anew: dangerous stanzas in a safe form, and without
// what stands around the stanzas. The values stay.
func Heal(v index.View) (Plan, error) {
	p := Plan{Result: report.Restored}
	if err := p.heal(v); err != nil {
		return Plan{}, err
	}
	if p.Edit.Empty() {
		// The files are written, which is all that they need.
		same, err := anyBinary(v)
		if err != nil {
			return Plan{}, err
		}
		p.Edit.ReplaceBinaries = same
	}
	return complete(v, p)
}

// anyBinary is a stanza that can be replaced by itself; none if there is no stanza.
func anyBinary(v index.View) ([]index.Binary, error) {
	for b, err := range v.All() {
		if err != nil {
			return nil, err
		}
		// Where several stand under one name, the last counts.
		last, _, err := v.Binary(b.Name)
		return []index.Binary{last}, err
	}
	return nil, nil
}
