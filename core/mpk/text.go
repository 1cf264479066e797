package mpk

import (
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// checkText finds the first flaw in the whole of a text file; lines and tabs are
// fine.
func (s *scan) checkText(member, text string) bool {
	what, at := report.Flaw(text, "\n\t")
	if what == "" {
		return true
	}
	s.Add(report.Finding{
		Code:    report.CodeText,
		Line:    1 + strings.Count(text[:at], "\n"),
		Field:   member,
		Message: "the file holds " + what + ", which no index can carry",
		Hint:    "remove it from the mmpack project, most likely from a description, and build again",
	})
	return false
}

// isSHA256 reports whether s is a hash as mmpack writes it.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
