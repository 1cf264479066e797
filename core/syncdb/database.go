package syncdb

import (
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// The largest texts of one entry, in bytes. A package of 500,000 files has a list of
// some 30 MB.
const (
	maxDesc  = 1 << 20
	maxFiles = 64 << 20
)

// Kind is which of the two databases it is.
type Kind int

// The databases.
const (
	DB Kind = iota
	Files
)

// raw is one entry as it stands in a database.
type raw struct {
	folder      string
	desc, files []byte
}

// entries reads a database, one entry after the other, in the archive's order. Members
// of one folder follow each other, in any order.
func entries(r io.Reader, l archive.Limits) iter.Seq2[raw, error] {
	return func(yield func(raw, error) bool) {
		t := archive.Tar(r, l)
		var at raw
		for {
			m, err := t.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				yield(raw{}, err)
				return
			}
			folder, name, _ := strings.Cut(strings.TrimPrefix(m.Name, "./"), "/")
			if folder != at.folder {
				if at.desc != nil && !yield(at, nil) {
					return
				}
				at = raw{folder: folder}
			}
			if err := at.read(t, m, name); err != nil {
				yield(raw{}, err)
				return
			}
		}
		if at.desc != nil {
			yield(at, nil)
		}
	}
}

// read takes one member into the entry. What is neither desc nor files is passed over,
// as pacman does.
func (e *raw) read(t *archive.TarReader, m archive.Member, name string) error {
	text, limit := &e.desc, int64(maxDesc)
	switch name {
	case "desc":
	case "files":
		text, limit = &e.files, maxFiles
	default:
		return nil
	}
	switch {
	case m.Type != archive.FileMember:
		return fmt.Errorf("%w: %s is not an ordinary file", archive.ErrFormat, report.Shown(m.Name))
	case *text != nil:
		return fmt.Errorf("%w: %s is there twice", archive.ErrFormat, report.Shown(m.Name))
	case m.Size > limit:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are read", archive.ErrLimit, report.Shown(m.Name), m.Size, limit)
	}
	*text = make([]byte, m.Size)
	_, err := io.ReadFull(t, *text)
	return err
}

func (e Entry) raw() raw { return raw{e.Folder(), e.DescText, e.FilesText} }

// nameOf is the package's name in NAME-VERSION-RELEASE.
func nameOf(folder string) string {
	for range 2 {
		i := strings.LastIndexByte(folder, '-')
		if i < 0 {
			return folder
		}
		folder = folder[:i]
	}
	return folder
}
