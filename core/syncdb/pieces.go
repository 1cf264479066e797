package syncdb

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// piece is a run of entries that is one gzip member in each of the databases. Behind the
// last piece stands a member with nothing but the end marker of the archive.
type piece struct {
	folders []string
	// size is that of its member in each database, in bytes.
	size [2]int64
}

// starts reports whether the entry of a package begins a piece: one in 64 does. Where a
// database is cut depends on the names in it and on nothing else, so that equal packages
// give equal bytes, in however many steps they came.
func starts(name string) bool { return sha256.Sum256([]byte(name))[0] < 4 }

// cutLast cuts off what stands behind the last '-', such as the architecture.
func cutLast(s string) string { return s[:max(strings.LastIndexByte(s, '-'), 0)] }

// Edit is what changes: the packages of these names go, then Put comes, over any of
// the same name.
type Edit struct {
	Drop []string
	Put  []Entry
}

// gone are the names whose entries do not stay.
func (e Edit) gone() map[string]bool {
	gone := map[string]bool{}
	for _, name := range e.Drop {
		gone[name] = true
	}
	for _, p := range e.Put {
		gone[p.Name] = true
	}
	return gone
}

// touched says which pieces of a view an edit writes anew: those that lose an entry or
// receive one, and what stands before a piece that loses its first one.
func (v *View) touched(e Edit) []bool {
	touched := make([]bool, len(v.pieces))
	for name := range e.gone() {
		i, ok := v.at[name]
		if !ok {
			continue
		}
		touched[i] = true
		if i > 0 && nameOf(v.pieces[i].folders[0]) == name {
			touched[i-1] = true
		}
	}
	for _, p := range e.Put {
		i, _ := slices.BinarySearchFunc(v.pieces, p.Folder()+"\x00", func(a piece, folder string) int {
			return cmp.Compare(a.folders[0], folder)
		})
		if len(touched) > 0 {
			touched[max(i-1, 0)] = true
		}
	}
	if !v.cut {
		for i := range touched {
			touched[i] = true
		}
	}
	return touched
}

// rewriter writes one database with an edit applied. Pieces that are not concerned are
// copied as bytes; entries that are not concerned keep their texts.
type rewriter struct {
	kind Kind
	view *View
	src  io.ReaderAt
	size int64
	edit Edit
	l    archive.Limits

	to  io.Writer
	sum hash.Hash
	n   int64
	zip *archive.GzipWriter
	tar *archive.TarWriter
	// made are the pieces that were written, open whether the last of them goes on.
	made []piece
	open bool
}

// Rewrite writes to w the database that src is, of that size, with the edit applied; v is
// what NAME.db says of the same packages. The result is sorted by folder if src is. Who
// measures publishing makes large databases with it (testdata/bench/make).
func Rewrite(w io.Writer, src io.ReaderAt, size int64, kind Kind, v *View, e Edit, l archive.Limits) error {
	_, err := (&rewriter{kind: kind, view: v, src: src, size: size, edit: e, l: l}).write(w)
	return err
}

// Write counts and hashes what goes into the file.
func (w *rewriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.n += int64(n)
	w.sum.Write(p[:n])
	return n, err
}

// write writes the database with the edit applied, sorted by folder if src is.
func (w *rewriter) write(to io.Writer) ([]piece, error) {
	w.to, w.sum = to, sha256.New()
	w.zip = archive.NewGzipWriter(w)
	put, gone := slices.Clone(w.edit.Put), w.edit.gone()
	slices.SortFunc(put, func(a, b Entry) int { return cmp.Compare(a.Folder(), b.Folder()) })
	touched, at := w.view.touched(w.edit), int64(0)
	for i := 0; i < len(touched); {
		from, size := i, int64(0)
		for ; i < len(touched) && touched[i] == touched[from]; i++ {
			size += w.view.pieces[i].size[w.kind]
		}
		if !w.view.cut {
			size = w.size
		}
		if !touched[from] {
			if err := w.copy(w.view.pieces[from:i], at, size); err != nil {
				return nil, err
			}
			at += size
			continue
		}
		var next string
		if i < len(touched) {
			next = w.view.pieces[i].folders[0]
		}
		left, err := w.merge(pieceEntries(w.src, at, size, w.l), put, gone, next)
		if err != nil {
			return nil, err
		}
		put, at = left, at+size
	}
	for _, p := range put {
		if err := w.entry(p.raw()); err != nil {
			return nil, err
		}
	}
	return w.made, w.finish()
}

