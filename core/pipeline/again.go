package pipeline

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// again makes sure, under the lock, that the draft is of what is there now. A plan follows
// from the indexes, from the settings, and from what stands at the paths that it asked
// about: somebody may have published since, and even if the indexes are the same, files
// may have come and gone. Where one of them is another, the steps are planned once more,
// and the verifiers asked. The draft that comes back is the one to close, also with an
// error.
func (d *draft) again(ctx context.Context, r *repo.Repo, t *taken, verifiers []verify.Named) (*draft, error) {
	stands, err := d.stands(r, t)
	if err == nil && !stands {
		d, err = d.redraw(ctx, r, t, verifiers)
	}
	if err != nil {
		return d, err
	}
	return d, d.complete(r)
}

// redraw plans the steps on the indexes opened anew, and closes the old ones.
func (d *draft) redraw(ctx context.Context, r *repo.Repo, t *taken, verifiers []verify.Named) (*draft, error) {
	next, err := draw(ctx, r, d.proposal, t, verifiers)
	if err != nil {
		return d, err
	}
	d.close()
	return next, nil
}

// complete refuses to publish on top of half a repository: an index file that is not
// there, or has no byte, would count as one with no package.
func (d *draft) complete(r *repo.Repo) error {
	binaries, sources := d.first.Len()
	if binaries > 0 || sources == 0 {
		return nil
	}
	return &report.Error{
		Stage: "plan", Code: report.CodeIndex, Kind: report.KindInternal, File: path.Join(r.Path, index.BinaryFile),
		Err:  fmt.Errorf("names no package, but %s names %d sources", index.SourceFile, sources),
		Hint: "restore it from a backup; if the repository is meant to be empty, empty " + index.SourceFile + " too",
	}
}

// stands reports whether everything that the draft follows from is as it was.
func (d *draft) stands(r *repo.Repo, t *taken) (bool, error) {
	now, err := identify(r)
	if err != nil || !slices.Equal(now, d.base) || !d.ruled.equal(r.Settings) {
		return false, err
	}
	for path, was := range d.sites {
		is, err := t.at(path)
		if err != nil || is != was {
			return false, inRepo(r, err)
		}
	}
	return true, nil
}

// ruled are the settings that a plan follows from.
type ruled struct{ rebuild, downgrade, takeOver repo.Policy }

func ruledBy(s repo.Settings) ruled { return ruled{s.Rebuild, s.Downgrade, s.TakeOver} }

func (r ruled) equal(s repo.Settings) bool {
	return slices.Equal(r.rebuild, s.Rebuild) && slices.Equal(r.downgrade, s.Downgrade) && slices.Equal(r.takeOver, s.TakeOver)
}
