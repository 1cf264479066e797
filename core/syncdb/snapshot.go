package syncdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// snapshot is one generation of the databases.
type snapshot struct {
	// link is the identity of the link that led here, and folder what it says.
	link   repo.Identity
	folder string
	// packed are both databases as they are stored.
	packed [2][]byte
	time   time.Time
	view   *View
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
	var err error
	if s.link, err = repo.Identify(fsys, f.current()); err != nil {
		return nil, err
	}
	if s.folder, err = fsys.Readlink(f.current()); err != nil {
		return nil, err
	}
	if path.Dir(s.folder) != f.folder() || !fs.ValidPath(s.folder) {
		return nil, fmt.Errorf("%s %w", f.current(), errElse)
	}
	for _, k := range []Kind{DB, Files} {
		name := path.Join(s.folder, f.file(k))
		if s.packed[k], err = vfs.ReadFile(fsys, name, maxDatabase); err != nil {
			return nil, err
		}
	}
	info, err := fsys.Lstat(path.Join(s.folder, f.file(DB)))
	if err != nil {
		return nil, err
	}
	s.time = info.ModTime
	z, err := unpack(s.packed[DB])
	if err != nil {
		return nil, err
	}
	defer z.Close()
	s.view, err = ReadView(z, archive.DefaultLimits())
	return s, err
}

func unpack(packed []byte) (io.ReadCloser, error) {
	return archive.Gzip(bytes.NewReader(packed), int64(len(packed)), archive.DefaultLimits())
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
