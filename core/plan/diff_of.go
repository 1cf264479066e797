package plan

import (
	"maps"
	"slices"

	"github.com/mmpush/mmpush/core/index"
)

// DiffOf is Diff for two states that edits, one after the other, lead between. It looks
// only at what they name, and takes all of that for changed, but what was only written in
// a safer form.
func DiffOf(before, after index.View, edits []index.Edit) (Delta, error) {
	names, keys := map[string]bool{}, map[index.SourceKey]bool{}
	for _, e := range edits {
		if err := touch(before, after, e, names); err != nil {
			return Delta{}, err
		}
		for _, key := range e.DropSources {
			keys[key] = true
		}
		for _, i := range e.InsertSources {
			keys[i.Source.Key()] = true
		}
		for _, x := range e.AppendSources {
			keys[x.Key()] = true
		}
	}
	var d Delta
	var err error
	if d.Dropped, err = touchedIn(before, names, keys); err == nil {
		d.Added, err = touchedIn(after, names, keys)
	}
	return d, err
}

// touch adds the names of the binaries that an edit changes.
func touch(before, after index.View, e index.Edit, names map[string]bool) error {
	for _, name := range e.DropBinaries {
		names[name] = true
	}
	for _, i := range e.InsertBinaries {
		names[i.Binary.Name] = true
	}
	for _, b := range e.AppendBinaries {
		names[b.Name] = true
	}
	for _, b := range e.ReplaceBinaries {
		same, err := sameIn(before, after, b.Name)
		if err != nil {
			return err
		}
		if !same {
			names[b.Name] = true
		}
	}
	return nil
}

// sameIn reports whether two states say the same of a package.
func sameIn(a, b index.View, name string) (bool, error) {
	x, inA, err := a.Binary(name)
	if err != nil {
		return false, err
	}
	y, inB, err := b.Binary(name)
	return inA == inB && sameValues(x, y), err
}

// touchedIn are the stanzas of these names, with their places.
func touchedIn(v index.View, names map[string]bool, keys map[index.SourceKey]bool) ([]Dropped, error) {
	var binaries []standing[string, index.Binary]
	var marked []bool
	for b, err := range near(v, slices.Collect(maps.Keys(names))) {
		if err != nil {
			return nil, err
		}
		binaries, marked = append(binaries, standing[string, index.Binary]{key: b.Name, stanza: b}), append(marked, names[b.Name])
	}
	list := placed(binaries, marked, binaryAhead)
	var sources []standing[index.SourceKey, index.Source]
	marked = nil
	for s, err := range nearSources(v, slices.Collect(maps.Keys(keys))) {
		if err != nil {
			return nil, err
		}
		sources, marked = append(sources, standing[index.SourceKey, index.Source]{key: s.Key(), stanza: s}), append(marked, keys[s.Key()])
	}
	return append(list, placed(sources, marked, sourceAhead)...), nil
}
