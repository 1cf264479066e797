package index

import (
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/vfs"
)

// Written is what a Snapshot wrote, and where in its file each piece stands: what
// [SaveCache] keeps.
type Written struct {
	// SHA256 is of the whole file.
	SHA256 string

	file   string
	size   int64
	pieces []*piece
}

// WriteBinary writes the binary index file to dst: gzip members of some
// 256 KiB of text, cut between stanzas. Members whose stanzas have not changed are
// copied. The text is that of all stanzas, one after the other.
func (s *Snapshot) WriteBinary(dst io.Writer) (Written, error) {
	w := &writer{dst: dst, sum: newTally(), cut: s.binaries.cut, out: Written{file: BinaryFile}}
	w.zip = archive.NewGzipWriter(w)
	return w.finish(s.binaries)
}

// WriteSource writes the source index file, likewise: the texts of all stanzas, one
// after the other.
func (s *Snapshot) WriteSource(dst io.Writer) (Written, error) {
	w := &writer{dst: dst, sum: newTally(), cut: s.sources.cut, out: Written{file: SourceFile}}
	return w.finish(s.sources)
}

// writer writes one index.
type writer struct {
	dst io.Writer
	// sum is over what has been written.
	sum *tally
	cut cut
	// zip compresses into the writer itself; nil for the source index.
	zip *archive.GzipWriter
	out Written
}

// Write counts what goes to the file.
func (w *writer) Write(p []byte) (int, error) {
	n, err := w.dst.Write(p)
	w.out.size += int64(n)
	w.sum.wrote(p[:n])
	return n, err
}

func (w *writer) finish(l list) (Written, error) {
	err := w.list(l.pieces)
	if err == nil && w.out.size == 0 && w.zip != nil {
		err = w.zip.Close() // an empty index is a member with no text
	}
	if err != nil {
		return Written{}, fmt.Errorf("write %s: %w", w.out.file, err)
	}
	w.out.SHA256 = w.sum.hex()
	return w.out, nil
}

// list writes runs of pieces: those that are in a file as they are, and the others.
func (w *writer) list(pieces []*piece) error {
	anew := w.anew(pieces)
	for n := 0; n < len(pieces); {
		end := n
		for end < len(pieces) && anew[end] == anew[n] {
			end++
		}
		write := w.copy
		if anew[n] {
			write = w.make
		}
		if err := write(pieces[n:end]); err != nil {
			return err
		}
		n = end
	}
	return nil
}

// anew says which pieces are written anew: those that are in no file as they have to be,
// and neighbours of theirs, where one of the two is too short to stand alone.
func (w *writer) anew(pieces []*piece) []bool {
	list := make([]bool, len(pieces))
	for n := 0; n < len(pieces); {
		if w.kept(pieces[n]) {
			n++
			continue
		}
		first, length := n, int64(0)
		for ; n < len(pieces) && !w.kept(pieces[n]); n++ {
			list[n] = true
			length += pieces[n].length
		}
		if first > 0 && (length < w.cut.thin() || pieces[first-1].length < w.cut.thin()) {
			list[first-1] = true
			length += pieces[first-1].length
		}
		if n < len(pieces) && (length < w.cut.thin() || pieces[n].length < w.cut.thin()) {
			list[n] = true
		}
	}
	return list
}

// kept reports whether the piece can be copied as it stands in its file.
func (w *writer) kept(p *piece) bool {
	return p.src != nil && !p.ragged && p.length <= w.cut.most()
}

// copy copies pieces with what they have in the file; neighbours at once.
func (w *writer) copy(pieces []*piece) error {
	for n := 0; n < len(pieces); {
		first, end := pieces[n], n+1
		size := first.size
		for end < len(pieces) && pieces[end].src == first.src && pieces[end].from == first.from+size {
			size += pieces[end].size
			end++
		}
		if err := vfs.CopyRange(w.dst, first.src.File, first.from, size); err != nil {
			return err
		}
		for _, p := range pieces[n:end] {
			if err := w.sum.copied(p, w.out.size); err != nil {
				return err
			}
			w.placed(p.columns(), w.out.size, p.size)
			w.out.size += p.size
		}
		n = end
	}
	return nil
}

// placed notes where a piece stands now.
func (w *writer) placed(p *piece, from, size int64) {
	p.from, p.size, p.sum = from, size, w.sum.state()
	w.out.pieces = append(w.out.pieces, p)
}

// columns is a piece with the same marks and nothing else.
func (p *piece) columns() *piece {
	return &piece{marks: p.marks, saved: p.saved, length: p.length}
}

// make writes the stanzas of some pieces, cut anew into pieces of about one length.
func (w *writer) make(pieces []*piece) error {
	var left int64
	for _, p := range pieces {
		left += p.length
	}
	share := left
	if left > w.cut.most() {
		share = left / ((left + w.cut.target() - 1) / w.cut.target())
	}
	at := &piece{}
	for _, p := range pieces {
		texts, err := p.each()
		if err != nil {
			return err
		}
		for i, text := range texts {
			at.put(&stanzaAt{text: text, mark: p.mark(i)})
			if left -= int64(len(text)); at.length >= share && left >= share/2 {
				if err := w.piece(at); err != nil {
					return err
				}
				at = &piece{}
			}
		}
	}
	return w.piece(at)
}

// piece writes one new piece.
func (w *writer) piece(p *piece) error {
	if p.len() == 0 {
		return nil
	}
	from := w.out.size
	out := io.Writer(w)
	if w.zip != nil {
		w.zip.Reset(w)
		out = w.zip
	}
	block := make([]byte, 0, p.length)
	for _, text := range p.texts {
		block = append(block, text...)
	}
	if _, err := out.Write(block); err != nil {
		return err
	}
	if w.zip != nil {
		if err := w.zip.Close(); err != nil {
			return err
		}
	}
	w.placed(p.columns(), from, w.out.size-from)
	return nil
}
