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
	w := &writer{dst: dst, sum: newTally(), cut: s.binaries.cut, zipped: true, out: Written{file: BinaryFile}}
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
	// zipped: each piece is a gzip member.
	zipped bool
	out    Written
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
	if err == nil && w.out.size == 0 && w.zipped {
		err = archive.NewGzipWriter(w).Close() // an empty index is a member with no text
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
	var runs []*run
	for n, p := range pieces {
		if n == 0 || anew[n] != anew[n-1] {
			runs = append(runs, newRun(anew[n]))
		}
		r := runs[len(runs)-1]
		r.pieces = append(r.pieces, p)
	}
	m := makeAhead(runs, w.cut, w.zipped)
	defer m.stop()
	for _, r := range runs {
		write := w.copy
		if r.made != nil {
			write = w.put
		}
		if err := write(r); err != nil {
			return err
		}
	}
	return nil
}

// put writes the pieces that are made of a run.
func (w *writer) put(r *run) error {
	for m := range r.made {
		if <-m.done; m.err != nil {
			return m.err
		}
		from := w.out.size
		if _, err := w.Write(m.data); err != nil {
			return err
		}
		w.placed(m.piece.columns(), from, w.out.size-from)
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
func (w *writer) copy(r *run) error {
	pieces := r.pieces
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
