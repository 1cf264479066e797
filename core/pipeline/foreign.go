package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// foreignLimit is how many stanzas of a foreign change are told one by one: each is
// some 800 bytes of the history, and who adopts a repository of 100,000 packages, or
// restores one, does not look them up there.
const foreignLimit = 10_000

// foreign is what somebody else has made of the indexes since the last generation, and
// its difference; nil if nobody has. Call it under the lock.
func foreign(r *repo.Repo) (*repo.Change, plan.Delta, error) {
	last, _, err := r.LastGeneration()
	if err != nil {
		return nil, plan.Delta{}, err
	}
	if last.Number > 0 && len(last.Indexes) > 0 {
		if ours, err := r.Wrote(last); err != nil || ours {
			return nil, plan.Delta{}, err
		}
	}
	was, err := viewOf(r, last)
	if err != nil {
		return nil, plan.Delta{}, err
	}
	if was == nil {
		return &repo.Change{Action: repo.ActionForeign, Unknown: true}, plan.Delta{}, nil
	}
	defer was.Close()
	now, err := index.Open(r.FS)
	if err != nil {
		return nil, plan.Delta{}, inRepo(r, err)
	}
	defer now.Close()
	d, err := plan.Diff(was, now)
	if err != nil || d.Empty() {
		return nil, d, inRepo(r, err)
	}
	if len(d.Dropped)+len(d.Added) > foreignLimit {
		return &repo.Change{Action: repo.ActionForeign, Unknown: true}, d, nil
	}
	c := &repo.Change{Action: repo.ActionForeign, Packages: d.Packages()}
	inArch(c.Packages, r.Arch)
	err = keepDelta(c, d.Dropped, d.Names())
	return c, d, err
}

// inArch adds the architecture to the lines of binary packages.
func inArch(lines []report.Package, arch string) {
	for i := range lines {
		if lines[i].Kind == report.Binary {
			lines[i].Architecture = arch
		}
	}
}

// keepDelta puts into a record what it takes to take the change back.
func keepDelta(c *repo.Change, dropped []plan.Dropped, added []plan.Added) error {
	var err error
	if c.Dropped, err = json.Marshal(dropped); err != nil {
		return err
	}
	c.Added, err = json.Marshal(added)
	return err
}

// viewOf reads the indexes as a generation left them; nil if they are not kept.
func viewOf(r *repo.Repo, g repo.Generation) (*index.Snapshot, error) {
	if g.Number == 0 {
		return index.NewView(nil, nil)
	}
	if len(g.Indexes) == 0 {
		return nil, nil
	}
	kept, err := r.Kept(g)
	if err != nil || kept == nil {
		return nil, err
	}
	v, err := index.Open(renamed{r.FS, kept})
	if e, ok := errors.AsType[*report.Error](err); ok && e.Code == report.CodeIndex {
		return nil, nil
	}
	return v, inRepo(r, err)
}

// renamed finds some files under other names.
type renamed struct {
	vfs.FS
	names map[string]string
}

// Open implements [vfs.FS].
func (f renamed) Open(name string) (vfs.File, error) {
	if other, ok := f.names[name]; ok {
		name = other
	}
	return f.FS.Open(name)
}

// foreignNote tells that a generation was recorded for somebody else.
func foreignNote(ours uint64) report.Finding {
	n := report.Finding{Code: report.CodeOutside, Severity: report.SeverityNote}
	if n.Message = fmt.Sprintf("another program has changed the indexes since generation %d; what it did is generation %d", ours-2, ours-1); ours == 2 {
		n.Message = "the indexes were written by another program; what was there is generation 1"
	}
	return n
}
