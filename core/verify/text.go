package verify

import (
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// flaw names the first thing in a value that some reader of an index would take
// for the end of a line, or could not read; empty if there is none. Python's tools
// end lines at U+0085, U+2028, U+2029 and the separators among the control
// characters too. allowed lists characters that are fine in this value.
func flaw(value, allowed string) string {
	if what, _ := report.Flaw(value, allowed); what != "" {
		return what
	}
	if strings.Contains(value+"\n", "\n.\n") {
		return "a line that is a single dot, which reads as an empty one"
	}
	return ""
}
