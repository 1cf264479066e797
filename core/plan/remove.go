package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Remove plans to take out every source that sel picks, with all its binaries. It does
// not need to know what stands at which path: nothing is placed, and a file that is
// not there is retired as easily.
//
// An empty selector and one that picks nothing are findings that refuse. An error
// means that v failed.
func Remove(v index.View, sel index.Selector) (Plan, error) {
	if sel == (index.Selector{}) {
		return refusal(report.Finding{
			Code: report.CodeUsage, Severity: report.SeverityError,
			Message: "nothing says which sources to remove",
			Hint:    "give a source's name, its version or the SHA-256 of its tarball",
		}), nil
	}
	sources, err := v.Sources(sel)
	if err != nil {
		return Plan{}, err
	}
	if len(sources) == 0 {
		return refusal(report.Finding{
			Code: report.CodeNoMatch, Severity: report.SeverityError,
			Message: "no source is published with " + describe(sel),
			Hint:    "`mmpush list` shows what is published",
		}), nil
	}
	return removal(v, sources)
}

func refusal(f report.Finding) Plan {
	return Plan{Result: report.Rejected, Findings: []report.Finding{f}}
}

func describe(sel index.Selector) string {
	var parts []string
	for _, p := range []struct{ what, value string }{
		{"the name", sel.Name}, {"the version", sel.Version}, {"the SHA-256", sel.SHA256},
	} {
		if p.value != "" {
			parts = append(parts, p.what+" "+p.value)
		}
	}
	return strings.Join(parts, ", ")
}

func removal(v index.View, sources []index.Source) (Plan, error) {
	var gone []index.Binary
	seen := map[tarball]bool{}
	for _, s := range sources {
		if seen[tarball{s.Name, s.SHA256}] {
			continue
		}
		seen[tarball{s.Name, s.SHA256}] = true
		of, err := v.BinariesOf(s.Name, s.SHA256)
		if err != nil {
			return Plan{}, err
		}
		gone = append(gone, of...)
	}
	p := Plan{Result: report.Removed, Edit: dropAll(gone, sources)}
	// Another source stanza may share the tarball of one that goes.
	orphans, err := orphansOf(v, gone, p.Edit.DropSources, tarball{})
	if err != nil {
		return Plan{}, err
	}
	for _, s := range orphans {
		p.Edit.DropSources = append(p.Edit.DropSources, s.Key())
	}
	return finishRemoval(v, p, slices.Concat(sources, orphans), gone)
}

// errIntent is a defect of the caller, or a journal that something else wrote.
var errIntent = errors.New("an intent is an addition, a removal, an undo or a healing, and one only")

// Run plans an intent. rules returns the permissions that hold for a source; see [Add]
// for taken. Who finds that somebody else published in between runs the same intent
// on the new View.
func Run(v index.View, i Intent, rules func(source string) Rules, taken func(path string) (Taken, error)) (Plan, error) {
	switch {
	case i.Add != nil && i == Intent{Add: i.Add}:
		return Add(v, *i.Add, rules(i.Add.Source.Name), taken)
	case i.Remove != nil && i == Intent{Remove: i.Remove}:
		return Remove(v, *i.Remove)
	case i.Drop != nil && i == Intent{Drop: i.Drop}:
		return DropBinaries(v, *i.Drop)
	case i.Undo != nil && i == Intent{Undo: i.Undo}:
		return Undo(v, *i.Undo, rules, taken)
	case i.Heal != nil && i == Intent{Heal: i.Heal}:
		return Heal(v)
	}
	return Plan{}, fmt.Errorf("plan: %w", errIntent)
}
