package transport

import (
	"fmt"
	"net/url"
	"strings"
)

// Target is where to push to.
type Target struct {
	// Scheme is the transport's name: "dir" for a path of this machine, else the
	// URL's scheme in lower case.
	Scheme string
	// Path is the folder, for the scheme "dir".
	Path string
	// URL is set for every other scheme.
	URL *url.URL
}

// ParseTarget reads a target as the user wrote it: SCHEME://… is a URL, everything
// else a path. A password in a URL is refused: it would stand in process lists and
// logs.
func ParseTarget(text string) (Target, error) {
	if text == "" {
		return Target{}, fmt.Errorf("a target is a path or a URL; this one is empty")
	}
	scheme, _, isURL := strings.Cut(text, "://")
	if !isURL || strings.ContainsAny(scheme, "/.") {
		return Target{Scheme: "dir", Path: text}, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		// The text may hold a password: url's error would show it.
		return Target{}, fmt.Errorf("a target of the form %s://… that is not a URL", scheme)
	}
	if _, has := u.User.Password(); has {
		return Target{}, fmt.Errorf("%s: a password must not stand in a target", u.Redacted())
	}
	return Target{Scheme: strings.ToLower(u.Scheme), URL: u}, nil
}
