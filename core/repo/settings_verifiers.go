package repo

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// VerifierMode is what becomes of a verifier's findings.
type VerifierMode string

// The modes; VerifierReject is the default.
const (
	// VerifierReject: what it refuses is refused.
	VerifierReject VerifierMode = "reject"
	// VerifierWarn: what it refuses is told.
	VerifierWarn VerifierMode = "warn"
	// VerifierOff: it is not asked.
	VerifierOff VerifierMode = "off"
)

// VerifierSetting is one verifier that the settings ask for.
type VerifierSetting struct {
	Name string
	Mode VerifierMode
	// Plugin is the absolute path of a program, SHA256 the hash that its bytes must
	// have; both are empty for a verifier that is built in.
	Plugin, SHA256 string
	// Timeout is how long one answer may take; 0 is the default.
	Timeout time.Duration
	// Config is what the verifier is told, a JSON object; nil if there is nothing.
	Config []byte
}

// Requires reports whether the built-in verifier of a name may refuse uploads.
func (s Settings) Requires(name string) bool {
	return slices.ContainsFunc(s.Verifiers, func(v VerifierSetting) bool {
		return v.Name == name && v.Plugin == "" && v.Mode == VerifierReject
	})
}

// verifierFile is the YAML form of one of them.
type verifierFile struct {
	Mode    VerifierMode   `yaml:"mode"`
	Plugin  string         `yaml:"plugin"`
	SHA256  string         `yaml:"sha256"`
	Timeout *string        `yaml:"timeout"`
	Config  map[string]any `yaml:"config"`
}

// yamlVerifiers is a mapping of names to verifiers, in the order of the file.
type yamlVerifiers struct{ list []VerifierSetting }

// UnmarshalYAML implements the decoder's interface.
func (v *yamlVerifiers) UnmarshalYAML(data []byte) error {
	var order yaml.MapSlice
	var files map[string]verifierFile
	if err := yaml.Unmarshal(data, &order); err != nil {
		return fmt.Errorf("is not a mapping of names to verifiers")
	}
	if err := yaml.UnmarshalWithOptions(data, &files, yaml.Strict()); err != nil {
		return fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	for _, item := range order {
		name := fmt.Sprint(item.Key)
		s, err := files[name].setting(name)
		if err != nil {
			return fmt.Errorf("the verifier %q: %w", name, err)
		}
		v.list = append(v.list, s)
	}
	return nil
}

func (f verifierFile) setting(name string) (VerifierSetting, error) {
	s := VerifierSetting{Name: name, Mode: f.Mode, Plugin: f.Plugin, SHA256: strings.ToLower(f.SHA256)}
	if s.Mode == "" {
		s.Mode = VerifierReject
	}
	switch {
	case !validVerifierName(name):
		return s, fmt.Errorf("a name is a letter, then letters, digits and + . -, all of them small")
	case s.Mode != VerifierReject && s.Mode != VerifierWarn && s.Mode != VerifierOff:
		return s, fmt.Errorf("mode: %q is not one of reject, warn, off", s.Mode)
	case (s.Plugin == "") != (s.SHA256 == ""):
		return s, fmt.Errorf("plugin and sha256 go together: a program is run only if it is pinned")
	case s.Plugin != "" && !filepath.IsAbs(s.Plugin):
		return s, fmt.Errorf("plugin: %q is not an absolute path", s.Plugin)
	case s.SHA256 != "" && (len(s.SHA256) != 64 || strings.Trim(s.SHA256, "0123456789abcdef") != ""):
		return s, fmt.Errorf("sha256: %q does not have 64 hexadecimal digits", s.SHA256)
	}
	if f.Timeout != nil {
		var err error
		if s.Timeout, err = time.ParseDuration(*f.Timeout); err != nil || s.Timeout <= 0 {
			return s, fmt.Errorf("timeout: %q is not a time such as 30s or 5m", *f.Timeout)
		}
	}
	if f.Config == nil {
		return s, nil
	}
	var err error
	if s.Config, err = json.Marshal(f.Config); err != nil {
		return s, fmt.Errorf("config: %w", err)
	}
	return s, nil
}

func validVerifierName(s string) bool {
	return s != "" && len(s) <= 64 && 'a' <= s[0] && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-") == ""
}
