package index

import (
	"iter"
	"runtime"
	"slices"
)

// list is one index: its pieces, in order. A list never changes.
type list struct {
	pieces []*piece
	cut    cut
}

// place is where a stanza stands: the piece, and the stanza in it.
type place struct{ piece, at int }

func (a place) compare(b place) int {
	if a.piece != b.piece {
		return a.piece - b.piece
	}
	return a.at - b.at
}

// column is one of a piece's columns of hashes.
type column func(*piece) hashes

func byName(p *piece) hashes  { return p.names }
func byGroup(p *piece) hashes { return p.groups }
func byFile(p *piece) hashes  { return p.files }

// fewHashes are looked for one by one, more of them all at once.
const fewHashes = 32

// find returns where stanzas with one of these hashes stand, in order.
func (l list) find(c column, hashes ...uint64) []place {
	if len(hashes) == 0 {
		return nil
	}
	var found []place
	if len(hashes) <= fewHashes {
		slices.Sort(hashes)
		for _, h := range slices.Compact(hashes) {
			found = append(found, l.findOne(c, h)...)
		}
		slices.SortFunc(found, place.compare)
		return found
	}
	wanted := make(map[uint64]bool, len(hashes))
	for _, h := range hashes {
		wanted[h] = true
	}
	for n, p := range l.pieces {
		column := c(p)
		for i := range p.len() {
			if wanted[column.at(i)] {
				found = append(found, place{n, i})
			}
		}
	}
	runtime.KeepAlive(l.pieces)
	return found
}

// findOne is what most questions are: nothing but comparisons.
func (l list) findOne(c column, hash uint64) []place {
	var found []place
	for n, p := range l.pieces {
		for i := range c(p).find(hash) {
			found = append(found, place{n, i})
		}
	}
	runtime.KeepAlive(l.pieces) // and with them what their columns are of
	return found
}

// text returns the stanza at a place.
func (l list) text(at place) (string, error) {
	texts, err := l.pieces[at.piece].load()
	if err != nil {
		return "", err
	}
	return texts[at.at], nil
}

// len is the number of stanzas.
func (l list) len() int {
	n := 0
	for _, p := range l.pieces {
		n += p.len()
	}
	return n
}

// all yields all stanzas' texts, in order. No more than one piece is in memory.
func (l list) all() iter.Seq2[string, error] {
	return l.after(place{0, -1})
}

// after yields the texts of the stanzas that follow a place.
func (l list) after(at place) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for n := at.piece; n < len(l.pieces); n++ {
			texts, err := l.pieces[n].each()
			if err != nil {
				yield("", err)
				return
			}
			first := 0
			if n == at.piece {
				first = at.at + 1
			}
			for _, text := range texts[first:] {
				if !yield(text, nil) {
					return
				}
			}
		}
	}
}

// dangers returns where the dangerous stanzas stand.
func (l list) dangers() []place {
	var found []place
	for n, p := range l.pieces {
		for i := range p.dangerous() {
			found = append(found, place{n, i})
		}
	}
	return found
}
