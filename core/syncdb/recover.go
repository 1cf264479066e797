package syncdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// CommitOptions are how a commit in a pacman repository begins, for callers that only
// want it recovered.
func CommitOptions(opt Options) commit.Options {
	return commit.Options{LockWait: opt.LockWait, Program: opt.Program, Waiting: opt.Waiting, Replan: replanner(opt)}
}

// replanner plans a decided change again, on what somebody else has made of the
// repository.
func replanner(opt Options) commit.Replan {
	return func(ctx context.Context, r *repo.Repo, intent json.RawMessage, stage string) (commit.Change, error) {
		// What is decided was judged before.
		opt.Required = func(*repo.Repo) ([]Named, error) { return nil, nil }
		g, _, err := begin(r, opt)
		if err != nil {
			return commit.Change{}, err
		}
		defer g.discard()
		if err := json.Unmarshal(intent, &g.wish); err != nil {
			return commit.Change{}, fmt.Errorf("the journal's intent: %w", err)
		}
		if err := g.draw(); err != nil {
			return commit.Change{}, err
		}
		if g.refused() {
			return commit.Change{}, g.refusal()
		}
		if g.idle() {
			return commit.Change{}, nil
		}
		return g.prepare(ctx, stage)
	}
}

// refusal is the findings that refuse, as one error.
func (g *gensync) refusal() error {
	e := &report.Error{Stage: "plan", Kind: report.KindRejected, File: g.repo.Path}
	for _, f := range g.verdict.findings {
		if f.Refuses() {
			e.Code, e.Err = f.Code, errors.Join(e.Err, errors.New(f.String()))
		}
	}
	return e
}

// GenerationsKept is how long a folder of databases stays that another has replaced:
// longer than any reader needs from the link to the files behind it.
const GenerationsKept = 10 * time.Minute

// sweep deletes the folders of databases that nobody reads any more. It runs under the
// lock, behind a commit.
func (g *gensync) sweep() error {
	fsys := g.repo.FS
	current, err := fsys.Readlink(g.current())
	if err != nil {
		return err
	}
	list, err := fsys.ReadDir(g.folder())
	if err != nil {
		return err
	}
	// From the newest to the oldest: replaced is when the next one came that has
	// databases; a commit that was given up leaves a folder that has none.
	slices.SortFunc(list, func(a, b vfs.Info) int { return b.ModTime.Compare(a.ModTime) })
	replaced, known := time.Time{}, false
	var errs []error
	for _, i := range list {
		name := path.Join(g.folder(), i.Name)
		if name != current && known && g.repo.Now().Sub(replaced) > GenerationsKept {
			errs = append(errs, vfs.RemoveAll(fsys, name))
			continue
		}
		if _, err := fsys.Lstat(path.Join(name, g.file(DB))); err == nil {
			replaced, known = i.ModTime, true
		}
	}
	return errors.Join(errs...)
}
