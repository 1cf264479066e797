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

// Linked is what a Format can be whose clients come by symbolic links: each of its
// indexes is a link, to a folder with what it publishes.
type Linked interface {
	// Links are the names that clients ask for, and what they say. Those that are indexes
	// say something else in each generation, and are not among them.
	Links(fsys vfs.FS) [][2]string
	// MakeLinks makes, durably, those that are not there; the indexes are. They are made in
	// the folder temp, and renamed.
	MakeLinks(fsys vfs.FS, temp string) error
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
	// Kept are files that belong in the folder though no index names them.
	Kept []string
}

// File is one published file.
type File struct {
	// Path is below the repository, with forward slashes.
	Path   string
	Size   int64
	SHA256 string
	// Dated: clients compare its date, so that it may not be in the future.
	Dated bool
}
