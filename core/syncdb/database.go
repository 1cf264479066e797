package syncdb

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
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

// View is what a database says: its packages by name.
type View struct {
	byName map[string]Desc
	names  []string
}

// ErrDatabase is in the chain of every error that means: the database cannot be used.
var ErrDatabase = errors.New("the database is damaged")

// ReadView reads NAME.db from r, which is not compressed.
func ReadView(r io.Reader, l archive.Limits) (*View, error) {
	v := &View{byName: map[string]Desc{}}
	for e, err := range entries(r, l) {
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDatabase, err)
		}
		d, err := parseDesc(e.desc)
		if err != nil {
			return nil, fmt.Errorf("%w: %s/desc: %w", ErrDatabase, report.Shown(e.folder), err)
		}
		if d.Folder() != e.folder {
			return nil, fmt.Errorf("%w: the entry of %s stands in %s", ErrDatabase, d.Folder(), report.Shown(e.folder))
		}
		if _, twice := v.byName[d.Name]; twice {
			return nil, fmt.Errorf("%w: it has %s twice", ErrDatabase, d.Name)
		}
		v.byName[d.Name] = d
		v.names = append(v.names, d.Name)
	}
	return v, nil
}

// Package returns the package of that name.
func (v *View) Package(name string) (Desc, bool) {
	d, ok := v.byName[name]
	return d, ok
}

// All yields the packages in the database's order.
func (v *View) All() iter.Seq[Desc] {
	return func(yield func(Desc) bool) {
		for _, name := range v.names {
			if !yield(v.byName[name]) {
				return
			}
		}
	}
}

// Len is the number of packages.
func (v *View) Len() int { return len(v.names) }

// Edit is what changes: the packages of these names go, then Put comes, over any of
// the same name.
type Edit struct {
	Drop []string
	Put  []Entry
}

// Rewrite copies a database with the edit applied from r to w, neither compressed.
// Entries that are not concerned keep their texts. The result is sorted by folder if r
// is; entries that stood out of order stay so.
func Rewrite(w io.Writer, r io.Reader, kind Kind, e Edit, l archive.Limits) error {
	put := slices.Clone(e.Put)
	slices.SortFunc(put, func(a, b Entry) int { return cmp.Compare(a.Folder(), b.Folder()) })
	gone := map[string]bool{}
	for _, name := range e.Drop {
		gone[name] = true
	}
	for _, p := range put {
		gone[p.Name] = true
	}
	out := &writer{archive.NewTarWriter(w), kind}
	for old, err := range entries(r, l) {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDatabase, err)
		}
		for len(put) > 0 && put[0].Folder() < old.folder {
			if err := out.entry(put[0].raw()); err != nil {
				return err
			}
			put = put[1:]
		}
		if gone[nameOf(old.folder)] {
			continue
		}
		if err := out.entry(old); err != nil {
			return err
		}
	}
	for _, p := range put {
		if err := out.entry(p.raw()); err != nil {
			return err
		}
	}
	return out.tar.Close()
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

type writer struct {
	tar  *archive.TarWriter
	kind Kind
}

func (w *writer) entry(e raw) error {
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
