package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"sync"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// Arrival is an upload on its way into a change set: its files are in the stage, and
// nothing is planned yet.
type Arrival struct {
	req    Request
	upload upload.Upload
	// folder is the one of the stage that has the files.
	folder string
	err    error
}

// Receive reads an upload into the stage. Several may be at work at once, and beside
// [ChangeSet.Add], which takes what it returns, whatever has become of it; all have to be
// back when the change set ends.
func (c *ChangeSet) Receive(ctx context.Context, req Request) *Arrival {
	a := &Arrival{req: req, upload: req.Upload}
	var made bool
	if a.folder, made = c.shelf.take(namesOf(req.Upload)); made {
		dir := path.Join(c.stage.dir, a.folder)
		if err := c.repo.FS.Mkdir(dir, c.repo.PrivateFolderMode()); err != nil {
			a.err = repo.DiskError("stage", path.Join(c.repo.Path, dir), err)
			return a
		}
	}
	c.read(ctx, a)
	return a
}

// read brings the files into their folder.
func (c *ChangeSet) read(ctx context.Context, a *Arrival) {
	opt := upload.Options{Limits: limitsOf(a.req.Options, c.repo), Progress: a.req.Progress, Settling: c.settling}
	a.upload, a.err = upload.Stage(ctx, a.req.Upload, c.repo.FS, path.Join(c.stage.dir, a.folder), c.repo.Arch, opt)
}

// readAgain is for a full disk: retired files that the change set does not need give their
// room; the notes tell.
func (c *ChangeSet) readAgain(ctx context.Context, a *Arrival) []report.Finding {
	told := len(c.tx.Notes)
	made, err := c.tx.MakeRoom(roomFor(a.req.Upload, c.repo.Arch), c.draft.view.Names)
	if err != nil || !made {
		a.err = errors.Join(a.err, err)
		return nil
	}
	if err := c.clear(a); err != nil {
		a.err = repo.DiskError("stage", path.Join(c.repo.Path, c.stage.dir, a.folder), err)
		return nil
	}
	c.read(ctx, a)
	return c.tx.Notes[told:]
}

// clear deletes the files of an upload. Nobody else's have such names there.
func (c *ChangeSet) clear(a *Arrival) error {
	var problems error
	for _, name := range namesOf(a.req.Upload) {
		if err := c.repo.FS.Remove(path.Join(c.stage.dir, a.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = errors.Join(problems, err)
		}
	}
	return problems
}

// drop deletes an upload that is not published; what cannot be deleted now goes with the
// stage.
func (c *ChangeSet) drop(a *Arrival) {
	if a.folder != "." {
		_ = vfs.RemoveAll(c.repo.FS, path.Join(c.stage.dir, a.folder))
	} else if c.clear(a) == nil {
		c.shelf.giveBack(namesOf(a.req.Upload))
	}
}

// namesOf are the names of all files that an upload may bring.
func namesOf(u upload.Upload) []string {
	var names []string
	for _, f := range u.Files {
		if manifest.ValidFileName(f.Name) == nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// shelf says where in a stage the files of several uploads are: beside each other, so that
// one sync makes all their names durable, or, where a name is taken, in a folder.
type shelf struct {
	mu    sync.Mutex
	names map[string]bool
	// folders is the number of the last folder.
	folders int
}

func newShelf() *shelf { return &shelf{names: map[string]bool{}} }

// take finds a folder for files of these names, and takes them; the caller has to make it
// if it is a new one.
func (s *shelf) take(names []string) (folder string, made bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	folder = "."
	for _, name := range names {
		if s.names[name] {
			folder = s.folder()
			break
		}
	}
	if folder != "." {
		return folder, true
	}
	for _, name := range names {
		s.names[name] = true
	}
	return folder, false
}

// folder is one that nothing is called like.
func (s *shelf) folder() string {
	for {
		s.folders++
		if name := strconv.Itoa(s.folders); !s.names[name] {
			s.names[name] = true
			return name
		}
	}
}

// giveBack forgets names.
func (s *shelf) giveBack(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		delete(s.names, name)
	}
}
