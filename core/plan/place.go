package plan

import (
	"slices"

	"github.com/mmpush/mmpush/core/index"
)

// spot is where one file of the upload stands after the change.
type spot struct {
	file File
	// put: the file has to be placed.
	put bool
	// home: the index names these bytes at this path already. With put, that file
	// is damaged.
	home bool
	// missing tells a file that is gone from one that has other bytes.
	missing bool
}

// damaged reports whether a published file has to be put back.
func (s spot) damaged() bool { return s.put && s.home }

// placing is where all files of the upload stand: the source first, then the
// binaries in the manifest's order.
type placing struct {
	source   spot
	binaries []spot
}

func (pl placing) all() []spot { return slices.Concat([]spot{pl.source}, pl.binaries) }

func (pl placing) puts() []File {
	var files []File
	for _, s := range pl.all() {
		if s.put {
			files = append(files, s.file)
		}
	}
	return files
}

// sourceOf is the upload's source stanza with its path.
func (pl placing) sourceOf(a Addition) index.Source {
	s := a.Source
	s.Filename, s.Text = pl.source.file.Path, ""
	return s
}

// binaryOf is the i-th stanza of the upload with its path.
func (pl placing) binaryOf(a Addition, i int) index.Binary {
	b := a.Binaries[i]
	b.Filename, b.Text = pl.binaries[i].file.Path, ""
	return b
}

func placeAll(sc scene, taken func(string) (Taken, error)) (placing, error) {
	p := placer{sc.view, taken}
	home := ""
	if own := sc.ownSource(); own != nil {
		home = own.Filename
	}
	s := sc.add.Source
	var pl placing
	var err error
	if pl.source, err = p.place(File{Name: s.Filename, Size: s.Size, SHA256: s.SHA256}, home); err != nil {
		return pl, err
	}
	for i, b := range sc.add.Binaries {
		home := ""
		if old := sc.had[i]; old != nil && old.SHA256 == b.SHA256 {
			home = old.Filename
		}
		at, err := p.place(File{Name: b.Filename, Size: b.Size, SHA256: b.SHA256}, home)
		if err != nil {
			return pl, err
		}
		pl.binaries = append(pl.binaries, at)
	}
	return pl, nil
}

type placer struct {
	view  index.View
	taken func(string) (Taken, error)
}

// place finds the path of one file. home is where the index names these bytes
// already; it counts if it is one of the two paths that this room gives.
func (p placer) place(f File, home string) (spot, error) {
	base, pool := f.Name, "pool/"+f.SHA256+"/"+f.Name
	if home == base || home == pool {
		f.Path = home
		at, err := p.taken(home)
		return spot{file: f, home: true, put: !at.is(f), missing: !at.Exists}, err
	}
	atBase, err := p.taken(base)
	if err != nil || atBase.is(f) {
		f.Path = base
		return spot{file: f}, err
	}
	atPool, err := p.taken(pool)
	if err != nil || atPool.is(f) {
		f.Path = pool
		return spot{file: f}, err
	}
	free, err := p.free(base, atBase)
	f.Path = pool
	if free {
		f.Path = base
	}
	return spot{file: f, put: true}, err
}

// free reports whether a base name can be given away. A name that a stanza has is
// not free even if its file is gone: with these bytes there, the stanza would be
// wrong.
func (p placer) free(base string, at Taken) (bool, error) {
	if at.Exists {
		return false, nil
	}
	named, err := p.view.Names(base)
	return !named, err
}

// is reports whether what stands there is known to be the file.
func (t Taken) is(f File) bool {
	return t.Exists && t.Size == f.Size && t.SHA256 == f.SHA256
}
