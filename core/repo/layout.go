package repo

import "io/fs"

// Names below the repository.
const (
	MetadataFile = "metadata"
	LockFile     = "lock"
	PoolDir      = "pool"

	MetaDir      = ".mmpush"
	SettingsFile = MetaDir + "/settings.yaml"
	HolderFile   = MetaDir + "/holder"
	JournalFile  = MetaDir + "/journal"
	// PreparedFile is the journal of a change that several repositories decide as one;
	// DecisionsDir has the decisions, in the first of them.
	PreparedFile = MetaDir + "/journal.prepared"
	DecisionsDir = MetaDir + "/decisions"
	HistoryFile  = MetaDir + "/history"
	RetiredFile  = MetaDir + "/retired"
	CacheFile    = MetaDir + "/index-cache"
	StageDir     = MetaDir + "/stage"
	TrashDir     = MetaDir + "/trash"
	RejectedDir  = MetaDir + "/rejected"
	// PartsDir has parts of sources that wait for other architectures (core/sets).
	PartsDir = MetaDir + "/parts"
	// FilesDir has lists of what packages install, by their SHA-256; a cache.
	FilesDir   = MetaDir + "/files"
	keptPrefix = "kept-"
)

// Modes of what the world may read, and of what it may not.
const (
	FileMode    fs.FileMode = 0o644
	FolderMode  fs.FileMode = 0o755
	privateFile fs.FileMode = 0o600
)

// PrivateFileMode is the mode of our own files in this repository.
func (r *Repo) PrivateFileMode() fs.FileMode {
	if r.Settings.Shared {
		return 0o660
	}
	return privateFile
}

// settingsMode is the mode of the settings: they can name programs, so that nobody but
// their owner writes them.
func (r *Repo) settingsMode() fs.FileMode { return r.PrivateFileMode() &^ 0o020 }

// PrivateFolderMode is the mode of .mmpush and the folders in it.
func (r *Repo) PrivateFolderMode() fs.FileMode {
	if r.Settings.Shared {
		return 0o770 | fs.ModeSetgid
	}
	return 0o700
}

// PublicFolderMode is the mode of a folder that the world may read. Where a group
// shares the repository, all of it may add to the pool.
func (r *Repo) PublicFolderMode() fs.FileMode {
	if r.Settings.Shared {
		return 0o775 | fs.ModeSetgid
	}
	return FolderMode
}

// lockMode is the mode of the lock file: whoever may publish has to open it for
// writing, as mmpack-modifyrepo does.
func (r *Repo) lockMode() fs.FileMode {
	if r.Settings.Shared {
		return 0o664
	}
	return FileMode
}
