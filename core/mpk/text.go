package mpk

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/report"
)

// flaw names the first thing in s that a line of text must not hold; "" if there
// is none. It is what any reader may take for the end of a line, or of the text:
// control characters, U+2028, U+2029, bytes that are not UTF-8. A terminal would
// obey some of them.
func flaw(s string) string {
	what, _ := flawAt(s, "")
	return what
}

// flawAt is flaw, with the place in s; the characters in allowed are fine here.
func flawAt(s, allowed string) (what string, at int) {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return "bytes that are not UTF-8", i
		case strings.ContainsRune(allowed, r):
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return character(r), i
		}
	}
	return "", -1
}

func character(r rune) string {
	switch r {
	case '\n':
		return "a line break"
	case '\r':
		return "a carriage return"
	case '\t':
		return "a tab"
	}
	return fmt.Sprintf("the character %U", r)
}

// checkText finds the first flaw in the whole of a text file; lines and tabs are
// fine.
func (s *scan) checkText(member, text string) bool {
	what, at := flawAt(text, "\n\t")
	if what == "" {
		return true
	}
	s.add(report.Finding{
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
