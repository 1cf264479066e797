package pipeline

import (
	"bytes"
	"time"

	"github.com/mmpush/mmpush/core/index"
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

// Who tells who published the binary packages of these names that are served now, in
// the order of the names; a name that nothing is published under is left out.
func Who(r *repo.Repo, names []string) ([]Provenance, error) {
	view, err := index.Open(r.FS)
	if err != nil {
		return nil, r.Tell("plan", err)
	}
	var list []Provenance
	for _, name := range names {
		b, ok, err := view.Binary(name)
		if err != nil {
			return nil, r.Tell("plan", err)
		}
		if ok {
			list = append(list, Provenance{Source: b.Source, Package: report.Package{
				Kind: report.Binary, Name: b.Name, Version: b.Version, Architecture: r.Arch, Action: report.ActionKeep,
				File: b.Filename, Size: b.Size, SHA256: b.SHA256,
			}})
		}
	}
	return list, Trace(r, list)
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
