package report

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Flaw names the first thing in s that a line of text must not hold, and its place
// in s; "" and -1 if there is none. It is what some reader may take for the end of a
// line, or of the text: control characters, U+2028, U+2029, bytes that are not
// UTF-8. A terminal would obey some of them. Characters in allowed are fine.
func Flaw(s, allowed string) (what string, at int) {
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

// maxShown is how much of a foreign text is shown, in bytes.
const maxShown = 256

// Shown is a foreign text as a terminal may get it: as it is, or quoted if it has a
// [Flaw]; its first 256 bytes.
func Shown(s string) string {
	rest := ""
	if end := maxShown; len(s) > end {
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s, rest = s[:end], "..."
	}
	if what, _ := Flaw(s, ""); what != "" {
		s = strconv.QuoteToASCII(s)
	}
	return s + rest
}
