package pipeline

import (
	"context"
	"fmt"
	"path"
	"reflect"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// again plans the same steps once more, under the lock: what holds is what is there
// now. Somebody may have published since, and even if the indexes are the same, files
// may have come and gone. The verifiers are asked again only if the plan is another.
// The draft that comes back is the one to close, also with an error.
func (d *draft) again(ctx context.Context, r *repo.Repo, t *taken, verifiers []verify.Named) (*draft, error) {
	moved, err := d.moved(r)
	if err != nil {
		return d, err
	}
	if moved {
		next, err := d.redraw(ctx, r, t, verifiers)
		if err != nil {
			return d, err
		}
		return next, next.complete(r)
	}
	next := draftOn(d.base, d.first)
	next.proposal = d.proposal
	for i, s := range d.steps {
		if err := next.add(ctx, r, s, t, nil); err != nil {
			return d, err
		}
		if !reflect.DeepEqual(next.plans[i].Puts, d.plans[i].Puts) || !reflect.DeepEqual(next.plans[i].Edit, d.plans[i].Edit) {
			return d.redraw(ctx, r, t, verifiers)
		}
	}
	next.findings = d.findings
	return next, next.complete(r)
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

// moved reports whether the indexes are others than the draft was made on.
func (d *draft) moved(r *repo.Repo) (bool, error) {
	now, err := identify(r)
	if err != nil {
		return false, err
	}
	for i := range now {
		if now[i] != d.base[i] {
			return true, nil
		}
	}
	return false, nil
}
