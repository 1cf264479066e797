package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// turn is one stanza on its way back: what stands there now, what the change left, and
// what was there before; each is nil where there is nothing.
type turn[T any] struct {
	now, back *T
	left      *Added
}

// moved reports whether the change left the package as it was, in another place or
// another form.
func (t turn[T]) moved(name func(T) Added) bool {
	return t.left != nil && t.back != nil && *t.left == name(*t.back)
}

// touched reports whether something else has changed the package since.
func (t turn[T]) touched(name func(T) Added) bool {
	if t.now == nil || t.left == nil {
		return t.now != nil || t.left != nil
	}
	return name(*t.now) != *t.left
}

// moot reports whether there is nothing to do: the package is as it was before the
// change, or it was only moved and something else has changed it since.
func (t turn[T]) moot(name func(T) Added) bool {
	if t.moved(name) {
		return t.touched(name)
	}
	if t.now == nil || t.back == nil {
		return t.now == nil && t.back == nil
	}
	return name(*t.now) == name(*t.back)
}

// turns are those of a reversal, in its order.
type turns struct {
	reversal Reversal
	names    []string
	binaries map[string]*turn[index.Binary]
	keys     []index.SourceKey
	sources  map[index.SourceKey]*turn[index.Source]
	// moves is true if the change did nothing but move packages.
	moves bool
}

func turnsOf(v index.View, r Reversal) (*turns, error) {
	t := &turns{reversal: r, binaries: map[string]*turn[index.Binary]{}, sources: map[index.SourceKey]*turn[index.Source]{}}
	for _, d := range r.Put {
		if d.Binary != nil {
			safe, _ := index.Heal(d.Binary.Binary)
			t.binary(safe.Name).back = &safe
		} else {
			t.source(d.Source.Source.Key()).back = &d.Source.Source
		}
	}
	for _, a := range r.Take {
		if a.Kind == report.Binary {
			t.binary(a.Name).left = &a
		} else {
			t.source(index.SourceKey{Name: a.Name, Version: a.Version, SHA256: a.SHA256}).left = &a
		}
	}
	if err := t.look(v); err != nil {
		return nil, err
	}
	t.moves = t.onlyMoves()
	t.forget(func(x *turn[index.Binary]) bool { return x.moot(addedBinary) }, func(x *turn[index.Source]) bool { return x.moot(addedSource) })
	return t, nil
}

func (t *turns) binary(name string) *turn[index.Binary] {
	if t.binaries[name] == nil {
		t.names, t.binaries[name] = append(t.names, name), &turn[index.Binary]{}
	}
	return t.binaries[name]
}

func (t *turns) source(key index.SourceKey) *turn[index.Source] {
	if t.sources[key] == nil {
		t.keys, t.sources[key] = append(t.keys, key), &turn[index.Source]{}
	}
	return t.sources[key]
}

// look finds what stands there now.
func (t *turns) look(v index.View) error {
	for name, x := range t.binaries {
		b, ok, err := v.Binary(name)
		if err != nil {
			return err
		}
		if ok {
			x.now = &b
		}
	}
	for key, x := range t.sources {
		list, err := v.Sources(index.Selector{Name: key.Name, SHA256: key.SHA256})
		if err != nil {
			return err
		}
		for _, s := range list {
			if s.Key() == key {
				x.now = &s
			}
		}
	}
	return nil
}

// forget leaves packages out, and what would come back of them.
func (t *turns) forget(binary func(*turn[index.Binary]) bool, source func(*turn[index.Source]) bool) {
	t.names = slices.DeleteFunc(t.names, func(name string) bool {
		if !binary(t.binaries[name]) {
			return false
		}
		delete(t.binaries, name)
		return true
	})
	t.keys = slices.DeleteFunc(t.keys, func(key index.SourceKey) bool {
		if !source(t.sources[key]) {
			return false
		}
		delete(t.sources, key)
		return true
	})
	t.reversal.Put = slices.DeleteFunc(slices.Clone(t.reversal.Put), func(d Dropped) bool {
		if d.Binary != nil {
			return t.binaries[d.Binary.Binary.Name] == nil
		}
		return t.sources[d.Source.Source.Key()] == nil
	})
}

// all is the edit that takes everything back, wherever it stands.
func (t *turns) all() index.Edit {
	var e index.Edit
	for _, name := range t.names {
		if t.binaries[name].now != nil {
			e.DropBinaries = append(e.DropBinaries, name)
		}
	}
	for _, key := range t.keys {
		if t.sources[key].now != nil {
			e.DropSources = append(e.DropSources, key)
		}
	}
	for _, d := range t.reversal.Put {
		if d.Binary != nil {
			safe, _ := index.Heal(d.Binary.Binary)
			e.InsertBinaries = append(e.InsertBinaries, index.InsertBinary{Before: d.Binary.Before, Binary: safe})
		} else {
			e.InsertSources = append(e.InsertSources, *d.Source)
		}
	}
	return e
}
