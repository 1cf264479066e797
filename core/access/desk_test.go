package access

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// clock is a clock that stands still until it is moved.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_800_000_000, c.nanos.Load()) }

func (c *clock) move(d time.Duration) { c.nanos.Add(int64(d)) }

func (c *clock) at(d time.Duration) time.Time { return c.now().Add(d) }

// desk is an Authenticator whose hashes are counted instead of computed: the
// password of every user with a hash is "right".
type desk struct {
	*Authenticator
	clock  *clock
	hashes atomic.Int64
	// computed are the hashes asked for, by their stored text.
	mu       sync.Mutex
	computed []string
}

// generous limits nothing, for the tests of other things.
func generous() Options {
	return Options{Name: Rate{1_000_000, time.Second}, Address: Rate{1_000_000, time.Second}}
}

func newDesk(t testing.TB, text string, o Options) *desk {
	t.Helper()
	d := &desk{clock: &clock{}}
	o.Now = d.clock.now
	d.Authenticator = NewAuthenticator(parse(t, text), Stamp{}, o)
	d.data().matches = func(h Hash, password string) bool {
		d.hashes.Add(1)
		d.mu.Lock()
		d.computed = append(d.computed, h.stored())
		d.mu.Unlock()
		return password == "right"
	}
	return d
}

func attempt(name string, readings ...string) Attempt {
	at := Attempt{Name: name, Protocol: 2, Address: netip.MustParseAddr("192.0.2.1")}
	for _, r := range readings {
		at.Passwords = append(at.Passwords, NewSecret(r))
	}
	return at
}

// cost is the number of hashes that one login computed, and its error.
func (d *desk) cost(at Attempt) (int64, error) {
	before := d.hashes.Load()
	_, err := d.Login(context.Background(), at)
	return d.hashes.Load() - before, err
}

const desks = "alice:" + argonB0b + " rights=*\n" +
	"bob:" + bcryptB0b + "\n" +
	"carol:" + bcryptB0b + " suspended\n" +
	"dora:" + bcryptB0b + " protocol=2\n" +
	"robot:-\n"

func checkDenied(t *testing.T, what string, err error, reason string) {
	t.Helper()
	e, ok := errors.AsType[*DeniedError](err)
	if !ok || !errors.Is(err, ErrDenied) || e.Reason() != reason {
		t.Errorf("%s: %v, for the reason %q", what, err, reason)
		return
	}
	r, _ := errors.AsType[*report.Error](err)
	want := report.Error{Stage: "login", Code: "MP-LOGIN", Kind: report.KindDenied, Err: e}
	if *r != want || err.Error() != ErrDenied.Error() {
		t.Errorf("%s: the answer tells more than others: %+v", what, *r)
	}
}

func edited(t testing.TB, text string, edit func(*File) (*File, error)) *File {
	t.Helper()
	f, err := edit(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
