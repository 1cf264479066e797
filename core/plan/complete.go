package plan

import (
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
)

// complete adds to an accepted plan what follows from its edit: other stanzas to heal,
// what is taken out and where it stood, and the files that nothing names any more. An
// index that does not change is not healed.
func complete(v index.View, p Plan) (Plan, error) {
	if p.Edit.Empty() {
		return p, nil
	}
	if err := p.heal(v); err != nil {
		return Plan{}, err
	}
	binaries, err := binariesOut(v, p.Edit)
	if err != nil {
		return Plan{}, err
	}
	sources, err := sourcesOut(v, p.Edit)
	if err != nil {
		return Plan{}, err
	}
	p.Dropped = append(binaries.counting(), sources.counting()...)
	if p.Added, err = addedBy(v, p.Edit); err != nil {
		return Plan{}, err
	}
	if p.after, err = index.Apply(v, p.Edit); err != nil {
		return Plan{}, err
	}
	if p.Retires, err = retires(p.after, append(binaries.all, sources.all...)); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// heal adds the dangerous stanzas that the edit does not drop or replace anyway.
func (p *Plan) heal(v index.View) error {
	dangerous, err := v.Dangerous()
	if err != nil {
		return err
	}
	for _, d := range dangerous {
		// Where somebody else left several stanzas of a name, the last one counts, and
		// it alone stays.
		b, _, err := v.Binary(d.Name)
		if err != nil {
			return err
		}
		if !touches(p.Edit, b.Name) {
			safe, _ := index.Heal(b)
			p.Edit.ReplaceBinaries = append(p.Edit.ReplaceBinaries, safe)
			p.Findings = append(p.Findings, healedStanza(b))
			p.Packages = append(p.Packages, binaryLine(b, report.ActionHeal))
		}
	}
	return nil
}

// touches reports whether the edit drops or replaces the stanza of that name.
func touches(e index.Edit, name string) bool {
	return slices.Contains(e.DropBinaries, name) ||
		slices.ContainsFunc(e.ReplaceBinaries, func(b index.Binary) bool { return b.Name == name })
}

// outgoing are stanzas that an edit takes out of one index, in its order.
type outgoing[K comparable] struct {
	all   []Dropped
	names []K
	// last is where the last stanza of each name is in all, -1 if that one stays.
	last map[K]int
}

func (o *outgoing[K]) add(name K, d Dropped) {
	o.last[name] = len(o.all)
	o.all, o.names = append(o.all, d), append(o.names, name)
}

// counting are those that can be put back: the last one where somebody else left
// several of a name.
func (o *outgoing[K]) counting() []Dropped {
	var list []Dropped
	for i, d := range o.all {
		if o.last[o.names[i]] == i {
			list = append(list, d)
		}
	}
	return list
}

// binariesOut returns the stanzas that the edit takes out or gives other values, each
// with the next one in the index that stays as it is. A stanza that is only written in
// a safer form stays: undoing that would bring the danger back.
func binariesOut(v index.View, e index.Edit) (outgoing[string], error) {
	out := outgoing[string]{last: map[string]int{}}
	if len(e.DropBinaries)+len(e.ReplaceBinaries) == 0 {
		return out, nil
	}
	goes := map[string]bool{}
	for _, name := range e.DropBinaries {
		goes[name] = true
	}
	becomes := map[string]index.Binary{}
	for _, b := range e.ReplaceBinaries {
		becomes[b.Name] = b
	}
	placed := 0
	for b, err := range near(v, append(slices.Clone(e.DropBinaries), slices.Collect(maps.Keys(becomes))...)) {
		if err != nil {
			return out, err
		}
		r, replaced := becomes[b.Name]
		if goes[b.Name] || replaced && !sameValues(b, r) {
			out.add(b.Name, Dropped{Binary: &index.InsertBinary{Binary: b}})
			continue
		}
		if replaced {
			out.last[b.Name] = -1
		}
		for ; placed < len(out.all); placed++ {
			out.all[placed].Binary.Before = b.Name
		}
	}
	return out, nil
}

// near yields the stanzas of these names, and after them what follows: all that it takes
// to say where they stood.
func near(v index.View, names []string) iter.Seq2[index.Binary, error] {
	if n, ok := v.(index.Nearby); ok {
		return n.NearBinaries(names)
	}
	return v.All()
}

// nearSources is the same for the source index.
func nearSources(v index.View, keys []index.SourceKey) iter.Seq2[index.Source, error] {
	if n, ok := v.(index.Nearby); ok {
		return n.NearSources(keys)
	}
	return func(yield func(index.Source, error) bool) {
		all, err := v.Sources(index.Selector{})
		if err != nil {
			yield(index.Source{}, err)
			return
		}
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// sourcesOut is the same for the source index.
func sourcesOut(v index.View, e index.Edit) (outgoing[index.SourceKey], error) {
	out := outgoing[index.SourceKey]{last: map[index.SourceKey]int{}}
	if len(e.DropSources) == 0 {
		return out, nil
	}
	placed := 0
	for s, err := range nearSources(v, e.DropSources) {
		if err != nil {
			return out, err
		}
		if slices.Contains(e.DropSources, s.Key()) {
			out.add(s.Key(), Dropped{Source: &index.InsertSource{Source: s}})
			continue
		}
		for ; placed < len(out.all); placed++ {
			out.all[placed].Source.Before = s.Key()
		}
	}
	return out, nil
}

// retires returns the files of the stanzas that go that no stanza of the result names.
func retires(after *index.Snapshot, gone []Dropped) ([]File, error) {
	var files []File
	seen := map[string]bool{}
	for _, d := range gone {
		f := fileOf(d)
		if seen[f.Path] || !isPublishedPath(f.Path) {
			continue
		}
		seen[f.Path] = true
		named, err := after.Names(f.Path)
		if err != nil {
			return nil, err
		}
		if !named {
			files = append(files, f)
		}
	}
	return files, nil
}

// fileOf is the published file of a dropped stanza.
func fileOf(d Dropped) File {
	if d.Binary != nil {
		b := d.Binary.Binary
		return File{Name: path.Base(b.Filename), Path: b.Filename, Size: b.Size, SHA256: b.SHA256}
	}
	s := d.Source.Source
	return File{Name: path.Base(s.Filename), Path: s.Filename, Size: s.Size, SHA256: s.SHA256}
}

// isPublishedPath keeps what somebody else wrote into an index from getting the
// repository's own files retired: "metadata", ".mmpush/history", "../x".
func isPublishedPath(file string) bool {
	folder, base := path.Split(file)
	for part := range strings.SplitSeq(strings.TrimSuffix(folder, "/"), "/") {
		if folder != "" && (part == "" || strings.HasPrefix(part, ".")) {
			return false
		}
	}
	return manifest.ValidFileName(base) == nil
}
