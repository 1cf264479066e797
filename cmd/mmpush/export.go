package main

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

type exportCmd struct {
	Dir string `arg:"" complete:"folder" help:"The folder: empty, that of an earlier export, or one that is made."`
	upkeepFlags

	Ignore []string `placeholder:"PATTERN" help:"A name in DIR that belongs there, such as CNAME; can be given several times."`
	DryRun bool     `short:"n" help:"Show what would be copied, and change nothing."`
}

// Help is shown by --help.
func (*exportCmd) Help() string {
	return `DIR holds exactly what one generation of the indexes names, whatever is published meanwhile: the two indexes and their files, 0644 in folders 0755, nothing of .mmpush; ready for rsync or a pages host. Files are compared with their SHA-256 as they are copied, and share their blocks where the file system can. Run again, it copies what is new, then switches the indexes, then deletes what has vanished. A folder with other files is refused.`
}

// exported is the document of export.
type exported struct {
	upkeep.Exported
	Error *problem `json:"error,omitempty"`
}

func (c *exportCmd) run(ctx context.Context, a *app) (doc any, code int) {
	for _, p := range c.Ignore {
		if _, err := path.Match(p, ""); err != nil {
			return a.fail(wrongUsage("* and ? stand for any letters", "--ignore: %q is not a pattern", visible(p)))
		}
	}
	if c.Dir == "" {
		return a.fail(wrongUsage("name a folder", "the name of the folder is empty"))
	}
	r, done, err := c.open(a)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	got, err := c.export(ctx, a, r)
	a.err.findings(got.Findings)
	if err != nil {
		a.err.problem(err)
		return exported{got, problemOf(err)}, exitOfError(err)
	}
	did := a.out.paint(good, "exported")
	if c.DryRun {
		did = a.out.paint(caution, "would export")
	}
	a.out.line("%s%s to %s: %s (%s); %d added (%s), %d kept, %d removed", did, generationOf(got), visible(c.Dir),
		plural(got.Added+got.Kept, "file"), bytesText(got.Size), got.Added, bytesText(got.Bytes), got.Kept, got.Removed)
	return exported{Exported: got}, exitDone
}

func generationOf(e upkeep.Exported) string {
	if e.Generation == 0 {
		return ""
	}
	return fmt.Sprintf(" generation %d", e.Generation)
}

func (c *exportCmd) export(ctx context.Context, a *app, r *repo.Repo) (upkeep.Exported, error) {
	if inside(c.Dir, r.Path) {
		return upkeep.Exported{}, wrongUsage("name a folder outside", "%s is in the repository itself", visible(c.Dir))
	}
	folder, err := dir.OpenFolder(c.Dir, !c.DryRun)
	if err != nil {
		return upkeep.Exported{}, err
	}
	defer folder.Close()
	to := upkeep.Target{FS: a.folder(folder), Path: c.Dir, Ignore: c.Ignore, DryRun: c.DryRun}
	return upkeep.Export(ctx, r, a.kindOf(r).format(r), to, c.commitOptions(a, r))
}

// inside reports whether a folder, which may not be there yet, is another one or below
// it.
func inside(folder, other string) bool {
	top, err := realPath(other)
	if err != nil {
		return false
	}
	at, err := realPath(folder)
	if err != nil {
		at, err = realPath(filepath.Dir(filepath.Clean(folder)))
	}
	if err != nil {
		return false
	}
	below, err := filepath.Rel(top, at)
	return err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator))
}

// realPath is a path without links.
func realPath(name string) (string, error) {
	at, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(at)
}
