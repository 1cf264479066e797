package repo

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/yamlfile"
)

// DefaultGrace is how long a file that no index names any more stays, so that
// whoever holds an older index can still download everything in it.
const DefaultGrace = 72 * time.Hour

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
	// Shared opens .mmpush to the folder's group (mode 02770).
	Shared bool
	// Sign is the key that signs what clients fetch, and KeepOld how many older versions of
	// each package stay beyond the grace time, for kinds of repository that have that.
	Sign    string
	KeepOld int
	// Limits are what one package may unpack to.
	Limits archive.Limits
	// Verifiers are asked about every change, besides the checks that cannot be
	// switched off; in the order of the file.
	Verifiers []VerifierSetting
}

// defaultSettings hold for a repository that has no settings file.
func defaultSettings(kind string) Settings {
	return Settings{Kind: kind, Grace: DefaultGrace, RetiredMax: Quota{Percent: DefaultRetiredMax}, Limits: archive.DefaultLimits()}
}

// readSettings returns the settings and whether the file is there.
func readSettings(fsys vfs.FS, repoPath, kind string) (Settings, bool, error) {
	text, err := vfs.ReadFile(fsys, SettingsFile, yamlfile.MaxSize)
	if isNotExist(err) {
		return defaultSettings(kind), false, nil
	}
	file := path.Join(repoPath, SettingsFile)
	if err != nil {
		return Settings{}, false, DiskError("open", file, err)
	}
	s, err := parseSettings(text, kind)
	if len(bytes.TrimSpace(text)) == 0 {
		// Nobody asks for nothing: it is what a power loss, or a full disk, leaves of what
		// was asked for.
		err = errors.New("is empty; a repository that asks for nothing has no such file")
	}
	if err != nil {
		return Settings{}, false, &report.Error{
			Stage: "open", Code: report.CodeSettings, Kind: report.KindUsage, File: file, Err: err,
			Hint: "man 5 mmpush-settings has all keys with their values; mmpush init writes a file with all of them",
		}
	}
	return s, true, nil
}

func isNotExist(err error) bool { return err != nil && errors.Is(err, fs.ErrNotExist) }
