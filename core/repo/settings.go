package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// DefaultGrace is how long a file that no index names any more stays, so that
// whoever holds an older index can still download everything in it.
const DefaultGrace = 72 * time.Hour

// settingsLimit is far above what anybody writes by hand.
const settingsLimit = 1 << 20

// Mode is what the settings say about one kind of request.
type Mode string

// The modes; Ask is the default.
const (
	Ask   Mode = "ask"
	Allow Mode = "allow"
	Never Mode = "never"
)

// Policy says what is allowed, by source package: the first rule whose pattern
// matches decides; none does: [Ask].
type Policy []PolicyRule

// PolicyRule is one line of a policy; the pattern is path.Match's.
type PolicyRule struct {
	Pattern string
	Mode    Mode
}

// For returns what the policy says about one source package.
func (p Policy) For(source string) Mode {
	for _, r := range p {
		if ok, err := path.Match(r.Pattern, source); ok && err == nil {
			return r.Mode
		}
	}
	return Ask
}

// Settings are REPO/.mmpush/settings.yaml.
type Settings struct {
	// ID is random and names the repository for good, wherever it is moved.
	ID string
	// Kind is the format's name.
	Kind string
	// Rebuild, Downgrade and TakeOver are the permissions by source.
	Rebuild, Downgrade, TakeOver Policy
	// Grace is how long retired files stay; 0 deletes them at once.
	Grace time.Duration
	// RetiredMax is how much room retired files may take; beyond it the oldest go
	// before their time.
	RetiredMax Quota
	// Group shares .mmpush with the folder's group (mode 02770).
	Group bool
	// Verifiers are asked about every change, besides the checks that cannot be
	// switched off; in the order of the file.
	Verifiers []VerifierSetting
}

// defaultSettings hold for a repository that has no settings file.
func defaultSettings(kind string) Settings {
	return Settings{Kind: kind, Grace: DefaultGrace, RetiredMax: Quota{Percent: DefaultRetiredMax}}
}

// settingsFile is the YAML form.
type settingsFile struct {
	ID         string   `yaml:"id"`
	Kind       string   `yaml:"kind"`
	Rebuild    yamlMode `yaml:"rebuild"`
	Downgrade  yamlMode `yaml:"downgrade"`
	TakeOver   yamlMode `yaml:"take-over"`
	Grace      *string  `yaml:"grace"`
	RetiredMax *string  `yaml:"retired-max"`
	Group      bool     `yaml:"group"`

	Verifiers yamlVerifiers `yaml:"verifiers"`
}

// yamlMode is one word for all sources, or a mapping of patterns to words.
type yamlMode struct{ policy Policy }

// UnmarshalYAML implements the decoder's interface.
func (m *yamlMode) UnmarshalYAML(data []byte) error {
	var word string
	if err := yaml.Unmarshal(data, &word); err == nil {
		m.policy = Policy{{"*", Mode(word)}}
		return m.check()
	}
	var rules yaml.MapSlice
	if err := yaml.Unmarshal(data, &rules); err != nil {
		return fmt.Errorf("is neither ask, allow or never nor a mapping of source patterns to them")
	}
	for _, r := range rules {
		m.policy = append(m.policy, PolicyRule{fmt.Sprint(r.Key), Mode(fmt.Sprint(r.Value))})
	}
	return m.check()
}

func (m *yamlMode) check() error {
	for _, r := range m.policy {
		if r.Mode != Ask && r.Mode != Allow && r.Mode != Never {
			return fmt.Errorf("%q: is not one of ask, allow, never", r.Mode)
		}
		if _, err := path.Match(r.Pattern, ""); err != nil {
			return fmt.Errorf("%q: is not a pattern", r.Pattern)
		}
	}
	return nil
}

// parseSettings reads the YAML form; unknown keys are errors.
func parseSettings(text []byte, kind string) (Settings, error) {
	var file settingsFile
	s := defaultSettings(kind)
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&file)
	if err != nil {
		return s, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	s.ID, s.Group, s.Verifiers = file.ID, file.Group, file.Verifiers.list
	s.Rebuild, s.Downgrade, s.TakeOver = file.Rebuild.policy, file.Downgrade.policy, file.TakeOver.policy
	if file.Kind != "" {
		s.Kind = file.Kind
	}
	if file.Grace != nil {
		s.Grace, err = time.ParseDuration(*file.Grace)
		if err != nil || s.Grace < 0 {
			return s, fmt.Errorf("grace: %q is not a time such as 72h or 30m", *file.Grace)
		}
	}
	if file.RetiredMax != nil {
		if s.RetiredMax, err = parseQuota(*file.RetiredMax); err != nil {
			return s, fmt.Errorf("retired-max: %w", err)
		}
	}
	return s, nil
}

// formatSettings writes the YAML form, with what each key means.
func formatSettings(s Settings) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\nkind: %s\n", s.ID, s.Kind)
	b.WriteString("# ask: the publisher has to ask for it; allow; never.\n" +
		"# One word for all, or a mapping of source names (with * and ?) to words; the first that matches decides.\n")
	writePolicy(&b, "rebuild", s.Rebuild)
	writePolicy(&b, "downgrade", s.Downgrade)
	writePolicy(&b, "take-over", s.TakeOver)
	fmt.Fprintf(&b, "# How long replaced files stay for whoever holds an older index.\ngrace: %s\n", s.Grace)
	fmt.Fprintf(&b, "# How much of the disk they may take (10%% of it, or 20GiB); beyond that the oldest go first.\nretired-max: %s\n", s.RetiredMax)
	fmt.Fprintf(&b, "# Share this folder with its group.\ngroup: %t\n", s.Group)
	return b.Bytes()
}

func writePolicy(b *bytes.Buffer, key string, p Policy) {
	switch {
	case len(p) == 0:
		fmt.Fprintf(b, "%s: %s\n", key, Ask)
	case len(p) == 1 && p[0].Pattern == "*":
		fmt.Fprintf(b, "%s: %s\n", key, p[0].Mode)
	default:
		fmt.Fprintf(b, "%s:\n", key)
		for _, r := range p {
			fmt.Fprintf(b, "    %q: %s\n", r.Pattern, r.Mode)
		}
	}
}

// readSettings returns the settings and whether the file is there.
func readSettings(fsys vfs.FS, repoPath, kind string) (Settings, bool, error) {
	text, err := vfs.ReadFile(fsys, SettingsFile, settingsLimit)
	if isNotExist(err) {
		return defaultSettings(kind), false, nil
	}
	file := path.Join(repoPath, SettingsFile)
	if err != nil {
		return Settings{}, false, DiskError("open", file, err)
	}
	s, err := parseSettings(text, kind)
	if err != nil {
		return Settings{}, false, &report.Error{
			Stage: "open", Code: report.CodeSettings, Kind: report.KindUsage, File: file, Err: err,
			Hint: "known keys are id, kind, rebuild, downgrade, take-over, grace, retired-max, group and verifiers",
		}
	}
	return s, true, nil
}

func isNotExist(err error) bool { return err != nil && errors.Is(err, fs.ErrNotExist) }
