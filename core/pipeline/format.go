package pipeline

import (
	"bytes"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// Mmpack is the format of an mmpack repository.
type Mmpack struct{}

var _ repo.Format = Mmpack{}

// clock is what mmpack-modifyrepo needs to notice that an index was replaced: it
// compares modification times.
var clock = commit.Clock{Step: time.Millisecond, Limit: time.Second}

// Kind implements [repo.Format].
func (Mmpack) Kind() string { return "mmpack" }

// Indexes implements [repo.Format]. The client fetches the binary index first and
// does without the other, so the binary index goes last.
func (Mmpack) Indexes() []string { return []string{index.SourceFile, index.BinaryFile} }

// Empty implements [repo.Format].
func (Mmpack) Empty(name string) []byte {
	empty, err := index.NewView(nil, nil)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	if _, err := write(empty, name, &b); err != nil {
		return nil
	}
	return b.Bytes()
}

// Names implements [repo.Format].
func (Mmpack) Names(fsys vfs.FS) (named func(string) (bool, error), done func(), err error) {
	view, err := View(fsys)
	if err != nil {
		return nil, nil, err
	}
	return view.Names, func() { _ = view.Close() }, nil
}

// View opens the indexes of a repository, with the help of its cache. Close gives them
// back.
func View(fsys vfs.FS) (*index.Snapshot, error) { return index.OpenCached(fsys, repo.CacheFile) }

// Open opens the mmpack repository in a folder.
func Open(fsys vfs.FS, path string) (*repo.Repo, error) {
	return repo.Open(fsys, path, Mmpack{})
}
