package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
)

const (
	// groupMost is how many uploads are published with one commit at most.
	groupMost = 256
	// groupWait is how long a commit waits for uploads that are being verified: about as
	// long as a commit takes.
	groupWait = 30 * time.Millisecond
)

// committer publishes what is verified and waits: all of it with one commit, while what
// comes meanwhile waits for the next. A commit waits a moment for uploads that are about to
// be verified: one that is alone waits for nobody. There is a goroutine of it only as long
// as somebody waits.
type committer struct {
	s *Server

	mu      sync.Mutex
	waiting []*ticket
	busy    bool
	// coming are the uploads that are being verified, and may come to wait. changed, if not
	// nil, is closed when one of them has come, or will not.
	coming  int
	changed chan struct{}
}

// expect says that an upload may come to wait, until gone is called; twice does no harm.
func (c *committer) expect() (gone func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coming++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.coming--
		if c.changed != nil {
			close(c.changed)
			c.changed = nil
		}
	})
}

// gather returns when nobody is expected any more, or it has taken long enough.
func (c *committer) gather() {
	limit := time.NewTimer(groupWait)
	defer limit.Stop()
	for {
		changed := c.awaited()
		if changed == nil {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			return
		}
	}
}

// awaited is closed when less uploads are expected than now; nil if none is, if nobody
// waits, or if a group is full.
func (c *committer) awaited() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.coming == 0 || len(c.waiting) == 0 || len(c.waiting) >= groupMost {
		return nil
	}
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// ticket is an upload that waits.
type ticket struct {
	ctx    context.Context
	upload *pipeline.Prepared
	// answer has room for the one that comes.
	answer chan pipeline.Outcome
}

// commit publishes an upload together with those that wait, too; it calls arrived when it
// does. Once a commit has begun, its end is waited for, whatever becomes of ctx.
func (c *committer) commit(ctx context.Context, upload *pipeline.Prepared, arrived func()) (report.Report, error) {
	t := &ticket{ctx, upload, make(chan pipeline.Outcome, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, t)
	if !c.busy {
		c.busy = true
		go c.run()
	}
	c.mu.Unlock()
	arrived()
	out := <-t.answer
	return out.Report, out.Err
}

// run publishes until nobody waits.
func (c *committer) run() {
	for {
		c.gather()
		group := c.next()
		if group == nil {
			return
		}
		c.publish(group)
	}
}

// next are those that wait, nil if nobody does.
func (c *committer) next() []*ticket {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), groupMost)
	if n == 0 {
		c.busy, c.waiting = false, nil
		return nil
	}
	group := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	return group
}

// publish answers each of a group. Who has hung up by now is left out.
func (c *committer) publish(group []*ticket) {
	var here []*ticket
	for _, t := range group {
		if t.ctx.Err() != nil {
			t.answer <- pipeline.Outcome{Err: fmt.Errorf("waiting for other publishes: %w", context.Cause(t.ctx))}
			continue
		}
		here = append(here, t)
	}
	if len(here) == 0 {
		return
	}
	ctx, done := whileAny(here)
	defer done()
	began := time.Now()
	out := c.together(ctx, here)
	published := 0
	for i, t := range here {
		if out[i].Err == nil && out[i].Report.Generation > 0 {
			published++
		}
		t.answer <- out[i]
	}
	if published > 0 {
		c.s.Meter.Committed(published, time.Since(began))
	}
}

// together commits a group. A defect is an answer, too: everybody waits for one.
func (c *committer) together(ctx context.Context, group []*ticket) (out []pipeline.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			c.s.Log.Error("defect", "panic", p, "stack", string(debug.Stack()))
			out = same(len(group), fmt.Errorf("a defect: %v", p))
		}
	}()
	r, err := c.s.open()
	if err != nil {
		return same(len(group), err)
	}
	var uploads []*pipeline.Prepared
	for _, t := range group {
		uploads = append(uploads, t.upload)
	}
	return pipeline.CommitGroup(ctx, r, pipeline.Options{LockWait: c.s.Limits.LockWait, Program: c.s.Program, Transport: c.s.Transport, Required: c.s.Required, Views: &c.s.views}, uploads)
}

// same is one error for all.
func same(n int, err error) []pipeline.Outcome {
	out := make([]pipeline.Outcome, n)
	for i := range out {
		out[i].Err = err
	}
	return out
}

// whileAny is a context that ends when all of a group have hung up.
func whileAny(group []*ticket) (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	var left atomic.Int64
	left.Store(int64(len(group)))
	var stops []func() bool
	for _, t := range group {
		stops = append(stops, context.AfterFunc(t.ctx, func() {
			if left.Add(-1) == 0 {
				cancel(context.Cause(t.ctx))
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}
