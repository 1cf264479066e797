package index

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/mmpush/mmpush/core/vfs"
)

// CheckCache compares a cache with the indexes that it is of. nil is also said where there
// is none, or where it is of others: then nobody believes it. An error whose chain has
// [ErrCache] says that it lies; any other, that an index cannot be read.
func CheckCache(fsys vfs.FS, name string) error {
	said, err := OpenCached(fsys, name)
	if err != nil {
		return err
	}
	defer said.Close()
	lists, ok := readCache(fsys, name, said.files)
	if !ok {
		return nil
	}
	is, err := Open(fsys)
	if err != nil {
		return err
	}
	defer is.Close()
	for i, l := range []list{is.binaries, is.sources} {
		tags := slices.ContainsFunc(lists[i], func(p *piece) bool { return !p.consistent() })
		if tags || !slices.Equal(slices.Collect(l.allMarks()), slices.Collect(list{pieces: lists[i]}.allMarks())) {
			return fmt.Errorf("%w: it knows other stanzas of %s than stand there", ErrCache, said.files[i].name)
		}
		if err := checkSums(said.files[i].name, lists[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkSums compares the states of a file's sum with its bytes.
func checkSums(name string, pieces []*piece) error {
	sum := newTally(len(pieces))
	var ends []*piece
	for _, p := range pieces {
		end := &piece{}
		sum.add(segment{copied: &piece{src: p.src, from: p.from, size: p.size}, at: p.from, written: end})
		ends = append(ends, end)
	}
	sum.end()
	if _, err := sum.wait(); err != nil {
		return unreadable(name, err)
	}
	for i, p := range pieces {
		if p.sum != nil && !bytes.Equal(p.sum, ends[i].sum) {
			return fmt.Errorf("%w: it knows another sum of %s", ErrCache, name)
		}
	}
	return nil
}

// allMarks yields the marks of all stanzas, in order.
func (l list) allMarks() iter.Seq[mark] {
	return func(yield func(mark) bool) {
		for _, p := range l.pieces {
			for i := range p.len() {
				if !yield(p.mark(i)) {
					return
				}
			}
		}
	}
}
