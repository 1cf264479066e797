package index

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"
)

// marks are the marks of a run of stanzas, a column each: a question runs through one of
// them. They are as they stand in the cache, so that nothing is made of them before
// somebody asks.
type marks struct {
	names, groups, files hashes
	// danger is 1 for a dangerous stanza, else 0.
	danger []byte
}

// hashes are a column of them, 64 bits each, little-endian. Of each the lowest byte stands
// among the tags, too: a question looks for that, which the machine does many at a time.
type hashes struct{ full, tags []byte }

const (
	// hashSize is the length of a hash, in bytes.
	hashSize = 8
	// markSize is what a stanza takes in all columns, in bytes.
	markSize = 3*(hashSize+1) + 1
)

func (h hashes) at(i int) uint64 { return binary.LittleEndian.Uint64(h.full[hashSize*i:]) }

func (h *hashes) add(hash uint64) {
	h.full = binary.LittleEndian.AppendUint64(h.full, hash)
	h.tags = append(h.tags, byte(hash))
}

// find yields the numbers of those that are equal to hash.
func (h hashes) find(hash uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range places(h.tags, byte(hash)) {
			if h.at(i) == hash && !yield(i) {
				return
			}
		}
	}
}

// places yields where b stands.
func places(data []byte, b byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; from++ {
			n := bytes.IndexByte(data[from:], b)
			if from += n; n < 0 || !yield(from) {
				return
			}
		}
	}
}

func (m *marks) len() int { return len(m.danger) }

func (m *marks) mark(i int) mark {
	return mark{m.names.at(i), m.groups.at(i), m.files.at(i), m.danger[i] == 1}
}

func (m *marks) add(x mark) {
	m.names.add(x.name)
	m.groups.add(x.group)
	m.files.add(x.file)
	d := byte(0)
	if x.dangerous {
		d = 1
	}
	m.danger = append(m.danger, d)
}

// take appends those of some stanzas of another run.
func (m *marks) take(from *marks, first, end int) {
	m.names.take(from.names, first, end)
	m.groups.take(from.groups, first, end)
	m.files.take(from.files, first, end)
	m.danger = append(m.danger, from.danger[first:end]...)
}

func (h *hashes) take(from hashes, first, end int) {
	h.full = append(h.full, from.full[hashSize*first:hashSize*end]...)
	h.tags = append(h.tags, from.tags[first:end]...)
}

// grow makes room for the marks of n more stanzas.
func (m *marks) grow(n int) {
	for _, h := range []*hashes{&m.names, &m.groups, &m.files} {
		h.full, h.tags = slices.Grow(h.full, hashSize*n), slices.Grow(h.tags, n)
	}
	m.danger = slices.Grow(m.danger, n)
}

// consistent reports whether each tag is that of its hash.
func (m *marks) consistent() bool {
	for i := range m.len() {
		for _, h := range []hashes{m.names, m.groups, m.files} {
			if h.tags[i] != byte(h.at(i)) {
				return false
			}
		}
	}
	return true
}

// dangerous yields the numbers of the dangerous stanzas.
func (m *marks) dangerous() iter.Seq[int] { return places(m.danger, 1) }

// appendTo appends the columns, one after the other.
func (m *marks) appendTo(data []byte) []byte {
	for _, column := range [][]byte{m.names.full, m.groups.full, m.files.full, m.names.tags, m.groups.tags, m.files.tags, m.danger} {
		data = append(data, column...)
	}
	return data
}

// marksOf takes the columns of n stanzas apart, without copying them.
func marksOf(data []byte, n int) marks {
	cut := func(size int) []byte {
		column := data[: size*n : size*n]
		data = data[size*n:]
		return column
	}
	m := marks{names: hashes{full: cut(hashSize)}, groups: hashes{full: cut(hashSize)}, files: hashes{full: cut(hashSize)}}
	m.names.tags, m.groups.tags, m.files.tags, m.danger = cut(1), cut(1), cut(1), cut(1)
	return m
}
