package tupkg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/upload"
)

// Dial opens a connection for one conversation. An error that is a *[report.Error] is
// told as it is and not tried again.
type Dial func(ctx context.Context) (io.ReadWriteCloser, error)

// Patience bounds the trying again. The zero value is the default.
type Patience struct {
	// First is the first pause, which then grows up to Longest; each is varied by
	// half. Defaults: half a second, 30 seconds.
	First, Longest time.Duration
	// For is how long to try without a byte getting through: 2 minutes. Less than 0
	// is not at all.
	For time.Duration
}

func (p Patience) withDefaults() Patience {
	if p.First <= 0 {
		p.First = 500 * time.Millisecond
	}
	if p.Longest <= 0 {
		p.Longest = 30 * time.Second
	}
	if p.For == 0 {
		p.For = 2 * time.Minute
	}
	return p
}

// Resume dials and has the conversation of version 2 about one upload; when the connection
// is lost, it dials again after a pause and goes on where the last one ended, until the
// verdict is there or patience is over. A server that was never reached is not tried
// again; a first login, only if the connection was reset, and three times.
//
// A refusal by verification or policy is a report. An error is a *[report.Error]: of
// [report.KindTransport] if the connections failed and another one can go on where they
// ended, of [report.KindDenied] if the login or the rights are refused, of
// [report.KindBusy] if the server has no room now.
func Resume(ctx context.Context, dial Dial, u upload.Upload, o Options) (report.Report, error) {
	c := newConversation(u, o)
	defer c.close()
	rep, err := c.resume(ctx, dial)
	return rep, c.explain(ctx, err)
}

func (c *conversation) resume(ctx context.Context, dial Dial) (rep report.Report, err error) {
	err = persist(ctx, c.o.Patience, c.notice, func() (int64, bool, error) {
		before := c.sent
		rep, err = c.dialled(ctx, dial)
		return c.sent - before, err != nil && c.again(err), err
	})
	return rep, err
}

func (c *conversation) dialled(ctx context.Context, dial Dial) (report.Report, error) {
	conn, err := dial(ctx)
	if err != nil {
		return report.Report{}, err
	}
	return c.once(ctx, conn)
}

// persist repeats what a lost connection has cut short, until it is done, its error is
// final or patience is over. try tells how many bytes got through and whether another
// connection may do what this one did not.
func persist(ctx context.Context, p Patience, notice func(string), try func() (sent int64, again bool, err error)) error {
	pauses := newPauses(p)
	var first error
	for {
		sent, again, err := try()
		if err == nil || !again || ctx.Err() != nil {
			return err
		}
		if sent > 0 && !replaced(err) {
			pauses.reset()
			first = nil
		}
		if first == nil {
			first = err
		}
		pause, ok := pauses.next()
		if !ok {
			return pauses.over(first, err)
		}
		notice(fmt.Sprintf("%s; trying again in %s", lost(err), pause.Round(100*time.Millisecond)))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// resumable reports whether an error is of the connection, or of a server that stops.
func resumable(err error) bool {
	if r, ok := errors.AsType[*wire.Refusal](err); ok {
		// A session that sends one of the same files has gone ahead; when it is
		// through, that file is there.
		return r.Code == wire.CodeShutdown || replaced(err)
	}
	_, final := errors.AsType[*report.Error](err)
	return !final && !errors.Is(err, wire.ErrProtocol) && !errors.Is(err, wire.ErrLocal) && !errors.Is(err, wire.ErrVersion)
}

// replaced reports whether a newer session of the same user has taken the files over.
// Two that send the same upload must not take it from each other for ever, so that
// what got through in between earns no new patience.
func replaced(err error) bool {
	r, ok := errors.AsType[*wire.Refusal](err)
	return ok && r.Code == wire.CodeReplaced
}

// lost is what happened, without what the user need not know.
func lost(err error) string {
	if b, ok := errors.AsType[*wire.BrokenError](err); ok && errors.Is(b.Err, io.ErrUnexpectedEOF) {
		return "the server hung up during " + b.Phase.String()
	}
	return err.Error()
}

// pauses are the waits between connections.
type pauses struct {
	p     Patience
	b     *backoff.ExponentialBackOff
	from  time.Time
	tries int
}

func newPauses(p Patience) *pauses {
	p = p.withDefaults()
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = p.First, p.Longest
	b.Reset()
	return &pauses{p: p, b: b}
}

// reset is called when bytes got through.
func (s *pauses) reset() {
	s.b.Reset()
	s.from, s.tries = time.Time{}, 0
}

// next is the pause before the next try; false if patience is over.
func (s *pauses) next() (time.Duration, bool) {
	if s.from.IsZero() {
		s.from = time.Now()
	}
	if time.Since(s.from) >= s.p.For {
		return 0, false
	}
	s.tries++
	return s.b.NextBackOff(), true
}

// over is the last error, with what it began with and what was done about it.
func (s *pauses) over(first, last error) error {
	tried := fmt.Sprintf("given up after %d more tries in %s", s.tries, time.Since(s.from).Round(time.Second))
	switch {
	case s.tries == 0:
		return last
	case lost(first) == lost(last):
		return fmt.Errorf("%w (%s)", last, tried)
	}
	return fmt.Errorf("%s; then %w (%s)", lost(first), last, tried)
}
