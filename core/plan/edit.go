package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
)

// correct edits stanzas of the very packages of the upload where they stand.
func correct(sc scene, pl placing) (index.Edit, error) {
	var e index.Edit
	for i, old := range sc.had {
		b := pl.binaryOf(sc.add, i)
		healed, dangerous := index.Heal(*old)
		switch {
		case !sameValues(*old, b):
			e.ReplaceBinaries = append(e.ReplaceBinaries, b)
		case dangerous:
			e.ReplaceBinaries = append(e.ReplaceBinaries, healed)
		}
	}
	s := pl.sourceOf(sc.add)
	if sameSource(sc.sources[0], s) {
		return e, nil
	}
	e.DropSources = []index.SourceKey{s.Key()}
	out, err := sourcesOut(sc.view, e)
	for _, d := range out.counting() {
		e.InsertSources = append(e.InsertSources, index.InsertSource{Before: d.Source.Before, Source: s})
	}
	return e, err
}

// publish edits the index for an upload that is not there as a whole: what it replaces
// goes, and all of it is appended. The sources that went with their last binary are
// returned too.
func publish(sc scene, pl placing) (index.Edit, []index.Source, error) {
	var gone []index.Binary
	for _, old := range sc.had {
		if old != nil {
			gone = append(gone, *old)
		}
	}
	gone = append(gone, sc.lost...)
	e := dropAll(gone, sc.sources)
	own := tarball{sc.add.Source.Name, sc.add.Source.SHA256}
	orphans, err := orphansOf(sc.view, gone, e.DropSources, own)
	for _, s := range orphans {
		e.DropSources = append(e.DropSources, s.Key())
	}
	e.AppendSources = []index.Source{pl.sourceOf(sc.add)}
	for i := range sc.add.Binaries {
		e.AppendBinaries = append(e.AppendBinaries, pl.binaryOf(sc.add, i))
	}
	return e, orphans, err
}

// dropAll is the edit that takes them out.
func dropAll(binaries []index.Binary, sources []index.Source) index.Edit {
	var e index.Edit
	for _, b := range binaries {
		e.DropBinaries = append(e.DropBinaries, b.Name)
	}
	for _, s := range sources {
		e.DropSources = append(e.DropSources, s.Key())
	}
	return e
}

// tarball is how a binary names its source.
type tarball struct{ name, sha256 string }

// orphansOf returns the sources that no binary names once the given ones are gone. A
// source that had no binary before is not among them, nor one that goes anyway, nor
// those of the tarball that stays.
func orphansOf(v index.View, gone []index.Binary, going []index.SourceKey, stays tarball) ([]index.Source, error) {
	names := map[string]bool{}
	for _, b := range gone {
		names[b.Name] = true
	}
	// An empty field would select every source.
	seen := map[tarball]bool{stays: true}
	var orphans []index.Source
	for _, b := range gone {
		t := tarball{b.Source, b.SrcSHA256}
		if seen[t] || t.name == "" || t.sha256 == "" {
			continue
		}
		seen[t] = true
		left, err := v.BinariesOf(t.name, t.sha256)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(left, func(b index.Binary) bool { return !names[b.Name] }) {
			continue
		}
		sources, err := v.Sources(index.Selector{Name: t.name, SHA256: t.sha256})
		if err != nil {
			return nil, err
		}
		for _, s := range sources {
			if !slices.Contains(going, s.Key()) {
				orphans = append(orphans, s)
			}
		}
	}
	return orphans, nil
}
