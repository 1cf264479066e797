package repo

import "github.com/mmpush/mmpush/core/vfs"

// Format is a kind of repository: which index files it has and which files they
// publish.
type Format interface {
	// Kind is the name of the format, such as "mmpack".
	Kind() string
	// Indexes are the index files, in the order in which a commit switches them.
	Indexes() []string
	// Empty is the content of an index file of a repository with no package.
	Empty(index string) []byte
	// Names opens the index files and returns a function that reports whether
	// any of them names that file, a path below the repository; done gives them back.
	Names(fsys vfs.FS) (named func(file string) (bool, error), done func(), err error)
}

// Maker is what a Format can be if its repositories have a name, and are more than a
// few files when they are empty.
type Maker interface {
	Format
	// Called is the name; the metadata file keeps it, with the kind.
	Called() string
	// Make makes what is missing of a repository with no package, durably; what is
	// there stays. It runs under the lock.
	Make(fsys vfs.FS) error
}
