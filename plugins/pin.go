package plugins

import (
	"fmt"
	"strings"
)

// Pin is a program with the only content that may be run under its name.
type Pin struct {
	// Name is how the configuration calls the plugin; a transport's is its scheme.
	Name string
	// Path is the program's file.
	Path string
	// SHA256 is 64 lower-case hexadecimal digits.
	SHA256 string
}

// pinMark is between the path and the hash.
const pinMark = "@sha256:"

// ParsePin reads NAME=PATH@sha256:HEX. The name begins with a letter and goes on with
// letters, digits and "+.-"; capitals count as small letters.
func ParsePin(text string) (Pin, error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Pin{}, fmt.Errorf("%q is not of the form NAME=PATH%sHEX", text, pinMark)
	}
	at := strings.LastIndex(rest, pinMark)
	if at < 0 {
		return Pin{}, fmt.Errorf("%q has no %sHEX behind the path: only a pinned program is run", text, pinMark)
	}
	p := Pin{strings.ToLower(name), rest[:at], strings.ToLower(rest[at+len(pinMark):])}
	return p, p.check()
}

// String is the form that ParsePin reads.
func (p Pin) String() string { return p.Name + "=" + p.Path + pinMark + p.SHA256 }

func (p Pin) check() error {
	switch {
	case !validName(p.Name):
		return fmt.Errorf("%q cannot be the name of a plugin: a letter comes first, then letters, digits and + . -", p.Name)
	case p.Path == "":
		return fmt.Errorf("the plugin %s has no path", p.Name)
	case len(p.SHA256) != 64 || strings.Trim(p.SHA256, "0123456789abcdef") != "":
		return fmt.Errorf("the plugin %s is not pinned: %q is not a SHA-256 of 64 hexadecimal digits", p.Name, p.SHA256)
	}
	return nil
}

// validName is that of a URL's scheme, in small letters.
func validName(s string) bool {
	return s != "" && len(s) <= 64 && 'a' <= s[0] && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-") == ""
}
