package repo

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/yamlfile"
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

// verifiers reads a mapping of names to verifiers, in the order of the file.
func (r *settingsReader) verifiers(v yamlfile.Value, at string) {
	r.Each(v, at, "verifiers", func(e yamlfile.Entry, at string) {
		s := VerifierSetting{Name: e.Key, Mode: VerifierReject}
		if !validVerifierName(e.Key) {
			r.Wrong(e.Line, at, "a name is a letter, then letters, digits and + . -, all of them small")
		}
		r.Mapping(e.Value, at,
			yamlfile.Key{Name: "mode", Read: func(v yamlfile.Value, at string) { s.Mode = r.verifierMode(v, at) }},
			yamlfile.Key{Name: "plugin", Read: func(v yamlfile.Value, at string) { s.Plugin = r.program(v, at) }},
			yamlfile.Key{Name: "sha256", Read: func(v yamlfile.Value, at string) { s.SHA256 = r.sha256(v, at) }},
			yamlfile.Key{Name: "timeout", Read: func(v yamlfile.Value, at string) {
				if s.Timeout = r.Duration(v, at); s.Timeout == 0 {
					r.Wrong(v.Line, at, "a time is more than nothing")
				}
			}},
			yamlfile.Key{Name: "config", Read: func(v yamlfile.Value, at string) { s.Config = r.verifierConfig(v, at) }})
		if (s.Plugin == "") != (s.SHA256 == "") {
			r.Wrong(e.Line, at, "plugin and sha256 go together: a program is run only if it is pinned")
		}
		r.s.Verifiers = append(r.s.Verifiers, s)
	})
}

func (r *settingsReader) verifierMode(v yamlfile.Value, at string) VerifierMode {
	m := VerifierMode(r.Text(v, at))
	if v.Kind == yamlfile.Scalar && m != VerifierReject && m != VerifierWarn && m != VerifierOff {
		r.Wrong(v.Line, at, "%q is not one of reject, warn, off", m)
	}
	return m
}

func (r *settingsReader) program(v yamlfile.Value, at string) string {
	text := r.Text(v, at)
	if v.Kind == yamlfile.Scalar && !filepath.IsAbs(text) {
		r.Wrong(v.Line, at, "%q is not an absolute path", text)
	}
	return text
}

func (r *settingsReader) sha256(v yamlfile.Value, at string) string {
	sum := strings.ToLower(r.Text(v, at))
	if v.Kind == yamlfile.Scalar && (len(sum) != 64 || strings.Trim(sum, "0123456789abcdef") != "") {
		r.Wrong(v.Line, at, "%q does not have 64 hexadecimal digits", sum)
	}
	return sum
}

// verifierConfig is what a verifier is told, as JSON.
func (r *settingsReader) verifierConfig(v yamlfile.Value, at string) []byte {
	if v.Kind != yamlfile.Mapping {
		r.Wrong(v.Line, at, "is not a mapping")
		return nil
	}
	text, err := json.Marshal(v.Any())
	if err != nil {
		r.Wrong(v.Line, at, "%s", err)
	}
	return text
}

func validVerifierName(s string) bool {
	return s != "" && len(s) <= 64 && 'a' <= s[0] && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+.-") == ""
}

// Unverified is why whoever runs no verifiers may not change the repository; nil if its
// settings ask for none.
func (r *Repo) Unverified() error {
	for _, v := range r.Settings.Verifiers {
		if v.Mode != VerifierOff {
			return &report.Error{
				Stage: "verify", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(r.Path, SettingsFile),
				Err:  fmt.Errorf("asks for the verifier %s, which cannot be run from here", v.Name),
				Hint: "publish in a way that runs it, such as mmpush push",
			}
		}
	}
	return nil
}
