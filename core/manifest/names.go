package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name, version or architecture, in bytes: what the
// usual file systems allow for one name.
const MaxName = 255

// ValidName checks the name of a source or binary package by mmpack's own rule,
// [A-Za-z0-9][A-Za-z0-9._+~-]*, with 1 to [MaxName] bytes. The error is one
// sentence in the user's terms, without the name itself.
func ValidName(s string) error { return checkName("name", s) }

// ValidFileName checks the name of a file that would be published: the rule of
// [ValidName], and none of the names that a repository uses itself, in whatever
// case (a file system may not tell them apart). A path is told as such.
func ValidFileName(s string) error {
	if err := checkName("file name", s); err != nil {
		return err
	}
	if slices.Contains(reservedNames(), strings.ToLower(s)) {
		return fmt.Errorf("the file name %q belongs to the repository itself", s)
	}
	return nil
}

// ValidVersion checks a package's version: the alphabet of [ValidName], and not
// the word "any", which the client takes for every version. The client compares
// that word exactly, so "Any" is a version like others.
func ValidVersion(s string) error {
	if strings.Contains(s, ":") {
		return errors.New("the version has a ':' in it, which makes the client crash on install")
	}
	if err := checkName("version", s); err != nil {
		return err
	}
	if s == "any" {
		return errors.New(`the version is the word "any", which the client takes for every version`)
	}
	return nil
}

// ValidArch checks an architecture such as "amd64-debian": the rule of
// [ValidName]. Which architectures exist is up to the repositories.
func ValidArch(s string) error { return checkName("architecture", s) }

// reservedNames are the files and folders in a repository's folder that are not
// packages; those that start with a dot are refused by the alphabet.
func reservedNames() []string {
	return []string{
		"binary-index", "binary-index.gz", "lock", "metadata", "mmpack-repo.log",
		"pool", "source-index", "working_dir",
	}
}

// checkName is the rule that all kinds of names share. The order of the checks
// decides which of several faults is told: first the ones that are attacks.
func checkName(kind, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("the %s is empty", kind)
	case !utf8.ValidString(s):
		return fmt.Errorf("the %s is not UTF-8 text", kind)
	case hasParentFolder(s):
		return fmt.Errorf("the %s leads out of its folder with '..'", kind)
	case strings.ContainsAny(s, `/\`):
		return fmt.Errorf("the %s is a path; a name without folders is needed", kind)
	}
	if err := checkLetters(kind, s); err != nil {
		return err
	}
	if len(s) > MaxName {
		return fmt.Errorf("the %s has %d bytes; at most %d are allowed", kind, len(s), MaxName)
	}
	return nil
}

func hasParentFolder(s string) bool {
	isSeparator := func(r rune) bool { return r == '/' || r == '\\' }
	return slices.Contains(strings.FieldsFunc(s, isSeparator), "..")
}

func checkLetters(kind, s string) error {
	for i, r := range s {
		switch {
		case isAlnum(r), i > 0 && strings.ContainsRune("._+~-", r):
		case unicode.IsControl(r):
			return fmt.Errorf("the %s has the control character %U in it", kind, r)
		case i == 0:
			return fmt.Errorf("the %s starts with %q; a letter or a digit is needed there", kind, r)
		case r == ' ':
			return fmt.Errorf("the %s has a space in it", kind)
		default:
			return fmt.Errorf("the %s has the character %q in it", kind, r)
		}
	}
	return nil
}

func isAlnum(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
