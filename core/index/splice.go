package index

import (
	"fmt"
	"maps"
	"slices"
)

// stanzaAt is a stanza in an edit: one of the index, with its place, or a new one.
type stanzaAt struct {
	at   place
	text string
	mark mark
}

// splice is a change of one index, in the order of an [Edit]: drop, replace, insert,
// append. K is what stanzas are named by. A name means every stanza that has it, except
// for replace and insert, where it means the last.
type splice[K comparable] struct {
	list list
	// find returns the stanzas of a name, in the index's order.
	find func(K) ([]*stanzaAt, error)
	// known has what find returned, so that a stanza is one and the same each time.
	known map[K][]*stanzaAt

	gone map[place]bool
	swap map[place]*stanzaAt
	// before has what goes in front of an old stanza; end is what comes last.
	before map[place][]*stanzaAt
	end    []*stanzaAt
	// fresh are the new stanzas by name; anchor says what each stands before.
	fresh  map[K]*stanzaAt
	anchor map[K]*place
}

func newSplice[K comparable](l list, find func(K) ([]*stanzaAt, error)) *splice[K] {
	return &splice[K]{
		list: l, find: find, known: map[K][]*stanzaAt{}, gone: map[place]bool{}, swap: map[place]*stanzaAt{},
		before: map[place][]*stanzaAt{}, fresh: map[K]*stanzaAt{}, anchor: map[K]*place{},
	}
}

func (p *splice[K]) named(name K) ([]*stanzaAt, error) {
	if list, ok := p.known[name]; ok {
		return list, nil
	}
	list, err := p.find(name)
	if err == nil {
		p.known[name] = list
	}
	return list, err
}

func (p *splice[K]) drop(name K) error {
	list, err := p.named(name)
	for _, x := range list {
		p.gone[x.at] = true
	}
	return err
}

// last returns the last stanza of that name that is not dropped; nil if there is none.
func (p *splice[K]) last(name K) (*stanzaAt, error) {
	list, err := p.named(name)
	for i := len(list) - 1; i >= 0; i-- {
		if !p.gone[list[i].at] {
			return list[i], nil
		}
	}
	return nil, err
}

// replace puts x in the place of the last stanza of its name. If there are several, the
// others go: the client would go on offering them.
func (p *splice[K]) replace(name K, x *stanzaAt) error {
	old, err := p.last(name)
	if err != nil {
		return err
	}
	if old == nil {
		return fmt.Errorf("%w: it replaces %v, which is not in the index", ErrEdit, name)
	}
	if p.swap[old.at] != nil {
		return fmt.Errorf("%w: it replaces %v twice", ErrEdit, name)
	}
	for _, y := range p.known[name] {
		if y != old {
			p.gone[y.at] = true
		}
	}
	p.swap[old.at] = x
	return nil
}

// add puts x in front of the stanza named before; at the end if that is not there.
func (p *splice[K]) add(name K, x *stanzaAt, before K) error {
	there, err := p.last(name)
	if err != nil {
		return err
	}
	if there != nil || p.fresh[name] != nil {
		return fmt.Errorf("%w: it adds %v, which is in the index", ErrEdit, name)
	}
	old, err := p.last(before)
	if err != nil {
		return err
	}
	var at *place
	if old != nil {
		at = &old.at
	}
	list := p.row(at)
	i := len(list)
	if y := p.fresh[before]; y != nil {
		at = p.anchor[before]
		list = p.row(at)
		for i = 0; list[i] != y; {
			i++
		}
	}
	list = append(list, nil)
	copy(list[i+1:], list[i:])
	list[i] = x
	if at == nil {
		p.end = list
	} else {
		p.before[*at] = list
	}
	p.fresh[name], p.anchor[name] = x, at
	return nil
}

// row is what is new in front of an old stanza; nil is the end.
func (p *splice[K]) row(at *place) []*stanzaAt {
	if at == nil {
		return p.end
	}
	return p.before[*at]
}

// run returns the list after the edit. Pieces that are not concerned are the same.
func (p *splice[K]) run() (list, error) {
	changed := p.changed()
	if len(changed) == 0 && len(p.end) == 0 {
		return p.list, nil
	}
	out := list{make([]*piece, 0, len(p.list.pieces)+1), p.list.cut}
	for n, old := range p.list.pieces {
		stanzas, touched := changed[n]
		if !touched {
			out.pieces = append(out.pieces, old)
			continue
		}
		made, err := p.rebuild(n, old, stanzas)
		if err != nil {
			return list{}, err
		}
		if made.len() > 0 {
			out.pieces = append(out.pieces, made)
		}
	}
	out.append(p.end)
	return out, nil
}

// rebuild makes a piece of an old one and what is done to it, at the stanzas of these
// numbers.
func (p *splice[K]) rebuild(n int, old *piece, changed []int) (*piece, error) {
	texts, err := old.load()
	if err != nil {
		return nil, err
	}
	made, done := &piece{}, 0
	made.grow(len(texts) + len(p.fresh))
	for _, i := range changed {
		at := place{n, i}
		made.take(old, texts, done, i)
		made.put(p.before[at]...)
		switch y := p.swap[at]; {
		case y != nil:
			made.put(y)
		case !p.gone[at]:
			made.take(old, texts, i, i+1)
		}
		done = i + 1
	}
	made.take(old, texts, done, len(texts))
	return made, nil
}

// changed are, for each piece with which something is done, the numbers of the stanzas in
// question, in order.
func (p *splice[K]) changed() map[int][]int {
	places := slices.AppendSeq(slices.Collect(maps.Keys(p.gone)), maps.Keys(p.swap))
	places = slices.AppendSeq(places, maps.Keys(p.before))
	slices.SortFunc(places, place.compare)
	list := map[int][]int{}
	for _, at := range slices.Compact(places) {
		list[at.piece] = append(list[at.piece], at.at)
	}
	return list
}

// take appends stanzas of another piece, whose texts are given, to one that is being made.
func (p *piece) take(from *piece, texts []string, first, end int) {
	p.marks.take(&from.marks, first, end)
	p.texts = append(p.texts, texts[first:end]...)
	for _, t := range texts[first:end] {
		p.length += int64(len(t))
	}
}

// grow makes room for n more stanzas.
func (p *piece) grow(n int) {
	p.marks.grow(n)
	p.texts = slices.Grow(p.texts, n)
}

// put appends stanzas to a piece that is being made.
func (p *piece) put(list ...*stanzaAt) {
	for _, x := range list {
		p.add(x.mark, len(x.text))
		p.texts = append(p.texts, x.text)
	}
}

// append puts stanzas at the end: into a copy of the last piece if that is in no file
// and not full, so that many small edits do not leave many small pieces.
func (l *list) append(end []*stanzaAt) {
	if len(end) == 0 {
		return
	}
	made := &piece{}
	if n := len(l.pieces); n > 0 && l.pieces[n-1].src == nil && l.pieces[n-1].length < l.cut.target() {
		last := l.pieces[n-1]
		made.grow(last.len() + len(end))
		made.take(last, last.texts, 0, last.len())
		l.pieces = l.pieces[:n-1]
	}
	made.put(end...)
	l.pieces = append(l.pieces, made)
}
