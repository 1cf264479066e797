package repo

import (
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
}

// Init makes a repository in an existing folder and opens it; created is false if
// it was one of that architecture already. An Init that was killed is finished by
// the next.
func Init(fsys vfs.FS, repoPath string, format Format, opt InitOptions) (r *Repo, created bool, err error) {
	if existing, err := Open(fsys, repoPath, format); err == nil {
		if existing.Arch != opt.Arch {
			return nil, false, &report.Error{
				Stage: "open", Code: report.CodeUsage, Kind: report.KindUsage, File: repoPath,
				Err:  fmt.Errorf("is a repository for %s already, not for %s", existing.Arch, opt.Arch),
				Hint: "one repository serves one architecture: choose another folder",
			}
		}
		return existing, false, nil
	} else if report.CodeOf(err) != report.CodeNoRepo {
		return nil, false, err
	}
	r = newRepo(fsys, repoPath, opt.Arch, format)
	r.Settings, r.adopted, err = readSettings(fsys, repoPath, format.Kind())
	if err != nil {
		return nil, false, err
	}
	if !r.adopted && opt.CI {
		r.Settings.Rebuild = Policy{{"*", Allow}}
	}
	if err := r.Adopt(); err != nil {
		return nil, false, err
	}
	if err := r.FS.SyncDir(MetaDir); err != nil {
		return nil, false, DiskError("init", repoPath, err)
	}
	if err := r.writeEmpty(); err != nil {
		return nil, false, DiskError("init", repoPath, err)
	}
	return r, true, nil
}

// writeEmpty writes the published files of a repository with no package; the
// metadata file comes last, since it is what makes the folder a repository.
func (r *Repo) writeEmpty() error {
	for _, name := range r.Format.Indexes() {
		if err := r.writeMissing(name, r.Format.Empty(name)); err != nil {
			return err
		}
	}
	lock, err := r.FS.OpenLock(LockFile, r.lockMode())
	if err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	return r.writeMissing(MetadataFile, []byte("architecture: "+r.Arch+"\n"))
}

func (r *Repo) writeMissing(name string, content []byte) error {
	if _, err := r.FS.Lstat(name); !isNotExist(err) {
		return err
	}
	return vfs.ReplaceFile(r.FS, name, path.Join(MetaDir, name+".new"), FileMode, content)
}
