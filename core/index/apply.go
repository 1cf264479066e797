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
	binaries, errB := s.editBinaries(e)
	sources, errS := s.editSources(e)
	switch err := errors.Join(errB, errS); {
	case errors.Is(err, ErrEdit):
		return nil, &report.Error{Stage: "plan", Code: report.CodeInternal, Kind: report.KindInternal, Err: err}
	case err != nil:
		return nil, err
	}
	return &Snapshot{binaries: binaries, sources: sources}, nil
}

// snapshotOf reads a View of another kind.
func snapshotOf(v View) (*Snapshot, error) {
	if s, ok := v.(*Snapshot); ok {
		return s, nil
	}
	s := &Snapshot{}
	for b, err := range v.All() {
		if err != nil {
			return nil, err
		}
		b.Text = binaryText(b)
		s.binaries.append([]*stanzaAt{{text: b.Text, mark: binaryMark(b)}})
	}
	all, err := v.Sources(Selector{})
	if err != nil {
		return nil, err
	}
	for _, src := range all {
		s.sources.append([]*stanzaAt{{text: sourceText(src), mark: sourceMark(src)}})
	}
	return s, nil
}

func (s *Snapshot) editBinaries(e Edit) (list, error) {
	p := newSplice(s.binaries, s.binariesNamed)
	for _, name := range e.DropBinaries {
		if err := p.drop(name); err != nil {
			return list{}, err
		}
	}
	for _, b := range e.ReplaceBinaries {
		x, err := newBinary(b)
		if err == nil {
			err = p.replace(b.Name, x)
		}
		if err != nil {
			return list{}, err
		}
	}
	for _, i := range e.InsertBinaries {
		if err := addBinary(p, i.Binary, i.Before); err != nil {
			return list{}, err
		}
	}
	for _, b := range e.AppendBinaries {
		if err := addBinary(p, b, ""); err != nil {
			return list{}, err
		}
	}
	return p.run()
}

func addBinary(p *splice[string], b Binary, before string) error {
	x, err := newBinary(b)
	if err != nil {
		return err
	}
	return p.add(b.Name, x, before)
}

func (s *Snapshot) editSources(e Edit) (list, error) {
	p := newSplice(s.sources, s.sourcesKeyed)
	for _, key := range e.DropSources {
		if err := p.drop(key); err != nil {
			return list{}, err
		}
	}
	for _, i := range e.InsertSources {
		if err := addSource(p, i.Source, i.Before); err != nil {
			return list{}, err
		}
	}
	for _, src := range e.AppendSources {
		if err := addSource(p, src, SourceKey{}); err != nil {
			return list{}, err
		}
	}
	return p.run()
}

func addSource(p *splice[SourceKey], s Source, before SourceKey) error {
	x, err := newSource(s)
	if err != nil {
		return err
	}
	return p.add(s.Key(), x, before)
}

// binariesNamed returns the stanzas of one name.
func (s *Snapshot) binariesNamed(name string) ([]*stanzaAt, error) {
	if name == "" {
		return nil, nil
	}
	return stanzasAt(s.binaries, s.binaries.find(byName, hashOf(name)), func(text string) (bool, error) {
		b, err := ParseBinary(text)
		return b.Name == name, err
	})
}

// sourcesKeyed returns the stanzas of one key.
func (s *Snapshot) sourcesKeyed(key SourceKey) ([]*stanzaAt, error) {
	if key == (SourceKey{}) {
		return nil, nil
	}
	return stanzasAt(s.sources, s.sources.find(byName, hashOf(key.Name)), func(text string) (bool, error) {
		src, err := ParseSource(text)
		return src.Key() == key, err
	})
}

func stanzasAt(l list, places []place, meant func(text string) (bool, error)) ([]*stanzaAt, error) {
	var found []*stanzaAt
	for _, at := range places {
		text, err := l.text(at)
		if err != nil {
			return nil, err
		}
		ok, err := meant(text)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, &stanzaAt{at: at})
		}
	}
	return found, nil
}

// newBinary is the stanza that is to be written. One without text gets one; one with a
// text must say what the values say.
func newBinary(b Binary) (*stanzaAt, error) {
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
		return nil, fmt.Errorf("%w: binary %q: %w", ErrEdit, b.Name, err)
	}
	return &stanzaAt{text: got.Text, mark: binaryMark(got)}, nil
}

// newSource is the same for a source. A new one must also be readable to mmpack's own
// tool, which takes lines apart at ": ".
func newSource(s Source) (*stanzaAt, error) {
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
		return nil, fmt.Errorf("%w: source %q: %w", ErrEdit, s.Name, err)
	}
	return &stanzaAt{text: got.Text, mark: sourceMark(got)}, nil
}
