package index

import (
	"cmp"
	"maps"
	"slices"
)

// table is a map that never changes: what differs from the large base is in over,
// so that the next table costs what has changed and not what there is.
type table[K comparable, V any] struct {
	base, over map[K]V
}

func (t table[K, V]) get(key K) V {
	if v, ok := t.over[key]; ok {
		return v
	}
	return t.base[key]
}

// with returns the table with other values for some keys; none tells which values
// are as good as no entry.
func (t table[K, V]) with(changes map[K]V, none func(V) bool) table[K, V] {
	if len(changes) == 0 {
		return t
	}
	over := make(map[K]V, len(t.over)+len(changes))
	maps.Copy(over, t.over)
	maps.Copy(over, changes)
	if len(over) < 1000+len(t.base)/8 {
		return table[K, V]{t.base, over}
	}
	base := make(map[K]V, len(t.base))
	maps.Copy(base, t.base)
	maps.Copy(base, over)
	maps.DeleteFunc(base, func(_ K, v V) bool { return none(v) })
	return table[K, V]{base: base}
}

// group makes a table of lists, each in the order of all.
func group[K comparable, T any](all []*T, key func(*T) K) table[K, []*T] {
	base := make(map[K][]*T, len(all))
	for _, x := range all {
		k := key(x)
		base[k] = append(base[k], x)
	}
	return table[K, []*T]{base: base}
}

// regroup takes stanzas out of a table of lists and puts others in. The lists that
// change are brought into the order of all if ordered is false, that is, if a new
// one may stand before an old one.
func regroup[K comparable, T any](t table[K, []*T], key func(*T) K, out, in, all []*T, ordered bool) table[K, []*T] {
	changes := map[K][]*T{}
	list := func(k K) []*T {
		if l, ok := changes[k]; ok {
			return l
		}
		return slices.Clone(t.get(k))
	}
	for _, x := range out {
		k := key(x)
		changes[k] = slices.DeleteFunc(list(k), func(y *T) bool { return y == x })
	}
	for _, x := range in {
		k := key(x)
		changes[k] = append(list(k), x)
	}
	if !ordered {
		sortLists(changes, all)
	}
	return t.with(changes, func(l []*T) bool { return len(l) == 0 })
}

// sortLists sorts each list by the places in all.
func sortLists[K comparable, T any](lists map[K][]*T, all []*T) {
	place := map[*T]int{}
	for _, l := range lists {
		for _, x := range l {
			place[x] = 0
		}
	}
	for i, x := range all {
		if _, ok := place[x]; ok {
			place[x] = i
		}
	}
	for _, l := range lists {
		slices.SortFunc(l, func(x, y *T) int { return cmp.Compare(place[x], place[y]) })
	}
}
