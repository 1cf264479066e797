package watch

import (
	"encoding/json"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// AboutFile is where the drop folder says what it is for.
const AboutFile = VerdictDir + "/.about.json"

// About is what a drop folder is for.
type About struct {
	Schema int `json:"schema"`
	// Architecture is that of the repository; packages of others are not taken.
	Architecture string `json:"architecture"`
	// Kind is the repository's, which says what it takes: manifests, or pacman's packages
	// by lists. Older watchers, which take manifests, did not say.
	Kind string `json:"kind,omitempty"`
}

// tellAbout writes it down. Who cannot read it brings everything.
func (s *Scanner) tellAbout() {
	text, err := json.Marshal(About{report.Schema, s.arch, s.kind})
	if err == nil {
		err = vfs.ReplaceFile(s.opt.Drop, AboutFile, AboutFile+newSuffix, 0o644, append(text, '\n'))
	}
	if err != nil {
		s.opt.Log.Warn("what the drop folder is for cannot be written down", "file", AboutFile, "error", err)
	}
}
