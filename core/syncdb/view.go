package syncdb

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
)

// ErrDatabase is in the chain of every error that means: the database cannot be used.
var ErrDatabase = errors.New("the database is damaged")

// View is what a database says: its packages by name. Where the pieces of the database
// are known, only those are read that a question is about.
type View struct {
	pieces []piece
	// cut is whether the pieces are known, so that what does not change can be copied.
	cut bool
	// at is the piece of each package.
	at map[string]int
	// read reads the entries of one piece, once: what was read is in got.
	read func(i int) iter.Seq2[raw, error]
	got  map[int][]Desc
	// odd: another program has called a package's file otherwise than the package.
	odd bool
}

// ReadView reads NAME.db from r, which is not compressed.
func ReadView(r io.Reader, l archive.Limits) (*View, error) {
	v := &View{at: map[string]int{}, got: map[int][]Desc{0: nil}}
	all := piece{}
	for e, err := range entries(r, l) {
		d, err := descOf(e, err)
		if err != nil {
			return nil, err
		}
		if _, twice := v.at[d.Name]; twice {
			return nil, fmt.Errorf("%w: it has %s twice", ErrDatabase, d.Name)
		}
		v.at[d.Name] = 0
		v.got[0] = append(v.got[0], d)
		v.odd = v.odd || cutLast(d.FileName) != d.Folder()
		all.folders = append(all.folders, e.folder)
	}
	if len(all.folders) > 0 {
		v.pieces = []piece{all}
	}
	return v, nil
}

// descOf parses what the database says of one package.
func descOf(e raw, err error) (Desc, error) {
	if err != nil {
		return Desc{}, fmt.Errorf("%w: %w", ErrDatabase, err)
	}
	d, err := parseDesc(e.desc)
	if err != nil {
		return d, fmt.Errorf("%w: %s/desc: %w", ErrDatabase, report.Shown(e.folder), err)
	}
	if d.Folder() != e.folder {
		return d, fmt.Errorf("%w: the entry of %s stands in %s", ErrDatabase, d.Folder(), report.Shown(e.folder))
	}
	return d, nil
}

// viewOf is the view of a database that is cut into pieces; read reads one of them.
func viewOf(pieces []piece, read func(i int) iter.Seq2[raw, error]) *View {
	v := &View{pieces: pieces, cut: true, at: map[string]int{}, read: read, got: map[int][]Desc{}}
	for i, p := range pieces {
		for _, f := range p.folders {
			v.at[nameOf(f)] = i
		}
	}
	return v
}

// piece returns the packages of a piece.
func (v *View) piece(i int) ([]Desc, error) {
	if list, ok := v.got[i]; ok {
		return list, nil
	}
	var list []Desc
	for e, err := range v.read(i) {
		d, err := descOf(e, err)
		if err != nil {
			return nil, err
		}
		if n := len(list); n == len(v.pieces[i].folders) || v.pieces[i].folders[n] != e.folder {
			return nil, fmt.Errorf("%w: %s stands where the file %s does not expect it", ErrDatabase, e.folder, tableFile)
		}
		list = append(list, d)
	}
	if len(list) != len(v.pieces[i].folders) {
		return nil, fmt.Errorf("%w: it has fewer packages than the file %s says", ErrDatabase, tableFile)
	}
	v.got[i] = list
	return list, nil
}

// Package returns the package of that name. An error is about the database.
func (v *View) Package(name string) (Desc, bool, error) {
	i, ok := v.at[name]
	if !ok {
		return Desc{}, false, nil
	}
	list, err := v.piece(i)
	if err != nil {
		return Desc{}, false, err
	}
	for _, d := range list {
		if d.Name == name {
			return d, true, nil
		}
	}
	return Desc{}, false, nil
}

// All yields the packages in the database's order.
func (v *View) All() iter.Seq2[Desc, error] {
	return func(yield func(Desc, error) bool) {
		for i := range v.pieces {
			list, err := v.piece(i)
			if err != nil {
				yield(Desc{}, err)
				return
			}
			for _, d := range list {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// Len is the number of packages.
func (v *View) Len() int { return len(v.at) }

// names reports whether a file can be that of a published package, which stands under its
// name and version, as its file does, unless [View.odd]. Nothing is read.
func (v *View) names(file string) (name string, ok bool) {
	if v.odd {
		for _, d := range v.got[0] {
			if d.FileName == file {
				return d.Name, true
			}
		}
		return "", false
	}
	folder := cutLast(file)
	name = NameIn(file)
	i, ok := v.at[name]
	return name, ok && slices.Contains(v.pieces[i].folders, folder)
}
