package upkeep

import (
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// Format is what upkeep asks of a kind of repository.
type Format interface {
	repo.Format
	// Published reads the index files. What is wrong in them are differences; an error
	// means that they cannot be read at all.
	Published(fsys vfs.FS) (Published, error)
	// Knows reports whether a name at the top of the folder belongs to a repository of
	// this kind, whoever wrote it: a log of the other tool, for instance.
	Knows(name string) bool
	// Ahead is how far in the future an index file may be dated.
	Ahead() time.Duration
}

// CacheChecker is what a Format can be that keeps a cache of its indexes, in
// [repo.CacheFile].
type CacheChecker interface {
	// CheckCache compares the cache with the indexes. The error says how it lies; nil is
	// also said where there is none that anybody would believe.
	CheckCache(fsys vfs.FS) error
}

// Published is what the index files name.
type Published struct {
	// Files are in the order of the indexes, each path once.
	Files []File
	Found []Difference
}

// File is one published file.
type File struct {
	// Path is below the repository, with forward slashes.
	Path   string
	Size   int64
	SHA256 string
}
