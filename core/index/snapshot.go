package index

import (
	"iter"
	"slices"

	"github.com/mmpush/mmpush/core/report"
)

// Snapshot is the state of a repository; it implements [View]. What it has not read
// yet it reads from the files that it was opened from.
type Snapshot struct {
	binaries, sources list
	warnings          []report.Finding
	// files are open, if it was opened from files.
	files []*indexFile
}

var _ View = (*Snapshot)(nil)

// Binary implements [View].
func (s *Snapshot) Binary(name string) (Binary, bool, error) {
	for _, at := range slices.Backward(s.binaries.find(byName, hashOf(name))) {
		b, err := s.binaryAt(at)
		if err != nil || b.Name == name {
			return b, err == nil, err
		}
	}
	return Binary{}, false, nil
}

func (s *Snapshot) binaryAt(at place) (Binary, error) {
	text, err := s.binaries.text(at)
	if err != nil {
		return Binary{}, err
	}
	return ParseBinary(text)
}

// BinariesOf implements [View].
func (s *Snapshot) BinariesOf(source, srcsha256 string) ([]Binary, error) {
	return s.binariesAt(s.binaries.find(byGroup, hashOf(source, srcsha256)), func(b Binary) bool {
		return b.Source == source && b.SrcSHA256 == srcsha256
	})
}

// binariesAt parses the stanzas at some places and returns those that are meant.
func (s *Snapshot) binariesAt(places []place, meant func(Binary) bool) ([]Binary, error) {
	var all []Binary
	for _, at := range places {
		b, err := s.binaryAt(at)
		if err != nil {
			return nil, err
		}
		if meant(b) {
			all = append(all, b)
		}
	}
	return all, nil
}

// Sources implements [View].
func (s *Snapshot) Sources(sel Selector) ([]Source, error) {
	switch {
	case sel.Name != "":
		return s.sourcesAt(s.sources.find(byName, hashOf(sel.Name)), sel)
	case sel.SHA256 != "":
		return s.sourcesAt(s.sources.find(byGroup, hashOf(sel.SHA256)), sel)
	}
	var all []Source
	for text, err := range s.sources.all() {
		if err != nil {
			return nil, err
		}
		src, err := ParseSource(text)
		if err != nil {
			return nil, err
		}
		if sel.Matches(src) {
			all = append(all, src)
		}
	}
	return all, nil
}

func (s *Snapshot) sourcesAt(places []place, sel Selector) ([]Source, error) {
	var all []Source
	for _, at := range places {
		text, err := s.sources.text(at)
		if err != nil {
			return nil, err
		}
		src, err := ParseSource(text)
		if err != nil {
			return nil, err
		}
		if sel.Matches(src) {
			all = append(all, src)
		}
	}
	return all, nil
}

// Names implements [View].
func (s *Snapshot) Names(filename string) (bool, error) {
	if filename == "" {
		return false, nil
	}
	h := hashOf(filename)
	found, err := s.binariesAt(s.binaries.find(byFile, h), func(b Binary) bool { return b.Filename == filename })
	if err != nil || len(found) > 0 {
		return len(found) > 0, err
	}
	for _, at := range s.sources.find(byFile, h) {
		text, err := s.sources.text(at)
		if err != nil {
			return false, err
		}
		if src, err := ParseSource(text); err != nil || src.Filename == filename {
			return err == nil, err
		}
	}
	return false, nil
}

// All implements [View].
func (s *Snapshot) All() iter.Seq2[Binary, error] { return parsed(s.binaries.all()) }

func parsed(texts iter.Seq2[string, error]) iter.Seq2[Binary, error] {
	return func(yield func(Binary, error) bool) {
		var p parser
		for text, err := range texts {
			var b Binary
			if err == nil {
				b, err = p.binary(text)
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// Dangerous implements [View].
func (s *Snapshot) Dangerous() ([]Binary, error) {
	return s.binariesAt(s.binaries.dangers(), func(Binary) bool { return true })
}

// Len returns the number of stanzas in each index.
func (s *Snapshot) Len() (binaries, sources int) { return s.binaries.len(), s.sources.len() }

// Warnings returns what is odd about the files as a whole and goes away when they
// are written again: bytes after the last gzip member, which mmpack's own tool
// cannot read, and an empty first line, which crashes the client. A Snapshot that
// was not opened from files, or with the help of a cache, has none: the cache is made
// of what was written.
func (s *Snapshot) Warnings() []report.Finding { return slices.Clone(s.warnings) }

// Close gives the files back. A Snapshot that was made of this one by [Apply] reads
// them too: it is of no use after that.
func (s *Snapshot) Close() error { return closeAll(s.files) }
