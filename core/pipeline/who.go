package pipeline

import (
	"bytes"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Provenance says where a published package comes from.
type Provenance struct {
	report.Package
	Source string `json:"source,omitempty"`
	// Generation is the one that published these bytes, and Change its change; 0 if
	// the history does not know: then they were there before it.
	Generation uint64    `json:"generation,omitempty"`
	Change     int       `json:"change,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	// By is the kind of change: publish, batch or foreign.
	By        string `json:"by,omitempty"`
	Who       string `json:"who,omitempty"`
	Transport string `json:"transport,omitempty"`
	Manifest  string `json:"manifest,omitempty"`
	// Back is the generation of the undo that brought the package back last; 0 if
	// none did.
	Back uint64 `json:"back,omitempty"`
}

// Trace looks all of them up in one walk through the history, whatever kind of
// repository it is.
func Trace(r *repo.Repo, list []Provenance) error {
	h, err := r.OpenHistory()
	if err != nil {
		return err
	}
	defer h.Close()
	left := len(list)
	for line, err := range h.Newest() {
		if err != nil || left == 0 {
			return err
		}
		var g *repo.Generation
		for i := range list {
			p := &list[i]
			if p.Generation > 0 || !bytes.Contains(line.Text, []byte(p.SHA256)) {
				continue
			}
			if g == nil {
				parsed, err := line.Generation()
				if err != nil {
					return err
				}
				g = &parsed
			}
			if p.found(*g) {
				left--
			}
		}
	}
	return nil
}

// found takes what a generation says about the package; true if that settles it.
func (p *Provenance) found(g repo.Generation) bool {
	for i, c := range g.Changes {
		for _, line := range c.Packages {
			if line.Kind != p.Kind || line.Name != p.Name || line.SHA256 != p.SHA256 || !brings(line.Action) {
				continue
			}
			if c.Action == repo.ActionUndo {
				p.Back = max(p.Back, g.Number)
				continue
			}
			p.Generation, p.Change, p.Time, p.By = g.Number, i+1, g.Time, c.Action
			p.Who, p.Transport, p.Manifest = c.Who, c.Transport, c.Manifest
			return true
		}
	}
	return false
}

// brings reports whether an action puts new bytes under a name.
func brings(a report.Action) bool {
	switch a {
	case report.ActionAdd, report.ActionReplace, report.ActionDowngrade, report.ActionRebuild:
		return true
	}
	return false
}
