package pipeline

import (
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
)

// published are the index files, open, as they were at one time.
type published struct {
	base []repo.Identity
	view *index.Snapshot
	// done gives the view back.
	done func()
}

func readPublished(r *repo.Repo) (published, error) {
	base, err := identify(r)
	if err != nil {
		return published{}, err
	}
	view, err := View(r.FS)
	return published{base, view, func() { _ = view.Close() }}, inRepo(r, err)
}

// draft is one on top, under the settings as they are now.
func (p published) draft(r *repo.Repo) *draft {
	return &draft{
		base: p.base, ruled: ruledBy(r.Settings), first: p.view, view: p.view, done: p.done,
		written: map[string]*index.Written{}, pending: map[string]plan.Taken{}, sites: map[string]site{},
	}
}

// identify returns the identity of each index file.
func identify(r *repo.Repo) ([]repo.Identity, error) {
	var list []repo.Identity
	for _, name := range r.Format.Indexes() {
		id, err := repo.Identify(r.FS, name)
		if err != nil {
			return nil, repo.DiskError("plan", path.Join(r.Path, name), err)
		}
		list = append(list, id)
	}
	return list, nil
}

// reading is [readPublished] in a goroutine of its own.
type reading struct {
	done   chan struct{}
	got    published
	err    error
	defect any
	// taken: somebody else closes what was read.
	taken bool
}

func startReading(r *repo.Repo) *reading {
	x := &reading{done: make(chan struct{})}
	go func() {
		defer close(x.done)
		defer func() { x.defect = recover() }()
		x.got, x.err = readPublished(r)
	}()
	return x
}

// take returns a draft on what was read, or, if somebody has published since, on what is
// there now. A defect is the caller's, not the process's.
func (x *reading) take(r *repo.Repo) (*draft, error) {
	if x == nil {
		return newDraft(r)
	}
	<-x.done
	if x.defect != nil {
		panic(x.defect)
	}
	if x.err != nil {
		return nil, x.err
	}
	now, err := identify(r)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(now, x.got.base) {
		x.drop()
		return newDraft(r)
	}
	x.taken = true
	return x.got.draft(r), nil
}

// drop closes what nobody has taken.
func (x *reading) drop() {
	if x == nil {
		return
	}
	if <-x.done; !x.taken && x.got.view != nil {
		x.got.done()
	}
	x.taken = true
}
