package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Reversal is what takes a change back: what it put in goes, what it took out comes
// back to its place.
type Reversal struct {
	// Of says what is taken back, such as "generation 7".
	Of string `json:"of"`
	// After is the generation that the changes are newer than, for whoever looks up
	// what has happened since.
	After uint64 `json:"after"`
	// Take is what the change added, Put what it dropped.
	Take []Added   `json:"take,omitempty"`
	Put  []Dropped `json:"put,omitempty"`
}

// Undo plans to take a change back. It is refused, with all that is in the way, if
// something else has changed the same packages since ([report.CodeOvertaken]), if a file
// to bring back is gone ([report.CodeExpired]), or if the rules never allow what it
// comes to, such as a downgrade: asking for the undo is asking for that. A package that
// is already as it was before the change is no hindrance; if all are, nothing changes.
//
// A stanza comes back with its own bytes, but in a safe form if its own misleads the
// client. Nothing is placed: the files are still where they stood.
func Undo(v index.View, r Reversal, rules func(source string) Rules, taken func(path string) (Taken, error)) (Plan, error) {
	t, err := turnsOf(v, r)
	if err != nil {
		return Plan{}, err
	}
	gone, err := t.expired(taken)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Result: report.Undone, Packages: t.lines(), Findings: append(t.conflicts(), t.judge(rules)...)}
	p.Findings = append(p.Findings, gone...)
	if p.Edit, err = t.edit(v); err != nil {
		return Plan{}, err
	}
	if p.Edit.Empty() {
		return Plan{Result: report.Unchanged, Packages: p.Packages}, nil
	}
	if !report.Refused(p.Findings) {
		torn, err := t.torn(v, p.Edit)
		if err != nil {
			return Plan{}, err
		}
		p.Findings = append(p.Findings, torn...)
	}
	if report.Refused(p.Findings) {
		return Plan{Result: report.Rejected, Findings: p.Findings, Packages: p.Packages}, nil
	}
	return complete(v, p)
}

// Join makes one reversal of several, the newest change first: it leads to the state
// before all of them. What of the history does not fit to v is a finding that refuses.
func Join(v index.View, list []Reversal) (Reversal, []report.Finding, error) {
	if len(list) == 1 {
		return list[0], nil, nil
	}
	now, out := v, Reversal{}
	for _, r := range list {
		t, err := turnsOf(now, r)
		if err != nil {
			return out, nil, err
		}
		if found := t.conflicts(); len(found) > 0 {
			return out, found, nil
		}
		if now, err = index.Apply(now, t.all()); err != nil {
			return out, nil, err
		}
	}
	d, err := Diff(v, now)
	for _, x := range d.Dropped {
		out.Take = append(out.Take, x.added())
	}
	out.Put = d.Added
	return out, nil, err
}

// onlyMoves reports whether no package is to become another one.
func (t *turns) onlyMoves() bool {
	moves := true
	for _, x := range t.binaries {
		moves = moves && x.moved(addedBinary)
	}
	for _, x := range t.sources {
		moves = moves && x.moved(addedSource)
	}
	return moves
}

// edit is the edit that is needed. If only moves are left, all else is taken back
// already; if there was nothing else, the places tell.
func (t *turns) edit(v index.View) (index.Edit, error) {
	e := t.all()
	switch {
	case e.Empty() || !t.onlyMoves():
		return e, nil
	case !t.moves:
		return index.Edit{}, nil
	}
	after, err := index.Apply(v, e)
	if err != nil {
		return e, err
	}
	if d, err := Diff(v, after); err != nil || d.Empty() {
		return index.Edit{}, err
	}
	return e, nil
}

// lines is one line for each package, the sources first.
func (t *turns) lines() []report.Package {
	var lines []report.Package
	var going []index.Source
	for _, key := range t.keys {
		if x := t.sources[key]; x.now != nil && x.back == nil {
			going = append(going, *x.now)
		}
	}
	for _, key := range t.keys {
		x := t.sources[key]
		switch {
		case x.back != nil && x.now != nil:
			lines = append(lines, sourceLine(*x.back, report.ActionKeep))
		case x.back != nil:
			line := sourceLine(*x.back, report.ActionAdd)
			if i := slices.IndexFunc(going, func(s index.Source) bool { return s.Name == key.Name }); i >= 0 {
				line.Previous, line.Action = going[i].Version, changed(going[i].Version, key.Version)
				going = slices.Delete(going, i, i+1)
			}
			lines = append(lines, line)
		}
	}
	var gone []report.Package
	for _, name := range t.names {
		switch x := t.binaries[name]; {
		case x.back != nil:
			lines = append(lines, backLine(x))
		case x.now != nil:
			gone = append(gone, binaryLine(*x.now, report.ActionRemove))
		}
	}
	for _, s := range going {
		lines = append(lines, sourceLine(s, report.ActionRemove))
	}
	return append(lines, gone...)
}

// backLine is about a binary that comes back.
func backLine(x *turn[index.Binary]) report.Package {
	line := binaryLine(*x.back, report.ActionAdd)
	if x.now == nil {
		return line
	}
	line.Previous = x.now.Version
	switch {
	case sameValues(*x.now, *x.back):
		line.Action = report.ActionKeep
	case samePackage(*x.now, *x.back):
		line.Action = report.ActionRestore
	default:
		line.Action = changed(x.now.Version, x.back.Version)
	}
	return line
}

// changed is what happens to a package whose version changes, or whose bytes do.
func changed(from, to string) report.Action {
	switch order := index.CompareVersions(from, to); {
	case order > 0:
		return report.ActionDowngrade
	case order == 0:
		return report.ActionRebuild
	}
	return report.ActionReplace
}
