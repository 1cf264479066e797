package access

import (
	"fmt"
	"strings"
)

// maxName limits the names of sources and architectures, and patterns for them,
// in bytes.
const maxName = 255

// Match reports whether the pattern covers the name: '*' stands for any letters,
// also none, '?' for exactly one, and everything else for itself. A name that no
// package can have (see [ParseRight] for the alphabet) is covered by nothing, not
// even by '*'.
func Match(pattern, name string) bool {
	return validName(name) && wildcard(pattern, name)
}

// wildcard goes back to the last '*' only, so its cost is the product of the
// lengths at worst.
func wildcard(pattern, name string) bool {
	p, n, star, mark := 0, 0, -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// validName is the union of what the kinds of repositories allow for the name of
// a source or an architecture.
func validName(s string) bool {
	return s != "" && len(s) <= maxName && !strings.ContainsRune(".-~", rune(s[0])) && only(s, isNameByte)
}

func checkPattern(what, s string) error {
	isPattern := func(c byte) bool { return isNameByte(c) || c == '*' || c == '?' }
	switch {
	case s == "":
		return fmt.Errorf("the %s is empty; '*' is any", what)
	case len(s) > maxName:
		return fmt.Errorf("the %s has %d bytes; expected at most %d", what, len(s), maxName)
	case !only(s, isPattern):
		return fmt.Errorf("the %s %q is not letters, digits and . _ @ + ~ - with '*' for any of them and '?' for one", what, s)
	}
	return nil
}

func isNameByte(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("._@+~-", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}
