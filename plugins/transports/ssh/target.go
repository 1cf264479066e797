package ssh

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// Target is a place on a machine that ssh leads to.
type Target struct {
	// User may be empty: then ssh's configuration decides.
	User string
	// Host is a name, an address or an alias of ssh's configuration.
	Host string
	// Port is 0 where ssh's configuration decides.
	Port int
	// Path is absolute, or relative to the home folder of the user there; empty
	// where the target names none.
	Path string
}

// ParseTarget reads ssh://[user@]host[:port]/path, and the same with another scheme.
// /~/path is in the home folder; without a path the other side has to know it.
func ParseTarget(u *url.URL) (Target, error) {
	t := Target{User: u.User.Username(), Host: u.Hostname()}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return t, fmt.Errorf("%s takes neither ?… nor #…; in a path they are written %%3F and %%23", u.Scheme)
	}
	if t.Host == "" {
		return t, fmt.Errorf("the host is missing: %s://HOST/PATH", u.Scheme)
	}
	if err := checkName("host", t.Host); err != nil {
		return t, err
	}
	if err := checkName("user", t.User); err != nil {
		return t, err
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return t, fmt.Errorf("the port %s is not a number from 1 to 65535", port)
		}
		t.Port = int(n)
	}
	var err error
	t.Path, err = pathOf(u.Path)
	return t, err
}

// checkName refuses what ssh would take for an option, and what a ProxyCommand or a
// Match exec of its configuration would hand to a shell.
func checkName(what, name string) error {
	if strings.HasPrefix(name, "-") {
		return fmt.Errorf("the %s %q begins with '-': ssh would take it for an option", what, name)
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("'`\";&<>|(){}$!*?#", r) {
			return fmt.Errorf("the %s %q has the character %q in it, which has no place there", what, name, r)
		}
	}
	if strings.HasSuffix(name, `\`) {
		return fmt.Errorf("the %s %q ends with a backslash", what, name)
	}
	return nil
}

// pathOf is the path as the other side is told.
func pathOf(path string) (string, error) {
	for _, r := range path {
		if unicode.IsControl(r) {
			return "", fmt.Errorf("the path %q has a control character in it", path)
		}
	}
	home, inHome := strings.CutPrefix(path, "/~")
	switch {
	case path == "" || path == "/":
		return "", nil
	case !inHome:
		return path, nil
	case home != "" && home[0] != '/':
		return "", fmt.Errorf("the path %q is in the home folder of somebody else: write it out, or use /~/ for the home folder of the user that logs in", path)
	}
	home = strings.TrimLeft(home, "/")
	if strings.HasPrefix(home, "-") {
		return "", errors.New("a path that begins with '-' would be taken for an option")
	}
	if home == "" {
		home = "."
	}
	return home, nil
}

// String is the target for people: host, with the user if one is named.
func (t Target) String() string {
	if t.User == "" {
		return t.Host
	}
	return t.User + "@" + t.Host
}
