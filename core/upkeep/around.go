package upkeep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// clockSlack is how far a clock may have gone back without anybody minding.
const clockSlack = time.Minute

// retired looks at the list of retired files. All that is wrong with it is mended by
// one new list.
func (c *checker) retired() error {
	text, err := vfs.ReadFile(c.r.FS, repo.RetiredFile, 1<<28)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	records, err := c.r.RetiredFiles()
	if err != nil {
		return err
	}
	var wrong []*Difference
	if lines := bytes.Count(text, []byte("\n")); lines != len(records) {
		wrong = append(wrong, &Difference{Finding: report.Finding{
			Code: report.CodeRetired, Severity: report.SeverityError, File: repo.RetiredFile,
			Message: fmt.Sprintf("the list of retired files has lines that cannot be read: %d", lines-len(records)),
		}})
	}
	newest := map[string]int{}
	for i, rec := range records {
		newest[rec.Name] = i
	}
	var anew []repo.Retired
	for i, rec := range records {
		if newest[rec.Name] != i {
			continue
		}
		holds, d := c.retiredFile(&rec)
		if holds {
			anew = append(anew, rec)
		}
		if d != nil {
			wrong = append(wrong, d)
		}
	}
	for _, d := range wrong {
		d.Repair = "write the list anew, from what holds"
		d.Mend = func() error { return c.r.ReplaceRetired(anew) }
		c.found = append(c.found, *d)
	}
	return nil
}

// retiredFile looks at one retired file. The record is brought up to date; holds says
// whether it is worth keeping.
func (c *checker) retiredFile(rec *repo.Retired) (holds bool, d *Difference) {
	if c.accounted[rec.Name] {
		// It was published again.
		return true, nil
	}
	info, err := c.r.FS.Lstat(rec.Name)
	tell := func(message string) *Difference {
		return &Difference{Finding: report.Finding{Code: report.CodeRetired, Severity: report.SeverityWarning, File: rec.Name, Message: message}}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || vfs.CannotExist(err):
		if rec.Purge || !c.r.Now().Before(rec.Since.Add(c.r.Settings.Grace)) {
			return false, nil
		}
		return false, tell("is on the list of retired files and not there: clients with an older index miss it")
	case err != nil || !info.IsRegular() || info.Size != rec.Size:
		return false, tell("is on the list of retired files, but another file stands there")
	case info.Ino == rec.Ino:
		c.accounted[rec.Name] = true
		if now := c.r.Now(); rec.Since.After(now.Add(clockSlack)) {
			d := tell("is retired since a time to come, " + rec.Since.UTC().Format(time.RFC3339) + ", when the clock was wrong: it would stay until after that")
			rec.Since = now
			return true, d
		}
		return true, nil
	}
	// A copy of the whole repository has other inodes.
	sum, err := c.sum(rec.Name, info)
	if err != nil || sum != rec.SHA256 {
		return false, tell("is on the list of retired files, but another file stands there")
	}
	c.accounted[rec.Name] = true
	rec.Ino = info.Ino
	return true, tell("was copied since it was retired, so it would never be deleted")
}

// strangers are files in the folder that are nobody's.
func (c *checker) strangers() error {
	top, err := list(c.r.FS, ".")
	if err != nil {
		return err
	}
	for _, i := range top {
		switch {
		case strings.HasPrefix(i.Name, "."), i.Name == repo.MetadataFile, i.Name == repo.LockFile, c.format.Knows(i.Name):
		case i.Name == repo.PoolDir && i.Mode.IsDir():
			if err := c.pool(repo.PoolDir); err != nil {
				return err
			}
		default:
			c.stranger(i.Name, i)
		}
	}
	return nil
}

// pool looks at the files below a folder of the pool.
func (c *checker) pool(dir string) error {
	entries, err := list(c.r.FS, dir)
	if err != nil {
		return err
	}
	info, err := c.r.FS.Lstat(dir)
	if err != nil {
		return err
	}
	c.folder(dir, info)
	for _, i := range entries {
		name := path.Join(dir, i.Name)
		if i.Mode.IsDir() {
			err = errors.Join(err, c.pool(name))
			continue
		}
		c.stranger(name, i)
	}
	return err
}

func (c *checker) stranger(name string, info vfs.Info) {
	if c.accounted[name] || c.blind {
		return
	}
	for _, p := range c.opt.Ignore {
		if ok, err := path.Match(p, name); ok && err == nil {
			return
		}
	}
	d := c.tell(report.CodeForeign, report.SeverityWarning, name, fmt.Sprintf("this %s is in the repository's folder and nobody's", vfs.TypeName(info.Mode)))
	d.Hint = "move it away, or say with --ignore that it belongs there"
}

// leftovers are what killed processes have left.
func (c *checker) leftovers() error {
	found, err := leftovers(c.r)
	for _, l := range found {
		d := c.tell(report.CodeLeftover, report.SeverityWarning, l.Name, "was left by a process that is gone")
		d.Repair = "delete it"
		d.Mend = func() error {
			_, err := sweep(c.r, []Leftover{l})
			return err
		}
	}
	return err
}
