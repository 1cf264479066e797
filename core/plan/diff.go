package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// Delta is what makes one state of the indexes another: stanzas that go and stanzas
// that come, each with the next one that stays. One that moves is in both.
type Delta struct {
	Dropped, Added []Dropped
}

// Empty reports whether nothing differs.
func (d Delta) Empty() bool { return len(d.Dropped)+len(d.Added) == 0 }

// Names names the stanzas that come, as [Plan].Added does.
func (d Delta) Names() []Added {
	var list []Added
	for _, a := range d.Added {
		list = append(list, a.added())
	}
	return list
}

// Diff compares two states of the indexes, whoever made the second of the first. A
// stanza that is only written in a safer form, or in one that is less safe, is the
// same.
func Diff(before, after index.View) (Delta, error) {
	a, err := binariesIn(before)
	if err != nil {
		return Delta{}, err
	}
	b, err := binariesIn(after)
	if err != nil {
		return Delta{}, err
	}
	gone, come := compare(a, b)
	d := Delta{placed(a, gone, binaryAhead), placed(b, come, binaryAhead)}
	s, err := sourcesIn(before)
	if err != nil {
		return Delta{}, err
	}
	t, err := sourcesIn(after)
	if err != nil {
		return Delta{}, err
	}
	gone, come = compare(s, t)
	d.Dropped = append(d.Dropped, placed(s, gone, sourceAhead)...)
	d.Added = append(d.Added, placed(t, come, sourceAhead)...)
	return d, nil
}

// standing is one stanza with what it is known by, and the text that tells whether two
// are the same.
type standing[K comparable, T any] struct {
	key    K
	text   string
	stanza T
}

func binariesIn(v index.View) ([]standing[string, index.Binary], error) {
	var list []standing[string, index.Binary]
	for b, err := range v.All() {
		if err != nil {
			return nil, err
		}
		safe, _ := index.Heal(b)
		list = append(list, standing[string, index.Binary]{b.Name, safe.Text, b})
	}
	return list, nil
}

func sourcesIn(v index.View) ([]standing[index.SourceKey, index.Source], error) {
	all, err := v.Sources(index.Selector{})
	var list []standing[index.SourceKey, index.Source]
	for _, s := range all {
		list = append(list, standing[index.SourceKey, index.Source]{s.Key(), s.Text, s})
	}
	return list, err
}

// compare finds what is not in both, or not in the same order: as few as possible. Of
// a name that is there several times, all are the same or none is.
func compare[K comparable, T any](a, b []standing[K, T]) (gone, come []bool) {
	type same struct {
		key  K
		text string
	}
	places := map[same][]int{}
	for i, x := range b {
		places[same{x.key, x.text}] = append(places[same{x.key, x.text}], i)
	}
	to := make([]int, len(a))
	for i, x := range a {
		to[i] = -1
		if list := places[same{x.key, x.text}]; len(list) > 0 {
			to[i], places[same{x.key, x.text}] = list[0], list[1:]
		}
	}
	gone, come = make([]bool, len(a)), make([]bool, len(b))
	for j := range come {
		come[j] = true
	}
	stays := longest(to)
	for i := range a {
		if gone[i] = !stays[i]; stays[i] {
			come[to[i]] = false
		}
	}
	differs := map[K]bool{}
	for i, x := range a {
		differs[x.key] = differs[x.key] || gone[i]
	}
	for j, x := range b {
		differs[x.key] = differs[x.key] || come[j]
	}
	for i, x := range a {
		gone[i] = differs[x.key]
	}
	for j, x := range b {
		come[j] = differs[x.key]
	}
	return gone, come
}

// longest marks the elements of a longest increasing part of the list; -1 is never in
// it.
func longest(to []int) []bool {
	var ends []int
	before := make([]int, len(to))
	for i, v := range to {
		if v < 0 {
			continue
		}
		n, _ := slices.BinarySearchFunc(ends, v, func(e, v int) int { return to[e] - v })
		if before[i] = -1; n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	stays := make([]bool, len(to))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			stays[i] = true
		}
	}
	return stays
}

// placed are the marked stanzas, each ahead of the next one that is not marked; of several
// of one key, the last.
func placed[K comparable, T any](list []standing[K, T], marked []bool, ahead func(next K, stanza T) Dropped) []Dropped {
	var out []Dropped
	var next K
	seen := map[K]bool{}
	for i := len(list) - 1; i >= 0; i-- {
		switch x := list[i]; {
		case !marked[i]:
			next = x.key
		case !seen[x.key]:
			seen[x.key] = true
			out = append(out, ahead(next, x.stanza))
		}
	}
	slices.Reverse(out)
	return out
}

func binaryAhead(next string, b index.Binary) Dropped {
	return Dropped{Binary: &index.InsertBinary{Before: next, Binary: b}}
}

func sourceAhead(next index.SourceKey, s index.Source) Dropped {
	return Dropped{Source: &index.InsertSource{Before: next, Source: s}}
}

// Packages is a line for each package that differs, the sources first. One that was
// only moved, or written in another form, is not among them.
func (d Delta) Packages() []report.Package {
	was := map[string]index.Binary{}
	sources := map[index.SourceKey]bool{}
	for _, x := range d.Dropped {
		if x.Binary != nil {
			was[x.Binary.Binary.Name] = x.Binary.Binary
		} else {
			sources[x.Source.Source.Key()] = true
		}
	}
	var lines, binaries []report.Package
	for _, x := range d.Added {
		if x.Source != nil {
			if key := x.Source.Source.Key(); sources[key] {
				delete(sources, key)
			} else {
				lines = append(lines, sourceLine(x.Source.Source, report.ActionAdd))
			}
			continue
		}
		b := x.Binary.Binary
		old, ok := was[b.Name]
		delete(was, b.Name)
		if line := binaryLine(b, report.ActionAdd); !ok {
			binaries = append(binaries, line)
		} else if !samePackage(old, b) {
			line.Previous, line.Action = old.Version, changed(old.Version, b.Version)
			binaries = append(binaries, line)
		}
	}
	for _, x := range d.Dropped {
		if x.Source != nil && sources[x.Source.Source.Key()] {
			lines = append(lines, sourceLine(x.Source.Source, report.ActionRemove))
		} else if x.Binary != nil {
			if b, gone := was[x.Binary.Binary.Name]; gone {
				binaries = append(binaries, binaryLine(b, report.ActionRemove))
			}
		}
	}
	return append(lines, binaries...)
}
