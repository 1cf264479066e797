package index

import "iter"

// Nearby is what a [View] can be that knows where stanzas stand without going through
// all of them.
type Nearby interface {
	// NearBinaries yields, in the index's order, every stanza with one of these names,
	// and after each run of them the stanza that follows.
	NearBinaries(names []string) iter.Seq2[Binary, error]
	// NearSources is the same for the source index.
	NearSources(keys []SourceKey) iter.Seq2[Source, error]
}

var _ Nearby = (*Snapshot)(nil)

// NearBinaries implements [Nearby].
func (s *Snapshot) NearBinaries(names []string) iter.Seq2[Binary, error] {
	hashes := make([]uint64, len(names))
	wanted := map[string]bool{}
	for i, name := range names {
		hashes[i], wanted[name] = hashOf(name), true
	}
	return near(s.binaries, hashes, ParseBinary, func(b Binary) bool { return wanted[b.Name] })
}

// NearSources implements [Nearby].
func (s *Snapshot) NearSources(keys []SourceKey) iter.Seq2[Source, error] {
	hashes := make([]uint64, len(keys))
	wanted := map[SourceKey]bool{}
	for i, key := range keys {
		hashes[i], wanted[key] = hashOf(key.Name), true
	}
	return near(s.sources, hashes, ParseSource, func(x Source) bool { return wanted[x.Key()] })
}

// near walks from each place on until a stanza that is not wanted.
func near[T any](l list, hashes []uint64, parse func(string) (T, error), wanted func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next := place{0, -1} // the first that was not yielded yet is behind this one
		for _, at := range l.find(byName, hashes...) {
			if at.compare(next) <= 0 {
				continue
			}
			for text, err := range l.after(place{at.piece, at.at - 1}) {
				var x T
				if err == nil {
					x, err = parse(text)
				}
				if !yield(x, err) || err != nil {
					return
				}
				next = at
				if !wanted(x) {
					break
				}
				at = l.following(at)
			}
		}
	}
}

// following is the place after another one.
func (l list) following(at place) place {
	if at.at+1 < l.pieces[at.piece].len() {
		return place{at.piece, at.at + 1}
	}
	return place{at.piece + 1, 0}
}
