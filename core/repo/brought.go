package repo

import (
	"bytes"
	"maps"

	"github.com/mmpush/mmpush/core/report"
)

// Brought says which of some files, by name with their sizes in bytes, a publish of ours has
// put into the repository, as far back as the history is read. The others may be somebody's
// who has put them there himself.
func (r *Repo) Brought(files map[string]int64) (map[string]bool, error) {
	ours := map[string]bool{}
	if len(files) == 0 {
		return ours, nil
	}
	h, err := r.OpenHistory()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	open := maps.Clone(files)
	for line, err := range h.Newest() {
		if err != nil {
			return nil, err
		}
		if len(open) == 0 || h.end-line.Offset > publisherLimit {
			break
		}
		if !namesAny(line.Text, open) {
			continue
		}
		g, err := line.Generation()
		if err != nil {
			return nil, err
		}
		for _, p := range g.broughtBy() {
			if size, asked := open[p.File]; asked && p.Size == size {
				ours[p.File] = true
				delete(open, p.File)
			}
		}
	}
	return ours, nil
}

// namesAny is a quick look at the text of a record.
func namesAny(text []byte, files map[string]int64) bool {
	for name := range files {
		if bytes.Contains(text, []byte(name)) {
			return true
		}
	}
	return false
}

// broughtBy are the packages that came with a generation of ours.
func (g Generation) broughtBy() []report.Package {
	var list []report.Package
	for _, c := range g.Changes {
		if c.Action == ActionForeign {
			continue
		}
		for _, p := range c.Packages {
			if p.Action != report.ActionRemove {
				list = append(list, p)
			}
		}
	}
	return list
}
