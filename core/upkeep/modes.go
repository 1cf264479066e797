package upkeep

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const modeBits = fs.ModePerm | fs.ModeSetgid

// findOwner finds whom the repository belongs to: the owner of our own folder. Where a
// group shares it, files have many owners.
func (c *checker) findOwner() {
	info, err := c.r.FS.Lstat(repo.MetaDir)
	c.uid, c.owned = info.UID, err == nil && info.Owned && !c.r.Settings.Shared
}

// public looks at mode and owner of a file that everybody may read.
func (c *checker) public(name string, info vfs.Info) {
	c.mode(name, info, info.Mode&modeBits == repo.FileMode, repo.FileMode)
	c.owner(name, info)
}

// folder is public for a folder.
func (c *checker) folder(name string, info vfs.Info) {
	c.mode(name, info, info.Mode&modeBits == c.r.PublicFolderMode(), c.r.PublicFolderMode())
	c.owner(name, info)
}

func (c *checker) mode(name string, info vfs.Info, right bool, want fs.FileMode) {
	if right {
		return
	}
	d := c.tell(report.CodeMode, report.SeverityError, name, "has the wrong mode")
	d.Expected, d.Actual = octal(want), octal(info.Mode)
	d.Repair = "set it"
	d.Mend = func() error { return c.r.FS.Chmod(name, want) }
}

// octal is a mode as chmod takes it.
func octal(m fs.FileMode) string {
	bits := m.Perm()
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	return fmt.Sprintf("%#o", uint32(bits))
}

func (c *checker) owner(name string, info vfs.Info) {
	if !c.owned || !info.Owned || info.UID == c.uid {
		return
	}
	d := c.tell(report.CodeOwner, report.SeverityWarning, name, "has another owner than the repository")
	d.Expected, d.Actual = fmt.Sprint("user ", c.uid), fmt.Sprint("user ", info.UID)
	o, ok := c.r.FS.(vfs.OwnerCopier)
	if !ok {
		return
	}
	d.Repair = "give it to the repository's user, if we may"
	d.Mend = func() error { return o.CopyOwner(repo.MetaDir, name) }
}

// modes looks at the folder itself, and at what is ours.
func (c *checker) modes() error {
	info, err := c.r.FS.Lstat(".")
	if err != nil {
		return err
	}
	want := (info.Mode&modeBits | 0o555) &^ 0o002
	c.mode(".", info, info.Mode&modeBits == want, want)
	if info, err := c.r.FS.Lstat(repo.MetadataFile); err == nil {
		c.public(repo.MetadataFile, info)
	}
	private := map[string]fs.FileMode{}
	for _, dir := range []string{repo.MetaDir, repo.StageDir, repo.TrashDir, repo.RejectedDir} {
		private[dir] = c.r.PrivateFolderMode()
	}
	for _, file := range []string{repo.SettingsFile, repo.HistoryFile, repo.RetiredFile} {
		private[file] = c.r.PrivateFileMode()
	}
	for _, name := range sorted(private) {
		info, err := c.r.FS.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		c.mode(name, info, info.Mode&modeBits == private[name], private[name])
		if path.Dir(name) == repo.MetaDir {
			c.owner(name, info)
		}
	}
	return nil
}
