package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Options are how a repository is checked.
type Options struct {
	// Deep reads every published file and compares its SHA-256; else only its size is
	// looked at.
	Deep bool
	// Ignore are patterns ([path.Match]) of files in the folder that belong there.
	Ignore []string
	// Commit is how [Repair] takes the lock.
	Commit commit.Options
	// Rewrite writes the indexes anew, as a commit of its own.
	Rewrite func(context.Context) error
}

// Difference is one thing that is not as it should be.
type Difference struct {
	report.Finding
	// Repair is what [Repair] does about it; empty: only a person can.
	Repair string `json:"repair,omitempty"`
	// Rewrite: writing the indexes anew mends it.
	Rewrite bool `json:"-"`
	// Mend repairs it, under the lock; it may do nothing if there is nothing to do any
	// more. Nil: see Repair.
	Mend func() error `json:"-"`
}

// Checkup is what a check has found, and a repair has done.
type Checkup struct {
	Schema     int    `json:"schema"`
	Repository string `json:"repository"`
	Deep       bool   `json:"deep,omitempty"`
	// Files and Bytes are what was looked at of the published files.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Differences are those that are left, Repaired those that were.
	Differences []Difference `json:"differences"`
	Repaired    []Difference `json:"repaired,omitempty"`
	// Findings tell what recovery did, and what could not be repaired.
	Findings []report.Finding `json:"findings,omitempty"`
}

// Clean reports whether nothing is left that is not as it should be.
func (c Checkup) Clean() bool { return len(c.Differences) == 0 }

// How often a check that somebody else's publish has disturbed is made again, and how
// long it waits before. Files that were read are not read again.
const (
	checkTries = 20
	checkPause = 50 * time.Millisecond
)

// Check compares a repository with what it should be. It takes no lock and changes
// nothing; publishes may go on meanwhile.
func Check(ctx context.Context, r *repo.Repo, f Format, opt Options) (Checkup, error) {
	return newChecker(ctx, r, f, opt).settled()
}

// checker looks at one repository, several times if need be.
type checker struct {
	ctx    context.Context
	r      *repo.Repo
	format Format
	opt    Options
	// sums are the files that were read.
	sums map[string]summed

	// Of one pass:
	found []Difference
	// accounted are the files below the folder that are somebody's.
	accounted map[string]bool
	// blind: the indexes cannot be read, so that nobody knows what is a stranger.
	blind bool
	files int
	bytes int64
	// uid is the owner of what is ours, if owned is set.
	uid   uint32
	owned bool
}

func newChecker(ctx context.Context, r *repo.Repo, f Format, opt Options) *checker {
	return &checker{ctx: ctx, r: r, format: f, opt: opt, sums: map[string]summed{}}
}

func (c *checker) checkup() Checkup {
	return Checkup{
		Schema: report.Schema, Repository: c.r.Path, Deep: c.opt.Deep, Files: c.files, Bytes: c.bytes,
		Differences: append([]Difference{}, c.found...),
	}
}

// settled makes passes until nobody has published during one.
func (c *checker) settled() (Checkup, error) {
	for try := 0; ; try++ {
		before, err := c.identities()
		if err == nil {
			err = c.pass()
		}
		if err != nil {
			return c.checkup(), err
		}
		after, err := c.identities()
		if err != nil {
			return c.checkup(), err
		}
		if slices.Equal(before, after) && !c.r.Unfinished() || try == checkTries {
			return c.checkup(), nil
		}
		c.r.Sleep(checkPause)
	}
}

func (c *checker) identities() ([]repo.Identity, error) {
	var list []repo.Identity
	for _, name := range c.r.Format.Indexes() {
		id, err := repo.Identify(c.r.FS, name)
		if err != nil {
			return nil, repo.DiskError("fsck", path.Join(c.r.Path, name), err)
		}
		list = append(list, id)
	}
	return list, nil
}

// pass looks at everything once.
func (c *checker) pass() error {
	c.found, c.accounted, c.files, c.bytes = nil, map[string]bool{}, 0, 0
	c.blind = false
	c.findOwner()
	c.journal()
	published := c.indexes()
	for _, f := range published {
		if c.ctx.Err() != nil {
			break
		}
		c.file(f)
	}
	if err := c.ctx.Err(); err != nil {
		return &report.Error{Stage: "fsck", Code: report.CodeStopped, Kind: report.KindBusy, File: c.r.Path, Err: err}
	}
	for _, step := range []func() error{c.retired, c.strangers, c.modes, c.history, c.leftovers} {
		if err := step(); err != nil {
			return c.r.Tell("fsck", err)
		}
	}
	return nil
}

