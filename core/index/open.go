package index

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/mmpush/mmpush/core/vfs"
)

// The names of the two files in a repository's folder.
const (
	BinaryFile = "binary-index.gz"
	SourceFile = "source-index"
)

// maxSourceIndex bounds the source index, in bytes: some four million sources. The
// binary index is bounded as every archive is (see [archive.DefaultLimits]).
const maxSourceIndex = 1 << 30

// maxStanzas bounds the memory that an index of tiny stanzas takes.
const maxStanzas = 4 << 20

// Open opens both index files of the repository whose folder fsys is, and keeps them
// open: Close gives them back. A file that is not there, is empty or decodes to nothing
// is an empty index. Whether the two belong together is the caller's business: it holds
// the lock, or plans again.
//
// Errors are a *[report.Error]: with [report.CodeIndex] and the line where a file
// is damaged, with [report.CodeDisk] where reading failed.
func Open(fsys vfs.FS) (*Snapshot, error) { return OpenCached(fsys, "") }

// OpenCached is [Open] with the help of the cache of that name, which [SaveCache] has
// written: the files are read only where it is missing or not theirs. An error whose
// chain has [ErrCache], at any later question, means that it lied: remove it and open
// again.
func OpenCached(fsys vfs.FS, cache string) (*Snapshot, error) {
	return open(fsys, cache, maxStanzas, 0)
}

func open(fsys vfs.FS, cache string, most int, c cut) (s *Snapshot, err error) {
	files := []*indexFile{{name: BinaryFile, zipped: true}, {name: SourceFile}}
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	for _, f := range files {
		if err := f.open(fsys); err != nil {
			return nil, err
		}
	}
	s = &Snapshot{files: files, binaries: list{cut: c}, sources: list{cut: c}}
	if lists, ok := readCache(fsys, cache, files); ok {
		s.binaries.pieces, s.sources.pieces = lists[0], lists[1]
		return s, nil
	}
	sources, err := files[1].scan(most, c)
	if err != nil {
		return nil, err
	}
	binaries, err := files[0].scan(most, c)
	if err != nil {
		return nil, err
	}
	s.binaries.pieces, s.sources.pieces = binaries.pieces, sources.pieces
	s.warnings = append(sources.warnings, binaries.warnings...)
	return s, nil
}

func closeAll(files []*indexFile) error {
	var errs []error
	for _, f := range files {
		if f.File != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// open opens the file; File stays nil if there is none.
func (f *indexFile) open(fsys vfs.FS) error {
	file, err := fsys.Open(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unreadable(f.name, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = unreadable(f.name, err)
	case !info.IsRegular():
		err = damaged(f.name, errors.New("it is not a file"))
	case !f.zipped && info.Size > maxSourceIndex:
		err = damaged(f.name, fmt.Errorf("it has %d bytes, the limit is %d", info.Size, maxSourceIndex))
	}
	if err != nil {
		file.Close()
		return err
	}
	f.File, f.size = file, info.Size
	return nil
}

// scan reads the whole file.
func (f *indexFile) scan(most int, c cut) (*scanner, error) {
	s := &scanner{src: f, max: most, cut: c, mark: sourceMarker()}
	if f.zipped {
		s.mark = binaryMarker()
	}
	if f.File == nil || f.size == 0 {
		return s, nil
	}
	r := io.NewSectionReader(f.File, 0, f.size)
	if f.zipped {
		return s, s.binaryIndex(r, f.size)
	}
	return s, s.sourceIndex(r)
}

// binaryMarker parses stanzas for what is to be known of them.
func binaryMarker() func(text string) (mark, error) {
	var p parser
	return func(text string) (mark, error) {
		b, err := p.binary(text)
		return binaryMark(b), err
	}
}

func sourceMarker() func(text string) (mark, error) {
	var p parser
	return func(text string) (mark, error) {
		s, err := p.source(text)
		return sourceMark(s), err
	}
}

// NewView makes a Snapshot of the texts of both indexes, as if they had been read
// from files. Errors are as in [Open].
func NewView(binaryText, sourceText []byte) (*Snapshot, error) {
	binaries, err := textPieces(BinaryFile, binaryText, binaryMarker())
	if err != nil {
		return nil, err
	}
	sources, err := textPieces(SourceFile, sourceText, sourceMarker())
	if err != nil {
		return nil, err
	}
	return &Snapshot{binaries: list{pieces: binaries.pieces}, sources: list{pieces: sources.pieces},
		warnings: append(sources.warnings, binaries.warnings...)}, nil
}

// textPieces reads a text into pieces that are in no file.
func textPieces(name string, text []byte, mark func(string) (mark, error)) (*scanner, error) {
	s := &scanner{src: &indexFile{name: name}, max: maxStanzas, mark: mark, keep: true}
	if err := s.piece(text, 0, int64(len(text))); err != nil {
		return nil, err
	}
	for _, p := range s.pieces {
		p.src = nil
	}
	return s, nil
}
