package index

import "fmt"

// splice is a change of one index's list of stanzas, in the order of an [Edit]:
// drop, replace, insert, append. K is what stanzas are named by. A name means every
// stanza that has it, except for replace and insert, where it means the last.
type splice[K comparable, T any] struct {
	key  func(*T) K
	list func(K) []*T

	gone map[*T]bool
	swap map[*T]*T
	// before has what goes in front of an old stanza; nil is the end.
	before map[*T][]*T
	// fresh are the new stanzas by name, and anchor what each stands before.
	fresh  map[K]*T
	anchor map[K]*T
}

func newSplice[K comparable, T any](key func(*T) K, list func(K) []*T) *splice[K, T] {
	return &splice[K, T]{key, list, map[*T]bool{}, map[*T]*T{}, map[*T][]*T{}, map[K]*T{}, map[K]*T{}}
}

func (p *splice[K, T]) drop(name K) {
	for _, x := range p.list(name) {
		p.gone[x] = true
	}
}

// last returns the last stanza of that name that is not dropped; nil if there is
// none.
func (p *splice[K, T]) last(name K) *T {
	list := p.list(name)
	for i := len(list) - 1; i >= 0; i-- {
		if !p.gone[list[i]] {
			return list[i]
		}
	}
	return nil
}

// replace puts x in the place of the last stanza of its name. If there are several,
// the others go: the client would go on offering them.
func (p *splice[K, T]) replace(x *T) error {
	old := p.last(p.key(x))
	if old == nil {
		return fmt.Errorf("%w: it replaces %v, which is not in the index", ErrEdit, p.key(x))
	}
	if p.swap[old] != nil {
		return fmt.Errorf("%w: it replaces %v twice", ErrEdit, p.key(x))
	}
	for _, y := range p.list(p.key(x)) {
		p.gone[y] = y != old
	}
	p.swap[old] = x
	return nil
}

// add puts x in front of the stanza named before; at the end if that is not there.
func (p *splice[K, T]) add(x *T, before K) error {
	name := p.key(x)
	if p.last(name) != nil || p.fresh[name] != nil {
		return fmt.Errorf("%w: it adds %v, which is in the index", ErrEdit, name)
	}
	at := p.last(before)
	list := p.before[at]
	i := len(list)
	if y := p.fresh[before]; y != nil {
		at = p.anchor[before]
		list = p.before[at]
		for i = 0; list[i] != y; {
			i++
		}
	}
	list = append(list, nil)
	copy(list[i+1:], list[i:])
	list[i] = x
	p.before[at], p.fresh[name], p.anchor[name] = list, x, at
	return nil
}

// run returns the new list, what is no longer in it and what is new, in its order.
func (p *splice[K, T]) run(old []*T) (all, out, in []*T) {
	if len(p.gone) == 0 && len(p.swap) == 0 && len(p.fresh) == 0 {
		return old, nil, nil
	}
	all = make([]*T, 0, len(old)+len(p.fresh))
	for _, x := range old {
		if list, ok := p.before[x]; ok {
			all, in = append(all, list...), append(in, list...)
		}
		switch y := p.swap[x]; {
		case y != nil:
			all, in, out = append(all, y), append(in, y), append(out, x)
		case p.gone[x]:
			out = append(out, x)
		default:
			all = append(all, x)
		}
	}
	tail := p.before[nil]
	return append(all, tail...), out, append(in, tail...)
}

// appends reports whether new stanzas stand at the end only.
func (p *splice[K, T]) appends() bool {
	_, tail := p.before[nil]
	return len(p.swap) == 0 && (len(p.before) == 0 || len(p.before) == 1 && tail)
}
