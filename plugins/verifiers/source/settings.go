package source

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// settings are what the repository says.
type settings struct {
	Git     []rule `json:"git"`
	Members *int   `json:"members"`
}

// A source of more files than usualMembers is rare, and looking at one takes seconds.
const (
	usualMembers = 100_000
	maxMembers   = 500_000
)

// rule says which repository and tag sources of a pattern come from.
type rule struct {
	Source     string `json:"source"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
}

// Verifier looks at source tarballs.
type Verifier struct {
	limits archive.Limits
	rules  []rule
}

var _ verify.Verifier = (*Verifier)(nil)

// New makes the verifier.
func New(text []byte) (*Verifier, error) {
	var s settings
	if err := config.Decode(text, &s); err != nil {
		return nil, err
	}
	for _, r := range s.Git {
		switch {
		case config.Patterns("source", []string{r.Source}) != nil:
			return nil, fmt.Errorf("git: source: %q is not a pattern", r.Source)
		case !filepath.IsAbs(r.Repository):
			return nil, fmt.Errorf("git: repository: %q is not an absolute path", r.Repository)
		case r.Tag == "":
			return nil, errors.New("git: tag: says which tag a version has, such as v{version}")
		}
	}
	v := &Verifier{archive.DefaultLimits(), s.Git}
	v.limits.Members = usualMembers
	if s.Members != nil {
		v.limits.Members = *s.Members
	}
	if v.limits.Members < 1 || v.limits.Members > maxMembers {
		return nil, fmt.Errorf("members: %d is not a number from 1 to %d", v.limits.Members, maxMembers)
	}
	return v, nil
}

// Runs reports whether the verifier runs git.
func (v *Verifier) Runs() bool { return len(v.rules) > 0 }

// filled are the repository and the tag of one source.
func (r rule) filled(name, version string) (repository, tag string) {
	place := strings.NewReplacer("{name}", name, "{version}", version)
	return place.Replace(r.Repository), place.Replace(r.Tag)
}
