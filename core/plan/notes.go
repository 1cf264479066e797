package plan

import (
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// restored tells what of the upload was found damaged in the repository.
func restored(sc scene, pl placing) []report.Finding {
	var notes []report.Finding
	for _, s := range pl.all() {
		if s.damaged() {
			notes = append(notes, fileNote(s))
		}
	}
	if own, s := sc.ownSource(), pl.sourceOf(sc.add); own != nil && !sameSource(*own, s) {
		notes = append(notes, healed(path.Base(s.Filename), "%s %s: the source's stanza differed from the upload; it is put right", s.Name, s.Version))
	}
	for i, old := range sc.had {
		b := pl.binaryOf(sc.add, i)
		if old == nil || !samePackage(*old, b) {
			continue
		}
		if field := firstDifference(*old, b); field != "" {
			n := healed(path.Base(b.Filename), "%s %s: the stanza's %s differed from what the package says; it is put right", b.Name, b.Version, field)
			n.Field = field
			notes = append(notes, n)
		} else if isDangerous(*old) {
			notes = append(notes, healedStanza(*old))
		}
	}
	return notes
}

func healed(file, format string, args ...any) report.Finding {
	return report.Finding{Code: report.CodeHealed, Severity: report.SeverityNote, File: file, Message: fmt.Sprintf(format, args...)}
}

func fileNote(s spot) report.Finding {
	what := "had other bytes than the index says"
	if s.missing {
		what = "was gone"
	}
	return healed(s.file.Name, "the published file %s %s; it is put back from the upload", s.file.Path, what)
}

func healedStanza(b index.Binary) report.Finding {
	return healed(path.Base(b.Filename), "%s %s: its stanza misleads the mmpack client; it is written again with the same values in a safe form", b.Name, b.Version)
}

// firstDifference names the first value that differs, in the stanza's order; empty if
// none does.
func firstDifference(a, b index.Binary) string {
	switch {
	case a.Ghost != b.Ghost:
		return "ghost"
	case a.SumSHA256Sums != b.SumSHA256Sums:
		return "sumsha256sums"
	case a.Depends != b.Depends:
		return "depends"
	case a.SysDepends != b.SysDepends:
		return "sysdepends"
	case a.Description != b.Description:
		return "description"
	case a.Filename != b.Filename:
		return "filename"
	case a.Size != b.Size:
		return "size"
	default:
		return ""
	}
}
