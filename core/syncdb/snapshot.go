package syncdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// snapshot is one generation of the databases. It is closed by whoever has it.
type snapshot struct {
	// link is the identity of the link that led here, and folder what it says.
	link   repo.Identity
	folder string
	// files are both databases, and sizes their sizes in bytes.
	files [2]vfs.File
	sizes [2]int64
	time  time.Time
	view  *View
	// signed: signatures stand beside them.
	signed bool
}

func (s *snapshot) close() {
	if s == nil {
		return
	}
	for _, f := range s.files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// readTries is how often a reader starts again that comes too late into a folder.
const readTries = 5

// read opens the generation that is served. It takes no lock: the folder may be swept
// while it is read, long after another has taken its place.
func (f Format) read(fsys vfs.FS) (*snapshot, error) {
	for try := 1; ; try++ {
		s, err := f.tryRead(fsys)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || try == readTries {
			return nil, f.readError(err)
		}
	}
}

func (f Format) tryRead(fsys vfs.FS) (*snapshot, error) {
	s := &snapshot{}
	err := f.open(fsys, s)
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (f Format) open(fsys vfs.FS, s *snapshot) error {
	var err error
	if s.link, err = repo.Identify(fsys, f.current()); err != nil {
		return err
	}
	if s.folder, err = fsys.Readlink(f.current()); err != nil {
		return err
	}
	if path.Dir(s.folder) != f.folder() || !fs.ValidPath(s.folder) {
		return fmt.Errorf("%s %w", f.current(), errElse)
	}
	var ids [2]repo.Identity
	for _, k := range []Kind{DB, Files} {
		if s.files[k], err = fsys.Open(path.Join(s.folder, f.file(k))); err != nil {
			return err
		}
		info, err := s.files[k].Stat()
		if err != nil {
			return err
		}
		if info.Size > maxDatabase {
			return fmt.Errorf("%w: %s has %d bytes, at most %d are read", ErrDatabase, f.file(k), info.Size, maxDatabase)
		}
		if ids[k], s.sizes[k] = repo.IdentityOf(info), info.Size; k == DB {
			s.time = info.ModTime
		}
	}
	if s.signed, err = f.isSigned(fsys, s.folder); err != nil {
		return err
	}
	return s.look(fsys, ids)
}

// look makes the view: of the pieces, if the table knows them, or of the whole database.
func (s *snapshot) look(fsys vfs.FS, ids [2]repo.Identity) error {
	if pieces := readTable(fsys, s.folder, ids); pieces != nil {
		s.view = viewOf(pieces, s.piece)
		return nil
	}
	z, err := archive.Gzip(io.NewSectionReader(s.files[DB], 0, s.sizes[DB]), s.sizes[DB], archive.DefaultLimits())
	if err != nil {
		return err
	}
	defer z.Close()
	s.view, err = ReadView(z, archive.DefaultLimits())
	return err
}

// piece reads the entries of one piece of NAME.db.
func (s *snapshot) piece(i int) iter.Seq2[raw, error] {
	at := int64(0)
	for _, p := range s.view.pieces[:i] {
		at += p.size[DB]
	}
	return pieceEntries(s.files[DB], at, s.view.pieces[i].size[DB], archive.DefaultLimits())
}

func (f Format) readError(err error) error {
	e := &report.Error{Stage: "plan", Code: report.CodeDisk, Kind: report.KindInternal, File: f.current(), Err: err}
	switch {
	case errors.Is(err, errElse), errors.Is(err, fs.ErrNotExist):
		e.Code, e.Kind = report.CodeIndex, report.KindUsage
		e.Hint = "move " + f.Name + ".db*, " + f.Name + ".files* and " + f.current() + " away, run `mmpush init` again, and add the packages with gensync"
	case errors.Is(err, ErrDatabase):
		e.Code = report.CodeIndex
		e.Hint = "restore " + f.folder() + " from a backup; nothing was changed"
	}
	return e
}
