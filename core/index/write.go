package index

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/vfs"
)

// Written is what a Snapshot wrote, and where in its file each piece stands: what
// [SaveCache] keeps.
type Written struct {
	sum    *tally
	file   string
	size   int64
	pieces []*piece
}

// Sum waits for the SHA-256 of the whole file, which is made beside the writing: there is
// time to sync the file before it is asked for. The files that the Snapshot is of have to
// be open until then. An error is that one of them could not be read.
func (w Written) Sum() (sha256 string, err error) {
	if w.sum == nil {
		return "", errors.New("nothing was written")
	}
	return w.sum.wait()
}

// WriteBinary writes the binary index file to dst: gzip members of some
// 256 KiB of text, cut between stanzas. Members whose stanzas have not changed are
// copied. The text is that of all stanzas, one after the other.
func (s *Snapshot) WriteBinary(dst io.Writer) (Written, error) {
	w := &writer{dst: dst, cut: s.binaries.cut, zipped: true, out: Written{file: BinaryFile}}
	return w.finish(s.binaries)
}

// WriteSource writes the source index file, likewise: the texts of all stanzas, one
// after the other.
func (s *Snapshot) WriteSource(dst io.Writer) (Written, error) {
	w := &writer{dst: dst, cut: s.sources.cut, out: Written{file: SourceFile}}
	return w.finish(s.sources)
}

// writer writes one index.
type writer struct {
	dst io.Writer
	cut cut
	// zipped: each piece is a gzip member.
	zipped bool
	out    Written
}

func (w *writer) finish(l list) (Written, error) {
	w.out.sum = newTally(len(l.pieces))
	defer w.out.sum.end()
	err := w.list(l.pieces)
	if err == nil && w.out.size == 0 && w.zipped {
		err = w.empty()
	}
	if err != nil {
		return Written{}, fmt.Errorf("write %s: %w", w.out.file, err)
	}
	return w.out, nil
}

// empty writes what stands for an empty index: a member with no text.
func (w *writer) empty() error {
	var member bytes.Buffer
	if err := archive.NewGzipWriter(&member).Close(); err != nil {
		return err
	}
	return w.new(member.Bytes(), nil)
}

// new writes data that no file has, with which a piece ends, or none.
func (w *writer) new(data []byte, p *piece) error {
	n, err := w.dst.Write(data)
	w.out.size += int64(n)
	w.out.sum.add(segment{data: data, written: p})
	return err
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
		p := w.placed(m.piece, int64(len(m.data)))
		if err := w.new(m.data, p); err != nil {
			return err
		}
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
		// What is copied is summed up beside that: it is read where it comes from.
		for _, p := range pieces[n:end] {
			w.out.sum.add(segment{copied: p, at: w.out.size, written: w.placed(p, p.size)})
			w.out.size += p.size
		}
		if err := w.copyRange(first.src, first.from, size); err != nil {
			return err
		}
		n = end
	}
	return nil
}

// copyBlock is how much is copied, in bytes, before the disk begins to take it.
const copyBlock = 1 << 20

// copyRange copies bytes of a file; the disk takes them while more is copied, and while
// new pieces are made.
func (w *writer) copyRange(src *indexFile, from, size int64) error {
	for size > 0 {
		n := min(size, copyBlock)
		if err := vfs.CopyRange(w.dst, src.File, from, n); err != nil {
			return err
		}
		vfs.StartWriting(w.dst)
		from, size = from+n, size-n
	}
	return nil
}

// placed notes where a piece stands now.
func (w *writer) placed(p *piece, size int64) *piece {
	p = p.columns()
	p.from, p.size = w.out.size, size
	w.out.pieces = append(w.out.pieces, p)
	return p
}

// columns is a piece with the same marks and nothing else.
func (p *piece) columns() *piece {
	return &piece{marks: p.marks, saved: p.saved, length: p.length}
}
