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
	HistoryFile  = MetaDir + "/history"
	RetiredFile  = MetaDir + "/retired"
	StageDir     = MetaDir + "/stage"
	TrashDir     = MetaDir + "/trash"
	RejectedDir  = MetaDir + "/rejected"
)

// Modes of what the world may read, and of what it may not.
const (
	FileMode    fs.FileMode = 0o644
	FolderMode  fs.FileMode = 0o755
	privateFile fs.FileMode = 0o600
)

// PrivateFileMode is the mode of our own files in this repository.
func (r *Repo) PrivateFileMode() fs.FileMode {
	if r.Settings.Group {
		return 0o660
	}
	return privateFile
}

// PrivateFolderMode is the mode of .mmpush and the folders in it.
func (r *Repo) PrivateFolderMode() fs.FileMode {
	if r.Settings.Group {
		return 0o770 | fs.ModeSetgid
	}
	return 0o700
}
