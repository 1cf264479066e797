package main

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// readAhead is how many commands a batch may have read before it has answered the one at
// hand.
const readAhead = 2

// order is a command that was read, or the end of the input.
type order struct {
	command
	end bool
	// addition is the upload of an ADD that is being read; nil if that has not begun.
	addition *addition
}

// addition is an upload on its way into the open change. Its files are read at any time,
// and it is planned when it is its turn.
type addition struct {
	turn, done chan struct{}
	shown      *progress
	rep        report.Report
	err        error
	// defect is a panic of the work.
	defect error
}

// startAddition begins to read an upload in the background.
func (b *batch) startAddition(ctx context.Context, manifest string) *addition {
	x := &addition{turn: make(chan struct{}), done: make(chan struct{}), shown: newProgress(b.err, time.Now)}
	set := b.set
	go func() {
		defer close(x.done)
		defer func() {
			if p := recover(); p != nil {
				x.defect = panicError(p)
			}
		}()
		x.rep, x.err = b.read(ctx, manifest, x.shown, func(ctx context.Context, u upload.Upload, _ *progress) (report.Report, error) {
			options := b.options
			options.Progress = x.tell
			arrival := set.Receive(ctx, pipeline.Request{Upload: u, Requests: b.requests, Options: options})
			select {
			case <-x.turn:
				return set.Add(ctx, arrival)
			case <-ctx.Done():
				return report.Report{}, ctx.Err()
			}
		})
	}()
	return x
}

// tell shows how far the reading is, once it is what everybody waits for.
func (x *addition) tell(p upload.Progress) {
	select {
	case <-x.turn:
		x.shown.tell(p)
	default:
	}
}

// finish plans the upload; the next commands are read meanwhile.
func (b *batch) finish(ctx context.Context, x *addition) (report.Report, error) {
	close(x.turn)
	for {
		lines := b.lines
		if n := len(b.orders); n >= readAhead || n > 0 && b.orders[n-1].addition == nil {
			lines = nil
		}
		select {
		case <-x.done:
			if x.defect != nil {
				panic(x.defect)
			}
			x.shown.end()
			return x.rep, x.err
		case c, more := <-lines:
			o := order{command: c, end: !more}
			if c.verb == "ADD" && c.argument != "" {
				o.addition = b.startAddition(ctx, c.argument)
			}
			b.orders = append(b.orders, o)
		}
	}
}

// next is the next order; the input may have it now or later.
func (b *batch) next(ctx context.Context) (order, error) {
	if len(b.orders) == 0 {
		select {
		case <-ctx.Done():
		case c, more := <-b.lines:
			b.orders = append(b.orders, order{command: c, end: !more})
		}
	}
	if err := ctx.Err(); err != nil {
		return order{}, err
	}
	o := b.orders[0]
	b.orders = b.orders[1:]
	return o, o.err
}

// over reports whether the input is known to have ended.
func (b *batch) over() bool {
	if len(b.orders) == 0 {
		select {
		case c, more := <-b.lines:
			b.orders = append(b.orders, order{command: c, end: !more})
		default:
		}
	}
	return len(b.orders) > 0 && b.orders[0].end
}

// abandon waits for the uploads that were read ahead, and that nobody will plan; the
// context has ended.
func (b *batch) abandon() {
	for _, o := range b.orders {
		if o.addition != nil {
			<-o.addition.done
		}
	}
}
