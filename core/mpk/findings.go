package mpk

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/report"
)

// maxFindings is how many findings one package can have: more tell nobody
// anything, and a hostile package could have one for each member.
const maxFindings = 100

// findings is a list with an upper bound.
type findings struct {
	list []report.Finding
	// more are not in list; last is the latest of them.
	more int
	last report.Finding
}

// add records an error. What comes from the package is made printable.
func (f *findings) add(x report.Finding) {
	if len(f.list) == maxFindings {
		f.more, f.last = f.more+1, x
		return
	}
	x.Severity = report.SeverityError
	x.Field, x.Expected, x.Actual = printable(x.Field), printable(x.Expected), printable(x.Actual)
	f.list = append(f.list, x)
}

// all returns the findings, the last of them about those that did not fit.
func (f *findings) all() []report.Finding {
	if f.more == 0 {
		return f.list
	}
	return append(f.list, report.Finding{
		Code:     f.last.Code,
		Severity: report.SeverityError,
		Message:  fmt.Sprintf("there are %d more findings about this package", f.more),
	})
}

// maxShown is how much of a foreign text a finding shows, in bytes.
const maxShown = 256

// printable returns s as it is if a terminal can show it, else quoted.
func printable(s string) string {
	long := ""
	if end := maxShown; len(s) > end {
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s, long = s[:end], "..."
	}
	if flaw(s) != "" {
		s = strconv.QuoteToASCII(s)
	}
	return s + long
}
