package verify

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// flaw names the first thing in a value that some reader of an index would take
// for the end of a line, or could not read; empty if there is none. Python's tools
// end lines at U+0085, U+2028, U+2029 and the separators among the control
// characters too. allowed lists characters that are fine in this value.
func flaw(value, allowed string) string {
	for i, r := range value {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(value[i:], "\uFFFD"):
			return "bytes that are not UTF-8"
		case strings.ContainsRune(allowed, r):
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return fmt.Sprintf("the character %U", r)
		}
	}
	if strings.Contains(value+"\n", "\n.\n") {
		return "a line that is a single dot, which reads as an empty one"
	}
	return ""
}

// maxShown is how much of a foreign text a finding shows, in bytes.
const maxShown = 256

// shown is a foreign text as a terminal may get it.
func shown(s string) string {
	rest := ""
	if len(s) > maxShown {
		s, rest = s[:maxShown], "..."
	}
	if flaw(s, "") != "" {
		s = strconv.QuoteToASCII(s)
	}
	return s + rest
}
