package index

import (
	"iter"
	"slices"

	"github.com/mmpush/mmpush/core/report"
)

// Snapshot is the state of a repository in memory; it implements [View].
type Snapshot struct {
	binaries []*binary
	sources  []*source

	byName   table[string, []*binary]
	byOrigin table[origin, []*binary]
	bySource table[string, []*source]
	// files counts the stanzas that name a file.
	files table[string, int]
	// dangerous counts the stanzas that Dangerous returns.
	dangerous int

	warnings                   []report.Finding
	binarySHA256, sourceSHA256 string
}

var _ View = (*Snapshot)(nil)

// binary is a stanza with what is looked up in it; the rest is parsed when somebody
// asks.
type binary struct {
	text      string
	name      string
	origin    origin
	filename  string
	dangerous bool
}

// origin is the source tarball that a binary was built from.
type origin struct{ source, srcsha256 string }

type source struct {
	text     string
	key      SourceKey
	filename string
}

func newBinary(b Binary) *binary {
	text := binaryText(b)
	return &binary{
		text:      text,
		name:      b.Name,
		origin:    origin{b.Source, b.SrcSHA256},
		filename:  b.Filename,
		dangerous: dangerous(text),
	}
}

func newSource(s Source) *source {
	return &source{text: sourceText(s), key: s.Key(), filename: s.Filename}
}

// newSnapshot makes the tables. The lists become the snapshot's own.
func newSnapshot(binaries []*binary, sources []*source) *Snapshot {
	s := &Snapshot{binaries: binaries, sources: sources}
	s.byName = group(binaries, binaryName)
	s.byOrigin = group(binaries, binaryOrigin)
	s.bySource = group(sources, sourceName)
	files := make(map[string]int, len(binaries)+len(sources))
	for _, b := range binaries {
		files[b.filename]++
		if b.dangerous {
			s.dangerous++
		}
	}
	for _, src := range sources {
		files[src.filename]++
	}
	s.files = table[string, int]{base: files}
	return s
}

func binaryName(b *binary) string   { return b.name }
func binaryOrigin(b *binary) origin { return b.origin }
func sourceName(s *source) string   { return s.key.Name }

// Binary implements [View].
func (s *Snapshot) Binary(name string) (Binary, bool, error) {
	list := s.byName.get(name)
	if len(list) == 0 {
		return Binary{}, false, nil
	}
	b, err := ParseBinary(list[len(list)-1].text)
	return b, err == nil, err
}

// BinariesOf implements [View].
func (s *Snapshot) BinariesOf(source, srcsha256 string) ([]Binary, error) {
	return parseBinaries(s.byOrigin.get(origin{source, srcsha256}))
}

func parseBinaries(list []*binary) ([]Binary, error) {
	var all []Binary
	for _, b := range list {
		parsed, err := ParseBinary(b.text)
		if err != nil {
			return nil, err
		}
		all = append(all, parsed)
	}
	return all, nil
}

// Sources implements [View].
func (s *Snapshot) Sources(sel Selector) ([]Source, error) {
	list := s.sources
	if sel.Name != "" {
		list = s.bySource.get(sel.Name)
	}
	var all []Source
	for _, src := range list {
		if !sel.Matches(Source{Name: src.key.Name, Version: src.key.Version, SHA256: src.key.SHA256}) {
			continue
		}
		parsed, err := ParseSource(src.text)
		if err != nil {
			return nil, err
		}
		all = append(all, parsed)
	}
	return all, nil
}

// Names implements [View].
func (s *Snapshot) Names(filename string) (bool, error) {
	return filename != "" && s.files.get(filename) > 0, nil
}

// All implements [View].
func (s *Snapshot) All() iter.Seq2[Binary, error] {
	return func(yield func(Binary, error) bool) {
		for _, b := range s.binaries {
			parsed, err := ParseBinary(b.text)
			if !yield(parsed, err) || err != nil {
				return
			}
		}
	}
}

// Dangerous implements [View].
func (s *Snapshot) Dangerous() ([]Binary, error) {
	if s.dangerous == 0 {
		return nil, nil
	}
	list := slices.DeleteFunc(slices.Clone(s.binaries), func(b *binary) bool { return !b.dangerous })
	return parseBinaries(list)
}

// Len returns the number of stanzas in each index.
func (s *Snapshot) Len() (binaries, sources int) { return len(s.binaries), len(s.sources) }

// Warnings returns what is odd about the files as a whole and goes away when they
// are written again: bytes after the last gzip member, which mmpack's own tool
// cannot read, and an empty first line, which crashes the client. A Snapshot that
// was not opened from files has none.
func (s *Snapshot) Warnings() []report.Finding { return slices.Clone(s.warnings) }

// FileSHA256 returns the SHA-256 of the two files as they were read, in lower-case
// hexadecimal digits: that of no bytes for a file that is not there. Both are empty
// if the Snapshot was not opened from files.
func (s *Snapshot) FileSHA256() (binaryIndex, sourceIndex string) {
	return s.binarySHA256, s.sourceSHA256
}
