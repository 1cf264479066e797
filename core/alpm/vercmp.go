package alpm

import (
	"cmp"
	"strings"
)

// Compare says whether version a is older than b (-1), the same (0) or newer (1), as
// vercmp does: epochs first, then the versions proper, then the release numbers if
// both have one.
func Compare(a, b string) int {
	if a == b {
		return 0
	}
	x, y := splitVersion(a), splitVersion(b)
	c := cmp.Or(compareSegments(x.epoch, y.epoch), compareSegments(x.version, y.version))
	if c == 0 && x.release != "" && y.release != "" {
		return compareSegments(x.release, y.release)
	}
	return c
}

// version is [epoch:]version[-release].
type version struct {
	epoch, version, release string
}

func splitVersion(s string) version {
	v := version{epoch: "0", version: s}
	digits := countPrefix(s, isDigit)
	if strings.HasPrefix(s[digits:], ":") {
		v.version = s[digits+1:]
		if digits > 0 {
			v.epoch = s[:digits]
		}
	}
	if i := strings.LastIndexByte(v.version, '-'); i >= 0 {
		v.version, v.release = v.version[:i], v.version[i+1:]
	}
	return v
}

// compareSegments takes both apart into runs of digits and runs of letters;
// everything else separates them. The first difference decides: of the lengths of
// the separators, of the kinds, of the runs.
func compareSegments(a, b string) int {
	if a == b {
		return 0
	}
	for a != "" && b != "" {
		n, m := countPrefix(a, isSeparator), countPrefix(b, isSeparator)
		a, b = a[n:], b[m:]
		if a == "" || b == "" {
			break
		}
		if n != m {
			return cmp.Compare(n, m)
		}
		kind := isLetter
		if isDigit(a[0]) {
			kind = isDigit
		}
		n, m = countPrefix(a, kind), countPrefix(b, kind)
		if m == 0 { // a number is newer than a word
			if isDigit(a[0]) {
				return 1
			}
			return -1
		}
		if c := compareRuns(a[:n], b[:m], isDigit(a[0])); c != 0 {
			return c
		}
		a, b = a[n:], b[m:]
	}
	return compareRests(a, b)
}

func compareRuns(a, b string, digits bool) int {
	if !digits {
		return strings.Compare(a, b)
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// compareRests decides where one version has ended and the other goes on: with a word
// it is older ("1.0rc1" before "1.0"), with anything else newer.
func compareRests(a, b string) int {
	switch {
	case a == "" && b == "":
		return 0
	case a == "" && !isLetter(b[0]), a != "" && isLetter(a[0]):
		return -1
	}
	return 1
}

func countPrefix(s string, is func(byte) bool) int {
	for i := range len(s) {
		if !is(s[i]) {
			return i
		}
	}
	return len(s)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isSeparator(c byte) bool { return !isDigit(c) && !isLetter(c) }