// pieceEntries reads the entries of pieces that stand in a database from at on.
func pieceEntries(src io.ReaderAt, at, size int64, l archive.Limits) iter.Seq2[raw, error] {
	return func(yield func(raw, error) bool) {
		z, err := archive.Gzip(io.NewSectionReader(src, at, size), size, l)
		if err != nil {
			yield(raw{}, err)
			return
		}
		defer z.Close()
		// A piece has no end marker.
		for e, err := range entries(io.MultiReader(z, bytes.NewReader(make([]byte, 1024))), l) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// merge writes the entries that stay, and those that come ahead of the folder next, where
// they belong; it returns what of put is left.
func (w *rewriter) merge(old iter.Seq2[raw, error], put []Entry, gone map[string]bool, next string) ([]Entry, error) {
	before := func(folder string) error {
		for ; len(put) > 0 && (folder == "" || put[0].Folder() < folder); put = put[1:] {
			if err := w.entry(put[0].raw()); err != nil {
				return err
			}
		}
		return nil
	}
	for e, err := range old {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDatabase, err)
		}
		if err := before(e.folder); err != nil {
			return nil, err
		}
		if gone[nameOf(e.folder)] {
			continue
		}
		if err := w.entry(e); err != nil {
			return nil, err
		}
	}
	return put, before(next)
}

// entry writes one entry into the piece at hand, or begins one with it.
func (w *rewriter) entry(e raw) error {
	if w.open && starts(nameOf(e.folder)) {
		if err := w.end(); err != nil {
			return err
		}
	}
	if !w.open {
		w.zip.Reset(w)
		w.tar, w.open = archive.NewTarWriter(w.zip), true
		w.made = append(w.made, piece{})
		w.last().size[w.kind] = -w.n
	}
	w.last().folders = append(w.last().folders, e.folder)
	if err := w.tar.Folder(e.folder); err != nil {
		return err
	}
	if err := w.tar.File(e.folder+"/desc", e.desc); err != nil {
		return err
	}
	if w.kind == DB || e.files == nil {
		return nil
	}
	return w.tar.File(e.folder+"/files", e.files)
}

func (w *rewriter) last() *piece { return &w.made[len(w.made)-1] }

// end ends the piece at hand.
func (w *rewriter) end() error {
	if !w.open {
		return nil
	}
	w.open = false
	if err := w.tar.Flush(); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	w.last().size[w.kind] += w.n
	return nil
}

// copy takes pieces over as they are.
func (w *rewriter) copy(pieces []piece, at, size int64) error {
	if err := w.end(); err != nil {
		return err
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, io.NewSectionReader(w.src, at, size), make([]byte, 256<<10))
	if err == nil && n < size {
		err = fmt.Errorf("%w: it is cut short", ErrDatabase)
	}
	w.made = append(w.made, pieces...)
	return err
}

// finish writes the end marker.
func (w *rewriter) finish() error {
	if err := w.end(); err != nil {
		return err
	}
	w.zip.Reset(w)
	if err := archive.NewTarWriter(w.zip).Close(); err != nil {
		return err
	}
	return w.zip.Close()
}

// samePieces joins what is known of the pieces of both databases; ok is false if they do
// not have the same entries.
func samePieces(db, files []piece) (both []piece, ok bool) {
	if len(db) != len(files) {
		return nil, false
	}
	for i := range db {
		if !slices.Equal(db[i].folders, files[i].folders) {
			return nil, false
		}
		both = append(both, piece{db[i].folders, [2]int64{db[i].size[DB], files[i].size[Files]}})
	}
	return both, true
}

// wellCut reports whether pieces are such as a rewriter makes.
func wellCut(pieces []piece) error {
	last := ""
	for i, p := range pieces {
		if len(p.folders) == 0 || p.size[DB] <= 0 || p.size[Files] <= 0 {
			return fmt.Errorf("piece %d is empty", i)
		}
		for k, f := range p.folders {
			if f <= last || (k > 0 || i > 0) && (k == 0) != starts(nameOf(f)) {
				return fmt.Errorf("%s does not stand in its place", report.Shown(f))
			}
			last = f
		}
	}
	return nil
}
