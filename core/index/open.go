package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/stanza"
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

// Open reads both index files of the repository whose folder fsys is. A file that
// is not there, is empty or decodes to nothing is an empty index. Whether the two
// belong together is the caller's business: it holds the lock, or plans again.
//
// Errors are a *[report.Error]: with [report.CodeIndex] and the line where a file
// is damaged, with [report.CodeDisk] where reading failed.
func Open(fsys vfs.FS) (*Snapshot, error) {
	o := opening{max: maxStanzas}
	sources, sourceSum, err := readFile(fsys, SourceFile, o.sourceIndex)
	if err != nil {
		return nil, err
	}
	binaries, binarySum, err := readFile(fsys, BinaryFile, o.binaryIndex)
	if err != nil {
		return nil, err
	}
	s := newSnapshot(binaries, sources)
	s.warnings, s.binarySHA256, s.sourceSHA256 = o.warnings, binarySum, sourceSum
	return s, nil
}

// NewView makes a Snapshot of the texts of both indexes, as if they had been read
// from files. Errors are as in [Open].
func NewView(binaryText, sourceText []byte) (*Snapshot, error) {
	o := opening{max: maxStanzas}
	sources, err := o.sources(bytes.NewReader(sourceText))
	if err != nil {
		return nil, err
	}
	binaries, err := o.binaries(bytes.NewReader(binaryText))
	if err != nil {
		return nil, err
	}
	s := newSnapshot(binaries, sources)
	s.warnings = o.warnings
	return s, nil
}

// readFile reads one index and its SHA-256.
func readFile[T any](fsys vfs.FS, name string, read func(f io.ReaderAt, size int64) ([]*T, error)) ([]*T, string, error) {
	sum := sha256.New()
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hex.EncodeToString(sum.Sum(nil)), nil
	}
	if err != nil {
		return nil, "", unreadable(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, "", unreadable(name, err)
	}
	if !info.IsRegular() {
		return nil, "", damaged(name, errors.New("it is not a file"))
	}
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size)); err != nil {
		return nil, "", unreadable(name, err)
	}
	list, err := read(f, info.Size)
	return list, hex.EncodeToString(sum.Sum(nil)), err
}

// opening collects what is told about the files.
type opening struct {
	// max is the number of stanzas allowed in one index.
	max      int
	warnings []report.Finding
}

func (o *opening) warn(file string, line int, message, hint string) {
	o.warnings = append(o.warnings, report.Finding{
		Code: report.CodeIndex, Severity: report.SeverityWarning,
		File: file, Line: line, Message: message, Hint: hint,
	})
}

func (o *opening) sourceIndex(f io.ReaderAt, size int64) ([]*source, error) {
	if size > maxSourceIndex {
		return nil, damaged(SourceFile, fmt.Errorf("it has %d bytes, the limit is %d", size, maxSourceIndex))
	}
	return o.sources(io.NewSectionReader(f, 0, size))
}

func (o *opening) binaryIndex(f io.ReaderAt, size int64) ([]*binary, error) {
	list, err := o.decode(f, size)
	if !errors.Is(err, archive.ErrFormat) {
		return list, err
	}
	end, ok := membersEnd(f, size)
	if !ok || end == size {
		return nil, err
	}
	o.warn(BinaryFile, 0, fmt.Sprintf("%d bytes stand after the end of the gzip data", size-end),
		"mmpack's own repository tool cannot open such a file; the next publish writes it without them")
	return o.decode(f, end)
}

// decode reads the first size bytes of the binary index.
func (o *opening) decode(f io.ReaderAt, size int64) ([]*binary, error) {
	if size == 0 {
		return nil, nil
	}
	z, err := archive.Gzip(io.NewSectionReader(f, 0, size), size, archive.DefaultLimits())
	if err != nil {
		return nil, unreadable(BinaryFile, err)
	}
	defer z.Close()
	return o.binaries(z)
}

func (o *opening) binaries(r io.Reader) ([]*binary, error) {
	var list []*binary
	var p parser
	err := o.scan(BinaryFile, r, func(text string) error {
		b, err := p.binary(text)
		if err == nil {
			list = append(list, newBinary(b))
		}
		return err
	})
	return list, err
}

func (o *opening) sources(r io.Reader) ([]*source, error) {
	var list []*source
	var p parser
	err := o.scan(SourceFile, r, func(text string) error {
		s, err := p.source(text)
		if err == nil {
			list = append(list, newSource(s))
		}
		return err
	})
	return list, err
}

// scan calls add with each stanza.
func (o *opening) scan(file string, r io.Reader, add func(text string) error) error {
	s := stanza.NewScanner(r)
	for n := 0; s.Scan(); n++ {
		if n == o.max {
			return damaged(file, fmt.Errorf("line %d: more than %d stanzas", s.Line(), o.max))
		}
		if err := add(string(s.Text())); err != nil {
			return damaged(file, atLine(s.Line(), err))
		}
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, stanza.ErrTooLarge) || errors.Is(err, archive.ErrFormat) || errors.Is(err, archive.ErrLimit) {
			return damaged(file, err)
		}
		return unreadable(file, err)
	}
	if s.LeadingBlank() {
		o.warn(file, 1, "an empty line stands before the first stanza",
			"mmpack's programs crash on it; the next publish writes the file without it")
	}
	return nil
}

// atLine puts the place in the file in front of an error about one stanza.
func atLine(first int, err error) error {
	if syntax, ok := errors.AsType[*stanza.SyntaxError](err); ok {
		return fmt.Errorf("%w: %w", ErrStanza, &stanza.SyntaxError{Line: first + syntax.Line - 1, What: syntax.What})
	}
	return fmt.Errorf("line %d: %w", first, err)
}

func damaged(file string, err error) error {
	return &report.Error{
		Stage: "plan", Code: report.CodeIndex, Kind: report.KindInternal, File: file, Err: err,
		Hint: "nothing was changed; restore both index files from a backup, or write them again with the tool that made them",
	}
}

func unreadable(file string, err error) error {
	return &report.Error{Stage: "plan", Code: report.CodeDisk, Kind: report.KindInternal, File: file, Err: err}
}
