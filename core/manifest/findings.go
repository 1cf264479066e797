package manifest

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/report"
)

const (
	// maxFindings bounds what one hostile manifest can make of a report; errors
	// and warnings have their own share, so that one cannot hide the other.
	maxFindings = 100
	// maxShown is how much of a value a message repeats, in characters.
	maxShown = 100
)

// What to do about a manifest that cannot be read, or is too large to be.
const (
	hintYAML  = "build the package again, or compare the manifest with one that mmpack-build wrote"
	hintFewer = "check that this is a manifest; publish fewer packages with one"
)

// findings collects what is wrong, up to maxFindings of each severity.
type findings struct {
	errors   []report.Finding
	warnings []report.Finding
	// more counts the errors that had no room.
	more int
}

func (f *findings) add(x report.Finding) {
	x.Field, x.Actual, x.Message = clean(x.Field), show(x.Actual), clean(x.Message)
	if x.Refuses() {
		x.Severity = report.SeverityError
		if len(f.errors) < maxFindings {
			f.errors = append(f.errors, x)
		} else {
			f.more++
		}
	} else if len(f.warnings) < maxFindings {
		f.warnings = append(f.warnings, x)
	}
}

// unreadable adds a finding about the text as a whole.
func (f *findings) unreadable(line int, message, hint string) {
	f.add(report.Finding{Code: report.CodeYAML, Line: line, Message: message, Hint: hint})
}

func (f *findings) refused() bool { return len(f.errors) > 0 }

// all returns the findings in the order of their lines.
func (f *findings) all() []report.Finding {
	list := slices.Concat(f.errors, f.warnings)
	slices.SortStableFunc(list, func(a, b report.Finding) int { return a.Line - b.Line })
	if f.more > 0 {
		list = append(list, report.Finding{
			Code: report.CodeField, Severity: report.SeverityError,
			Message: fmt.Sprintf("%d more problems of this manifest are not listed", f.more),
		})
	}
	return list
}

// show is a value from the manifest as a message may repeat it.
func show(s string) string {
	if utf8.RuneCountInString(s) > maxShown {
		s = string([]rune(s)[:maxShown]) + "..."
	}
	return clean(s)
}

// clean writes what a terminal would act upon as an escape: the text comes from
// whoever sent the upload.
func clean(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}
