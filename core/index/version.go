package index

import (
	"cmp"
	"strings"
)

// AnyVersion is the version that equals every other one; no package may have it.
const AnyVersion = "any"

// CompareVersions compares two versions by the order of mmpack's C client and
// returns -1, 0 or +1. Where both have a digit, the whole runs of digits are
// compared as numbers of any length; elsewhere bytes are; a version that the other
// one starts with is the smaller.
func CompareVersions(a, b string) int {
	if a == AnyVersion || b == AnyVersion {
		return 0
	}
	for a != "" && b != "" {
		if !isDigit(a[0]) || !isDigit(b[0]) {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		var na, nb string
		na, a = cutNumber(a)
		nb, b = cutNumber(b)
		if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cutNumber splits the digits that s starts with, leading zeros dropped, from the
// rest.
func cutNumber(s string) (number, rest string) {
	s = strings.TrimLeft(s, "0")
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return s[:n], s[n:]
}
