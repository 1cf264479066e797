package index

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/stanza"
)

// ErrEdit is in the chain of every error that means: this edit was not made for
// this index.
var ErrEdit = errors.New("the edit does not fit the index")

// Apply returns the state after the edit; v stays as it is. It costs about as much
// as the edit is large, if v is a [Snapshot]; any other View is read first.
//
// A name in the edit means every stanza that has it, and the last one where a place
// is meant. Dropping what is not there is no error. Errors are a *[report.Error]
// whose chain has [ErrEdit]: a replaced stanza is not there, an added one is there
// already, or a new stanza would not read back as its values.
func Apply(v View, e Edit) (*Snapshot, error) {
	s, err := snapshotOf(v)
	if err != nil {
		return nil, err
	}
	next := *s
	next.warnings, next.binarySHA256, next.sourceSHA256 = nil, "", ""
	if err := errors.Join(next.editBinaries(e), next.editSources(e)); err != nil {
		return nil, &report.Error{Stage: "plan", Code: report.CodeInternal, Kind: report.KindInternal, Err: err}
	}
	return &next, nil
}

// snapshotOf reads a View of another kind.
func snapshotOf(v View) (*Snapshot, error) {
	if s, ok := v.(*Snapshot); ok {
		return s, nil
	}
	var binaries []*binary
	for b, err := range v.All() {
		if err != nil {
			return nil, err
		}
		binaries = append(binaries, newBinary(b))
	}
	list, err := v.Sources(Selector{})
	if err != nil {
		return nil, err
	}
	sources := make([]*source, len(list))
	for i, src := range list {
		sources[i] = newSource(src)
	}
	return newSnapshot(binaries, sources), nil
}

func (s *Snapshot) editBinaries(e Edit) error {
	p := newSplice(binaryName, s.byName.get)
	for _, name := range e.DropBinaries {
		p.drop(name)
	}
	for _, b := range e.ReplaceBinaries {
		if err := withBinary(b, p.replace); err != nil {
			return err
		}
	}
	for _, i := range e.InsertBinaries {
		if err := withBinary(i.Binary, func(b *binary) error { return p.add(b, i.Before) }); err != nil {
			return err
		}
	}
	for _, b := range e.AppendBinaries {
		if err := withBinary(b, func(b *binary) error { return p.add(b, "") }); err != nil {
			return err
		}
	}
	all, out, in := p.run(s.binaries)
	s.binaries = all
	s.byName = regroup(s.byName, binaryName, out, in, all, p.appends())
	s.byOrigin = regroup(s.byOrigin, binaryOrigin, out, in, all, p.appends())
	s.files = recount(s.files, out, in, func(b *binary) string { return b.filename })
	s.dangerous += countDangerous(in) - countDangerous(out)
	return nil
}

func (s *Snapshot) editSources(e Edit) error {
	p := newSplice(func(s *source) SourceKey { return s.key }, s.sourcesOf)
	for _, key := range e.DropSources {
		p.drop(key)
	}
	for _, i := range e.InsertSources {
		if err := withSource(i.Source, func(s *source) error { return p.add(s, i.Before) }); err != nil {
			return err
		}
	}
	for _, src := range e.AppendSources {
		if err := withSource(src, func(s *source) error { return p.add(s, SourceKey{}) }); err != nil {
			return err
		}
	}
	all, out, in := p.run(s.sources)
	s.sources = all
	s.bySource = regroup(s.bySource, sourceName, out, in, all, p.appends())
	s.files = recount(s.files, out, in, func(s *source) string { return s.filename })
	return nil
}

func (s *Snapshot) sourcesOf(key SourceKey) []*source {
	var list []*source
	for _, src := range s.bySource.get(key.Name) {
		if src.key == key {
			list = append(list, src)
		}
	}
	return list
}

// withBinary calls use with the stanza that is to be written. A stanza without text
// gets one; one with a text must say what the values say.
func withBinary(b Binary, use func(*binary) error) error {
	want := b
	want.Text = binaryText(b)
	got, err := ParseBinary(want.Text)
	switch {
	case err != nil:
	case len(want.Text) > stanza.MaxSize:
		// Whoever opens the index next could not read it.
		err = fmt.Errorf("it has %d bytes; at most %d can be read back", len(want.Text), stanza.MaxSize)
	case got != want:
		err = fmt.Errorf("its text reads as other values: %q", want.Text)
	}
	if err != nil {
		return fmt.Errorf("%w: binary %q: %w", ErrEdit, b.Name, err)
	}
	return use(newBinary(got))
}

// withSource is the same for a source. A new one must also be readable to mmpack's
// own tool, which takes lines apart at ": ".
func withSource(s Source, use func(*source) error) error {
	want := s
	want.Text = sourceText(s)
	got, err := ParseSource(want.Text)
	switch {
	case err != nil:
	case got != want:
		err = fmt.Errorf("its text reads as other values: %q", want.Text)
	case s.Text == "" && strings.Count(want.Text, ": ") != strings.Count(want.Text, "\n")-1:
		err = fmt.Errorf("a value holds ': ': %q", want.Text)
	}
	if err != nil {
		return fmt.Errorf("%w: source %q: %w", ErrEdit, s.Name, err)
	}
	return use(newSource(got))
}

// recount returns how many stanzas name each file, after out went and in came.
func recount[T any](files table[string, int], out, in []*T, name func(*T) string) table[string, int] {
	changes := map[string]int{}
	add := func(list []*T, n int) {
		for _, x := range list {
			old, ok := changes[name(x)]
			if !ok {
				old = files.get(name(x))
			}
			changes[name(x)] = old + n
		}
	}
	add(out, -1)
	add(in, 1)
	return files.with(changes, func(n int) bool { return n == 0 })
}

func countDangerous(list []*binary) int {
	n := 0
	for _, b := range list {
		if b.dangerous {
			n++
		}
	}
	return n
}
