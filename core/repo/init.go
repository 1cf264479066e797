package repo

import (
	"context"
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// InitOptions describe a new repository.
type InitOptions struct {
	Arch string
	// CI allows rebuilds without asking, for repositories that a build server
	// writes the same version into again and again.
	CI bool
	// Shared opens .mmpush to the folder's group.
	Shared bool
	// DryRun ends ahead of the first change.
	DryRun bool
	// Patience is how to wait for the lock.
	Patience Patience
}

// Init makes a repository in an existing folder and opens it; created is false if
// it was one of that architecture already, and true in a dry run that would make it. An Init that was killed is finished by
// the next.
func Init(ctx context.Context, fsys vfs.FS, repoPath string, format Format, opt InitOptions) (r *Repo, created bool, err error) {
	if r, err = openAs(fsys, repoPath, format, opt.Arch); report.CodeOf(err) != report.CodeNoRepo {
		return r, false, err
	}
	r = newRepo(fsys, repoPath, opt.Arch, format)
	r.Settings = defaultSettings(format.Kind())
	r.Settings.Shared = opt.Shared
	if opt.CI {
		r.Settings.Rebuild = Policy{{"*", Allow}}
	}
	if opt.DryRun {
		return r, true, nil
	}
	if err := r.Prepare(); err != nil {
		return nil, false, err
	}
	lock, err := r.Lock(ctx, opt.Patience)
	if err != nil {
		return nil, false, err
	}
	defer lock.Unlock()
	if _, err := r.FS.Lstat(MetadataFile); err == nil {
		// Somebody has made it in between, or it is not ours to replace.
		r, err = openAs(fsys, repoPath, format, opt.Arch)
		return r, false, err
	}
	return r, true, r.create()
}

// openAs opens a repository that has to be one of that architecture.
func openAs(fsys vfs.FS, repoPath string, format Format, arch string) (*Repo, error) {
	r, err := Open(fsys, repoPath, format)
	if err == nil {
		err = checkName(fsys, repoPath, format)
	}
	if err == nil && r.Arch != arch {
		return nil, &report.Error{
			Stage: "open", Code: report.CodeUsage, Kind: report.KindUsage, File: repoPath,
			Err:  fmt.Errorf("is a repository for %s already, not for %s", r.Arch, arch),
			Hint: "one repository serves one architecture: choose another folder",
		}
	}
	return r, err
}

// checkName refuses a repository that has another name.
func checkName(fsys vfs.FS, repoPath string, format Format) error {
	m, ok := format.(Maker)
	if !ok {
		return nil
	}
	meta, err := ReadMetadata(fsys, repoPath)
	if err != nil || meta.Name == m.Called() {
		return err
	}
	return &report.Error{
		Stage: "open", Code: report.CodeUsage, Kind: report.KindUsage, File: repoPath,
		Err:  fmt.Errorf("is the repository %q already, not %q", meta.Name, m.Called()),
		Hint: "one folder holds one repository: choose another folder, or the name that it has",
	}
}

// create writes a new repository, under the lock.
func (r *Repo) create() error {
	if err := r.Adopt(); err != nil {
		return err
	}
	if err := r.FS.SyncDir(MetaDir); err != nil {
		return DiskError("init", r.Path, err)
	}
	if err := r.writeEmpty(); err != nil {
		return DiskError("init", r.Path, err)
	}
	return nil
}

// writeEmpty writes the published files of a repository with no package; the
// metadata file comes last, since it is what makes the folder a repository. What is
// there already stays: packages may be waiting for their metadata file.
func (r *Repo) writeEmpty() error {
	text := "architecture: " + r.Arch + "\n"
	if m, ok := r.Format.(Maker); ok {
		if err := m.Make(r.FS); err != nil {
			return err
		}
		text += "kind: " + m.Kind() + "\nname: \"" + m.Called() + "\"\n"
		return r.writeMissing(MetadataFile, []byte(text))
	}
	for _, name := range r.Format.Indexes() {
		if err := r.writeMissing(name, r.Format.Empty(name)); err != nil {
			return err
		}
	}
	return r.writeMissing(MetadataFile, []byte(text))
}

func (r *Repo) writeMissing(name string, content []byte) error {
	if _, err := r.FS.Lstat(name); !isNotExist(err) {
		return err
	}
	return vfs.ReplaceFile(r.FS, name, path.Join(MetaDir, name+".new"), FileMode, content)
}
