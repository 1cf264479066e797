package pipeline

import (
	"slices"
	"sync"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
)

// Views keeps the indexes of one repository open, for who looks into them again and again
// and publishes in between: a server. Whoever asks gets what is published now. While a
// commit of [CommitGroup] with the same Views is under way, that may be what was published
// before it: nobody has been told of the commit then, and whoever plans on that plans again
// under the lock. The zero Views is ready; it may be used by many goroutines.
type Views struct {
	mu   sync.Mutex
	held *heldView
	// commits are under way.
	commits int
}

// heldView is a view that several may be using.
type heldView struct {
	published
	// users have not given it back; one of them is the Views, as long as it is held.
	users int
}

// Open returns a view of what is published; done gives it back.
func (v *Views) Open(r *repo.Repo) (view *index.Snapshot, done func(), err error) {
	h, err := v.open(r)
	if err != nil {
		return nil, nil, err
	}
	return h.view, func() { v.giveBack(h) }, nil
}

// draft is one on what is published.
func (v *Views) draft(r *repo.Repo) (*draft, error) {
	h, err := v.open(r)
	if err != nil {
		return nil, err
	}
	p := h.published
	p.done = func() { v.giveBack(h) }
	d := p.draft(r)
	d.views = v
	return d, nil
}

// open opens the indexes if they are not those that are held. Many who ask at once wait for
// one to do it.
func (v *Views) open(r *repo.Repo) (*heldView, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held == nil || v.commits == 0 {
		if err := v.renew(r); err != nil {
			return nil, err
		}
	}
	v.held.users++
	return v.held, nil
}

func (v *Views) renew(r *repo.Repo) error {
	base, err := identify(r)
	if err != nil {
		return err
	}
	if v.held != nil && slices.Equal(v.held.base, base) {
		return nil
	}
	p, err := readPublished(r)
	if err != nil {
		return err
	}
	v.drop()
	v.held = &heldView{published: p, users: 1}
	return nil
}

// drop lets go of what is held.
func (v *Views) drop() {
	if v.held != nil {
		v.held.leave()
		v.held = nil
	}
}

func (v *Views) giveBack(h *heldView) {
	v.mu.Lock()
	defer v.mu.Unlock()
	h.leave()
}

func (h *heldView) leave() {
	if h.users--; h.users == 0 {
		h.done()
	}
}

// forget is about a view that has turned out to lie.
func (v *Views) forget(view *index.Snapshot) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held != nil && v.held.view == view {
		v.drop()
	}
}

// committing says that a commit is under way, until it is done.
func (v *Views) committing() (done func()) {
	if v == nil {
		return func() {}
	}
	v.count(1)
	return func() { v.count(-1) }
}

func (v *Views) count(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.commits += n
}

// Close gives the indexes back, once those who have them open have done so. Who asks after
// that opens them again.
func (v *Views) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.drop()
}