// tell adds a difference.
func (c *checker) tell(code report.Code, s report.Severity, file, message string) *Difference {
	c.found = append(c.found, Difference{Finding: report.Finding{Code: code, Severity: s, File: file, Message: message}})
	return &c.found[len(c.found)-1]
}

// journal: a change that is decided and not finished.
func (c *checker) journal() {
	if !c.r.Unfinished() {
		return
	}
	d := c.tell(report.CodeJournal, report.SeverityWarning, repo.JournalFile, "an interrupted publish waits to be finished")
	d.Repair = "finish it, as the next publish does"
	// Taking the lock has done it.
	d.Mend = func() error { return nil }
}

// indexes looks at the index files and returns what they name.
func (c *checker) indexes() []File {
	for _, name := range c.r.Format.Indexes() {
		c.accounted[name] = true
		c.index(name)
	}
	c.links()
	p, err := c.format.Published(c.r.FS)
	if err != nil {
		d := c.tell(report.CodeIndex, report.SeverityError, fileOf(err), strings.TrimPrefix(err.Error(), fileOf(err)+": "))
		d.Hint = "restore both index files from a backup, or write them again with the tool that made them"
		c.blind = true
		return nil
	}
	c.found = append(c.found, p.Found...)
	for _, name := range p.Kept {
		c.accounted[name] = true
	}
	c.cache()
	return p.Files
}

// cache looks whether what is kept of the indexes is so.
func (c *checker) cache() {
	keeper, ok := c.format.(CacheChecker)
	if !ok {
		return
	}
	if err := keeper.CheckCache(c.r.FS); err != nil {
		d := c.tell(report.CodeCache, report.SeverityError, repo.CacheFile, err.Error())
		d.Hint = "publishes may miss packages that are there, until it is deleted"
		d.Repair = "delete it; the next publish writes a new one"
		d.Mend = func() error { return c.r.FS.Remove(repo.CacheFile) }
	}
}

func (c *checker) index(name string) {
	info, err := c.r.FS.Lstat(name)
	if err != nil {
		d := c.tell(report.CodeIndex, report.SeverityError, name, "the index file cannot be found: "+err.Error())
		d.Hint = "restore both index files from a backup; clients cannot update"
		c.blind = true
		return
	}
	switch _, linked := c.format.(Linked); {
	case linked && info.Mode&fs.ModeSymlink != 0:
		c.owner(name, info)
		return
	case linked || !info.IsRegular():
		c.tell(report.CodeIndex, report.SeverityError, name, "is a "+vfs.TypeName(info.Mode)+", not what it should be")
		return
	}
	c.public(name, info)
	c.date(name, info)
}

// date looks at a date that clients, or the other tool, compare.
func (c *checker) date(name string, info vfs.Info) {
	ahead := info.ModTime.Sub(c.r.Now())
	if ahead <= c.format.Ahead() {
		return
	}
	d := c.tell(report.CodeClock, report.SeverityError, name, fmt.Sprintf("is dated %s ahead of the clock", ahead.Round(time.Second)))
	d.Expected, d.Actual = "a time that has passed", info.ModTime.UTC().Format(time.RFC3339)
	d.Hint = "publishes wait for the clock to reach it"
	d.Repair = "set its date to now"
	d.Mend = func() error { return c.r.FS.Chtimes(name, c.r.Now()) }
}

// links looks at the links by which clients come.
func (c *checker) links() {
	l, ok := c.format.(Linked)
	if !ok {
		return
	}
	for _, link := range l.Links(c.r.FS) {
		c.accounted[link[0]] = true
		says, err := c.r.FS.Readlink(link[0])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d := c.tell(report.CodeIndex, report.SeverityError, link[0], "the link is missing by which clients come")
			d.Repair, d.Mend = "make it", func() error { return l.MakeLinks(c.r.FS, repo.MetaDir) }
		case err != nil || says != link[1]:
			d := c.tell(report.CodeIndex, report.SeverityError, link[0], "is not the link by which clients come: another program has written it")
			d.Expected, d.Actual = "a link to "+link[1], "something else"
			if err == nil {
				d.Actual = "a link to " + says
			}
			d.Hint = "move it away; --repair makes the link"
		}
	}
}

// fileOf is the file that an error is about.
func fileOf(err error) string {
	if e, ok := asReport(err); ok {
		return e.File
	}
	return ""
}
