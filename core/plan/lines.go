package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

func sourceLine(s index.Source, a report.Action) report.Package {
	return report.Package{
		Kind: report.Source, Name: s.Name, Version: s.Version, Action: a,
		File: s.Filename, Size: s.Size, SHA256: s.SHA256,
	}
}

func binaryLine(b index.Binary, a report.Action) report.Package {
	return report.Package{
		Kind: report.Binary, Name: b.Name, Version: b.Version, Action: a,
		File: b.Filename, Size: b.Size, SHA256: b.SHA256,
	}
}

// linesOf returns a line for each package of the upload, the source first, then for
// each that goes and is not replaced by one of its own name. orphans are the sources
// that go with their last binary.
func linesOf(sc scene, pl placing, orphans []index.Source) []report.Package {
	previous, others := sc.replacedSource(slices.Concat(orphans, sc.sources))
	lines := []report.Package{sc.sourceLine(pl, previous)}
	for i := range sc.add.Binaries {
		lines = append(lines, sc.binaryLine(pl, i))
	}
	for _, s := range others {
		lines = append(lines, sourceLine(s, report.ActionRemove))
	}
	for _, b := range sc.lost {
		lines = append(lines, binaryLine(b, report.ActionRemove))
	}
	return lines
}

// replacedSource picks, among the sources that go, the one whose place the upload's own
// takes in the report: the greatest version of its name, or nil.
func (sc scene) replacedSource(going []index.Source) (previous *index.Source, others []index.Source) {
	for _, s := range going {
		switch {
		case s.Name != sc.add.Source.Name:
			others = append(others, s)
		case previous == nil:
			previous = &s
		case index.CompareVersions(s.Version, previous.Version) < 0:
			others = append(others, s)
		default:
			others = append(others, *previous)
			previous = &s
		}
	}
	return previous, others
}

func (sc scene) sourceLine(pl placing, previous *index.Source) report.Package {
	s := pl.sourceOf(sc.add)
	line := sourceLine(s, report.ActionAdd)
	if previous == nil {
		return line
	}
	line.Previous = previous.Version
	order := index.CompareVersions(previous.Version, s.Version)
	switch {
	case previous.Key() == s.Key() && (pl.source.damaged() || !sameSource(*previous, s)):
		line.Action = report.ActionRestore
	case previous.Key() == s.Key():
		line.Action = report.ActionKeep
	case order > 0:
		line.Action = report.ActionDowngrade
	case order == 0:
		line.Action = report.ActionRebuild
	default:
		line.Action = report.ActionReplace
	}
	return line
}

func (sc scene) binaryLine(pl placing, i int) report.Package {
	b, old := pl.binaryOf(sc.add, i), sc.had[i]
	line := binaryLine(b, report.ActionAdd)
	if old == nil {
		return line
	}
	line.Previous = old.Version
	order := index.CompareVersions(old.Version, b.Version)
	switch {
	case samePackage(*old, b):
		line.Action = sc.keepAction(pl, i)
	case order > 0:
		line.Action = report.ActionDowngrade
	case order == 0 && old.Source == b.Source && old.SHA256 != b.SHA256:
		line.Action = report.ActionRebuild
	default:
		line.Action = report.ActionReplace
	}
	return line
}

// keepAction is about a package whose bytes are published already.
func (sc scene) keepAction(pl placing, i int) report.Action {
	old, b := *sc.had[i], pl.binaryOf(sc.add, i)
	switch {
	case pl.binaries[i].damaged() || !sameValues(old, b):
		return report.ActionRestore
	case isDangerous(old):
		return report.ActionHeal
	default:
		return report.ActionKeep
	}
}
