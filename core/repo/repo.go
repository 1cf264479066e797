package repo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// metadataLimit is far above what the one line of a metadata file needs.
const metadataLimit = 64 << 10

// Repo is an open repository.
type Repo struct {
	FS vfs.FS
	// Path is the folder as the user named it, for messages.
	Path string
	// Arch is the architecture that the repository serves.
	Arch     string
	Settings Settings
	Format   Format
	// Now is the clock, NewID the source of random names, Sleep how to wait.
	// They are fields so that tests can play time.
	Now   func() time.Time
	NewID func() string
	Sleep func(time.Duration)
	// adopted is false as long as .mmpush is not there.
	adopted bool
	// madeFolders is true once folders of .mmpush were made, not durably.
	madeFolders bool
}

// Open opens the repository in a folder. The folder needs a metadata file; it
// does not need to have been written by mmpush. It writes nothing.
func Open(fsys vfs.FS, repoPath string, format Format) (*Repo, error) {
	meta, err := ReadMetadata(fsys, repoPath)
	if err != nil {
		return nil, err
	}
	if meta.Kind != "" && meta.Kind != format.Kind() {
		return nil, wrongKind(repoPath, meta.Kind, format)
	}
	r := newRepo(fsys, repoPath, meta.Arch, format)
	r.Settings, r.adopted, err = readSettings(fsys, repoPath, format.Kind())
	if err != nil {
		return nil, err
	}
	if r.Settings.Kind != format.Kind() {
		return nil, wrongKind(repoPath, r.Settings.Kind, format)
	}
	return r, nil
}

func wrongKind(repoPath, kind string, format Format) error {
	return &report.Error{
		Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: repoPath,
		Err:  fmt.Errorf("is a repository of kind %q; this works on the kind %q only", kind, format.Kind()),
		Hint: "a repository of kind pacman takes packages by push, gensync, serve, receive and git hooks, and no manifests",
	}
}

func newRepo(fsys vfs.FS, repoPath, arch string, format Format) *Repo {
	return &Repo{FS: fsys, Path: repoPath, Arch: arch, Format: format, Now: time.Now, NewID: newID, Sleep: time.Sleep}
}

func newID() string { return strings.ToLower(rand.Text()) }

// Metadata is what a metadata file says.
type Metadata struct {
	// Arch is the architecture that the repository serves.
	Arch string
	// Kind is the format's name; empty in a repository that an older tool has made.
	Kind string
	// Name is that of the repository, for kinds that have names.
	Name string
}

// ReadMetadata reads the metadata file: a YAML mapping with the key "architecture".
func ReadMetadata(fsys vfs.FS, repoPath string) (Metadata, error) {
	noRepo := func(err error) error {
		return &report.Error{
			Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: repoPath, Err: err,
			Hint: "mmpush init " + repoPath + " --arch ARCH makes a repository (ARCH is such as amd64-debian)",
		}
	}
	text, err := vfs.ReadFile(fsys, MetadataFile, metadataLimit)
	if isNotExist(err) {
		return Metadata{}, noRepo(errors.New("is not a repository: it has no metadata file"))
	}
	if err != nil {
		return Metadata{}, DiskError("open", path.Join(repoPath, MetadataFile), err)
	}
	var keys map[string]string
	if err := yaml.Unmarshal(text, &keys); err != nil || keys["architecture"] == "" {
		return Metadata{}, noRepo(errors.New("its metadata file has no line \"architecture: ARCH\""))
	}
	return Metadata{keys["architecture"], keys["kind"], keys["name"]}, nil
}

// Prepare makes the folders of .mmpush that are missing, so that a change can be
// staged. Nothing else is changed: an older tool goes on working with the
// repository. It is durable with the first commit; losing it before loses nothing.
func (r *Repo) Prepare() error {
	if _, err := r.FS.Lstat(StageDir); err == nil {
		return nil
	}
	if err := r.ensureFolders(); err != nil {
		return DiskError("open", path.Join(r.Path, MetaDir), err)
	}
	return nil
}

// Adopt writes the settings where there are none, and gives .mmpush the modes that
// the settings ask for. Call it under the lock: what somebody else has written in
// between is read, not replaced.
func (r *Repo) Adopt() error {
	if err := r.adopt(); err != nil {
		return DiskError("open", path.Join(r.Path, MetaDir), err)
	}
	return r.share()
}

func (r *Repo) adopt() error {
	if err := r.ensureFolders(); err != nil || r.adopted {
		return err
	}
	written, found, err := readSettings(r.FS, r.Path, r.Format.Kind())
	if err != nil {
		return err
	}
	if found {
		r.Settings, r.adopted = written, true
		return nil
	}
	if r.Settings.ID == "" {
		r.Settings.ID = r.NewID()
	}
	temp := SettingsFile + "." + r.Settings.ID
	if err := vfs.CreateSynced(r.FS, temp, r.settingsMode(), formatSettings(r.Settings)); err != nil {
		return err
	}
	r.adopted = true
	return r.FS.Rename(temp, SettingsFile)
}

// share opens .mmpush to the group where the settings say so; only its owner can.
func (r *Repo) share() error {
	if !r.Settings.Shared {
		return nil
	}
	modes := map[string]fs.FileMode{LockFile: r.lockMode()}
	for _, dir := range []string{MetaDir, StageDir, TrashDir, RejectedDir} {
		modes[dir] = r.PrivateFolderMode()
	}
	modes[SettingsFile] = r.settingsMode()
	for _, file := range []string{HistoryFile, RetiredFile} {
		modes[file] = r.PrivateFileMode()
	}
	for name, mode := range modes {
		info, err := r.FS.Lstat(name)
		if isNotExist(err) || err == nil && info.Mode&(fs.ModePerm|fs.ModeSetgid) == mode {
			continue
		}
		if err == nil {
			err = r.FS.Chmod(name, mode)
		}
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return DiskError("open", path.Join(r.Path, name), err)
		}
	}
	return nil
}

// ensureFolders makes what is missing of .mmpush. The settings may have survived a
// power loss that took the folders beside them.
func (r *Repo) ensureFolders() error {
	for _, dir := range []string{MetaDir, StageDir, TrashDir, RejectedDir} {
		err := r.FS.Mkdir(dir, r.PrivateFolderMode())
		if err == nil {
			r.madeFolders = true
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// MadeFolders reports whether folders of .mmpush were made since the repository
// was opened; whoever relies on them makes .mmpush, and its own entry, durable.
func (r *Repo) MadeFolders() bool { return r.madeFolders }

// Adopted reports whether the repository has settings of ours.
func (r *Repo) Adopted() bool { return r.adopted }
