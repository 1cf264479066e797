package index

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// marks are the marks of a run of stanzas, a column each: a question runs through one of
// them. They are as they stand in the cache, so that nothing is made of them before
// somebody asks.
type marks struct {
	names, groups, files hashes
	// danger is 1 for a dangerous stanza, else 0.
	danger []byte
}

// hashes are 64 bits each, little-endian.
type hashes []byte

// hashSize is the length of one, in bytes.
const hashSize = 8

// markSize is what a stanza takes in all columns, in bytes.
const markSize = 3*hashSize + 1

func (h hashes) at(i int) uint64 { return binary.LittleEndian.Uint64(h[hashSize*i:]) }

func (h hashes) with(hash uint64) hashes { return binary.LittleEndian.AppendUint64(h, hash) }

// all yields the hashes with their numbers.
func (h hashes) all() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for i := 0; hashSize*i < len(h) && yield(i, h.at(i)); i++ {
		}
	}
}

// find yields the numbers of those that are equal to hash: nothing but comparisons.
func (h hashes) find(hash uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i+hashSize <= len(h); i += hashSize {
			if binary.LittleEndian.Uint64(h[i:]) == hash && !yield(i/hashSize) {
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
	m.names, m.groups, m.files = m.names.with(x.name), m.groups.with(x.group), m.files.with(x.file)
	d := byte(0)
	if x.dangerous {
		d = 1
	}
	m.danger = append(m.danger, d)
}

// dangerous yields the numbers of the dangerous stanzas.
func (m *marks) dangerous() iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; from++ {
			n := bytes.IndexByte(m.danger[from:], 1)
			if n < 0 || !yield(from+n) {
				return
			}
			from += n
		}
	}
}

// appendTo appends the columns, one after the other.
func (m *marks) appendTo(data []byte) []byte {
	for _, column := range [][]byte{m.names, m.groups, m.files, m.danger} {
		data = append(data, column...)
	}
	return data
}

// marksOf takes the columns of n stanzas apart, without copying them.
func marksOf(data []byte, n int) marks {
	at := func(k int) hashes { return data[k*hashSize*n : (k+1)*hashSize*n : (k+1)*hashSize*n] }
	return marks{at(0), at(1), at(2), data[3*hashSize*n : markSize*n : markSize*n]}
}
