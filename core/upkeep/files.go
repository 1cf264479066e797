package upkeep

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// summed is a file that was read: as long as it is the same one, its hash holds.
type summed struct {
	id  repo.Identity
	sum string
}

// sum returns the SHA-256 of a file, read at most once.
func (c *checker) sum(name string, info vfs.Info) (string, error) {
	id := repo.IdentityOf(info)
	if s, ok := c.sums[name]; ok && s.id == id {
		return s.sum, nil
	}
	f, err := c.r.FS.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, vfs.WithContext(c.ctx, f)); err != nil {
		return "", err
	}
	s := summed{id, hex.EncodeToString(h.Sum(nil))}
	c.sums[name] = s
	return s.sum, nil
}

// file looks at one published file.
func (c *checker) file(f File) {
	c.accounted[f.Path] = true
	c.files++
	info, err := c.r.FS.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || vfs.CannotExist(err):
		c.lost(c.tell(report.CodeLost, report.SeverityError, f.Path, "is published and not there"), f)
		return
	case err != nil:
		c.lost(c.tell(report.CodeDamaged, report.SeverityError, f.Path, "cannot be looked at: "+err.Error()), f)
		return
	case !info.IsRegular():
		c.lost(c.tell(report.CodeDamaged, report.SeverityError, f.Path, "is a "+vfs.TypeName(info.Mode)+", not a file"), f)
		return
	}
	c.bytes += info.Size
	c.public(f.Path, info)
	if f.Dated {
		c.date(f.Path, info)
	}
	if info.Size != f.Size {
		d := c.tell(report.CodeDamaged, report.SeverityError, f.Path, "has another size than the index says")
		d.Expected, d.Actual = strconv.FormatInt(f.Size, 10), strconv.FormatInt(info.Size, 10)
		c.lost(d, f)
		return
	}
	if !c.opt.Deep {
		return
	}
	sum, err := c.sum(f.Path, info)
	switch {
	case c.ctx.Err() != nil:
	case err != nil:
		c.lost(c.tell(report.CodeDamaged, report.SeverityError, f.Path, "cannot be read: "+err.Error()), f)
	case sum != f.SHA256:
		d := c.tell(report.CodeDamaged, report.SeverityError, f.Path, "has other bytes than the index says")
		d.Expected, d.Actual = f.SHA256, sum
		c.lost(d, f)
	}
}

// lost says how the bytes of a published file can come back.
func (c *checker) lost(d *Difference, f File) {
	from, err := c.findCopy(f)
	if err != nil || from == "" {
		d.Hint = "push its upload again, or take the package out with mmpush remove"
		return
	}
	d.Repair = "put it back from " + from
	d.Mend = func() error { return c.putBack(f, from) }
}

// findCopy looks for the bytes of a file elsewhere in the repository: in the folder, in
// the pool, and in what was rejected.
func (c *checker) findCopy(f File) (string, error) {
	if f.SHA256 == "" {
		return "", nil
	}
	for _, top := range []string{".", repo.PoolDir, repo.RejectedDir} {
		name, err := c.findBelow(top, f, top != ".")
		if err != nil || name != "" {
			return name, err
		}
	}
	return "", nil
}

func (c *checker) findBelow(dir string, f File, deep bool) (string, error) {
	entries, err := list(c.r.FS, dir)
	if err != nil {
		return "", err
	}
	for _, i := range entries {
		name := path.Join(dir, i.Name)
		if i.Mode.IsDir() && deep {
			if found, err := c.findBelow(name, f, deep); err != nil || found != "" {
				return found, err
			}
		}
		if !i.IsRegular() || i.Size != f.Size || name == f.Path {
			continue
		}
		if sum, err := c.sum(name, i); err == nil && sum == f.SHA256 {
			return name, nil
		}
	}
	return "", nil
}

// putBack copies the bytes into a stage, sets aside what stands at the file's place, and
// moves the copy there.
func (c *checker) putBack(f File, from string) error {
	if err := c.r.Prepare(); err != nil {
		return err
	}
	stage, err := c.r.NewStage()
	if err != nil {
		return err
	}
	err = c.putFrom(stage.Dir, f, from)
	return errors.Join(err, stage.Discard())
}

func (c *checker) putFrom(stage string, f File, from string) error {
	temp := path.Join(stage, "file")
	if err := copyFile(c.r.FS, from, c.r.FS, temp, f); err != nil {
		return err
	}
	for _, dir := range parents(f.Path) {
		err := c.r.FS.Mkdir(dir, c.r.PublicFolderMode())
		if err == nil {
			err = c.r.FS.SyncDir(path.Dir(dir))
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if _, err := c.r.FS.Lstat(f.Path); err == nil {
		if err := c.setAside(f.Path); err != nil {
			return err
		}
	}
	if err := c.r.FS.Rename(temp, f.Path); err != nil {
		return err
	}
	return c.r.FS.SyncDir(path.Dir(f.Path))
}

// setAside moves a damaged file to where nobody serves it.
func (c *checker) setAside(name string) error {
	dir := path.Join(repo.RejectedDir, "damaged-"+c.r.NewID())
	if err := c.r.FS.Mkdir(dir, c.r.PrivateFolderMode()); err != nil {
		return err
	}
	if err := c.r.FS.Rename(name, path.Join(dir, path.Base(name))); err != nil {
		return err
	}
	return errors.Join(c.r.FS.SyncDir(dir), c.r.FS.SyncDir(repo.RejectedDir))
}

// parents are the folders that a file is in, the outermost first.
func parents(name string) []string {
	var all []string
	for i, r := range name {
		if r == '/' {
			all = append(all, name[:i])
		}
	}
	return all
}

// errOther is about bytes that are not the ones that the index names.
var errOther = errors.New("has other bytes than the index says")

// copyFile copies a published file, durably but for its name, and wants it to be what
// the index says. The copy has the modification time of the original.
func copyFile(from vfs.FS, name string, to vfs.FS, as string, f File) error {
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := to.Create(as, repo.FileMode)
	if err != nil {
		return err
	}
	err = fill(dst, src, f)
	if err == nil {
		err = to.Chtimes(as, info.ModTime)
	}
	if err == nil {
		err = dst.Sync()
	}
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return errors.Join(err, to.Remove(as))
	}
	return nil
}

// copyWhole shares the blocks where the file system can, or copies the bytes.
func copyWhole(dst, src vfs.File) error {
	if c, ok := dst.(vfs.Cloner); ok && c.CloneFrom(src) == nil {
		return nil
	}
	_, err := io.Copy(dst, src)
	return err
}

// fill shares the blocks where the file system can, or copies the bytes; in either case
// they are read, and hashed.
func fill(dst, src vfs.File, f File) error {
	var to io.Writer = dst
	if c, ok := dst.(vfs.Cloner); ok && c.CloneFrom(src) == nil {
		to = io.Discard
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), src)
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != f.Size || !strings.EqualFold(sum, f.SHA256) {
		return fmt.Errorf("%s: %w: %d bytes with SHA-256 %s", f.Path, errOther, n, sum)
	}
	return nil
}
