package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// settings are what the repository says.
type settings struct {
	Sources  names    `json:"sources"`
	Packages names    `json:"packages"`
	Size     sizes    `json:"size"`
	Version  string   `json:"version"`
	Fields   []string `json:"fields"`
	Changes  []change `json:"changes"`
}

// names says which names may be published.
type names struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

type sizes struct {
	Package  string `json:"package"`
	Source   string `json:"source"`
	Upload   string `json:"upload"`
	Unpacked string `json:"unpacked"`
}

// change says what may not be done to the sources of a pattern.
type change struct {
	Source string   `json:"source"`
	Forbid []string `json:"forbid"`
}

// What a rule can forbid.
const (
	downgrade = "downgrade"
	rebuild   = "rebuild"
	takeOver  = "take-over"
	remove    = "remove"
	isNew     = "new"
)

// Verifier holds the rules.
type Verifier struct {
	settings
	version *regexp.Regexp
	// The sizes in bytes; 0 is no limit.
	pkg, source, upload, unpacked int64
}

// New makes the verifier.
func New(text []byte) (*Verifier, error) {
	v := &Verifier{}
	if err := config.Decode(text, &v.settings); err != nil {
		return nil, err
	}
	if v.Version != "" {
		_, err := regexp.Compile(v.Version)
		if err == nil {
			v.version, err = regexp.Compile(`^(?:` + v.Version + `)$`)
		}
		if err != nil {
			return nil, fmt.Errorf("version: %w", err)
		}
	}
	return v, errors.Join(v.checkNames(), v.checkSizes(), v.checkFields(), v.checkChanges())
}

func (v *Verifier) checkNames() error {
	return errors.Join(config.Patterns("sources: allow", v.Sources.Allow), config.Patterns("sources: deny", v.Sources.Deny),
		config.Patterns("packages: allow", v.Packages.Allow), config.Patterns("packages: deny", v.Packages.Deny))
}

func (v *Verifier) checkSizes() error {
	for _, s := range []struct {
		key, text string
		to        *int64
	}{
		{"package", v.Size.Package, &v.pkg}, {"source", v.Size.Source, &v.source}, {"upload", v.Size.Upload, &v.upload}, {"unpacked", v.Size.Unpacked, &v.unpacked},
	} {
		var err error
		if *s.to, err = config.Bytes("size: "+s.key, s.text); err != nil {
			return err
		}
	}
	return nil
}

func (v *Verifier) checkFields() error {
	known := []string{"description", "depends", "sysdepends"}
	for _, f := range v.Fields {
		if !slices.Contains(known, f) {
			return fmt.Errorf("fields: %q is not one of %s; a package says nothing else that could be missing", f, strings.Join(known, ", "))
		}
	}
	return nil
}

func (v *Verifier) checkChanges() error {
	known := []string{downgrade, rebuild, takeOver, remove, isNew}
	for _, c := range v.Changes {
		if err := config.Patterns("changes: source", []string{c.Source}); err != nil {
			return err
		}
		for _, f := range c.Forbid {
			if !slices.Contains(known, f) {
				return fmt.Errorf("changes: forbid: %q is not one of %s", f, strings.Join(known, ", "))
			}
		}
	}
	return nil
}

// forbids reports whether a source may not be changed so.
func (v *Verifier) forbids(source, what string) bool {
	for _, c := range v.Changes {
		if config.Matches([]string{c.Source}, source) {
			return slices.Contains(c.Forbid, what)
		}
	}
	return false
}
