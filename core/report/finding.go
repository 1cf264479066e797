package report

import (
	"fmt"
	"strings"
)

// Severity says what a finding means for the publish.
type Severity string

const (
	// SeverityError refuses the upload.
	SeverityError Severity = "error"
	// SeverityWarning is told, and refuses nothing.
	SeverityWarning Severity = "warning"
	// SeverityNote is told for the record.
	SeverityNote Severity = "note"
)

// Finding is one answer of a check: what is wrong, where, what was expected
// instead, and what to do next. The zero Severity counts as an error, so that a
// check that forgets it fails closed.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// File is the base name of the file that the finding is about.
	File string `json:"file,omitempty"`
	// Line is the line in File, counted from 1; 0 is unknown.
	Line int `json:"line,omitempty"`
	// Field is the path of the field in File, such as
	// "binpkgs.amd64-debian.foo.size", or the member of an archive.
	Field string `json:"field,omitempty"`
	// Expected and Actual are the two sides of a comparison.
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	// Message is one sentence in the user's terms, without a final dot.
	Message string `json:"message"`
	// Hint is what to do next.
	Hint string `json:"hint,omitempty"`
	// Verifier names the check that found it; empty for the built-in ones.
	Verifier string `json:"verifier,omitempty"`
}

// Refuses reports whether the finding refuses the upload.
func (f Finding) Refuses() bool {
	return f.Severity != SeverityWarning && f.Severity != SeverityNote
}

// Place is where something is wrong, in front of the message: "file:line: field: ", as far
// as it is known.
func (f Finding) Place() string {
	text := ""
	if f.File != "" {
		text = f.File
		if f.Line > 0 {
			text += fmt.Sprintf(":%d", f.Line)
		}
		text += ": "
	}
	if f.Field != "" {
		text += f.Field + ": "
	}
	return text
}

// String is the finding on one line, for logs.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(f.Place() + f.Message)
	if f.Expected != "" || f.Actual != "" {
		fmt.Fprintf(&b, " (expected %s, found %s)", orNothing(f.Expected), orNothing(f.Actual))
	}
	fmt.Fprintf(&b, " [%s]", f.Code)
	return b.String()
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// Refused reports whether any of the findings refuses the upload.
func Refused(findings []Finding) bool {
	for _, f := range findings {
		if f.Refuses() {
			return true
		}
	}
	return false
}
