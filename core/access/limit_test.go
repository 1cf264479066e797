package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

func from(at Attempt, address string) Attempt {
	at.Address = netip.MustParseAddr(address)
	return at
}

// outcome of one login: "ok", "no", or how long to wait.
func (d *desk) outcome(t *testing.T, at Attempt) string {
	t.Helper()
	before := d.hashes.Load()
	_, err := d.Login(t.Context(), at)
	var limited *LimitedError
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrDenied):
		return "no"
	case !errors.As(err, &limited) || report.KindOf(err) != report.KindBusy || report.CodeOf(err) != "MP-LOGIN":
		t.Errorf("%v", err)
	case d.hashes.Load() != before:
		t.Error("a hash was computed for an attempt over the limit")
	}
	return limited.After.String()
}

// TestLimits plays attempts one after the other on a clock that stands still
// unless it is moved.
func TestLimits(t *testing.T) {
	t.Parallel()
	type step struct {
		times          int
		name, password string
		address        string
		want           string
		move           time.Duration
	}
	small := Options{Name: Rate{3, 30 * time.Second}, Address: Rate{5, 6 * time.Second}}
	for _, c := range []struct {
		what    string
		options Options
		steps   []step
	}{
		{"one name from many addresses", small, []step{
			{1, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.2", "no", 0}, {1, "bob", "x", "192.0.2.3", "no", 0},
			{1, "bob", "x", "192.0.2.4", "30s", 0}, {1, "bob", "right", "192.0.2.5", "30s", 0}, {1, "alice", "right", "192.0.2.4", "ok", 0},
		}},
		{"an unknown name is limited alike", small, []step{
			{1, "nobody", "x", "192.0.2.1", "no", 0}, {1, "nobody", "x", "192.0.2.2", "no", 0}, {1, "nobody", "x", "192.0.2.3", "no", 0},
			{1, "nobody", "x", "192.0.2.4", "30s", 0},
		}},
		{"many names from one address", small, []step{
			{1, "a", "x", "192.0.2.1", "no", 0}, {1, "b", "x", "192.0.2.1", "no", 0}, {1, "c", "x", "192.0.2.1", "no", 0},
			{1, "d", "x", "192.0.2.1", "no", 0}, {1, "e", "x", "192.0.2.1", "no", 0}, {1, "f", "x", "192.0.2.1", "6s", 0},
			{1, "alice", "right", "192.0.2.1", "6s", 0}, {1, "alice", "right", "192.0.2.2", "ok", 0},
		}},
		{"time forgives, one by one, up to the burst", small, []step{
			{3, "bob", "x", "192.0.2.1", "no", 29 * time.Second}, {1, "bob", "x", "192.0.2.1", "1s", time.Second},
			{1, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.1", "30s", 60 * time.Second},
			{2, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.1", "30s", 24 * time.Hour},
			{3, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.1", "30s", 0},
		}},
		{"attempts over the limit cost nothing more", small, []step{
			{3, "bob", "x", "192.0.2.1", "no", 0}, {50, "bob", "x", "192.0.2.1", "30s", 0}, {1, "bob", "x", "192.0.2.1", "30s", 30 * time.Second},
			{1, "bob", "right", "192.0.2.1", "ok", 0},
		}},
		{"what passes costs nothing", small, []step{
			{50, "bob", "right", "192.0.2.1", "ok", 0}, {3, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.1", "30s", 0},
		}},
		{"a known address is not locked out by others", small, []step{
			{1, "bob", "right", "192.0.2.1", "ok", 0}, {3, "bob", "x", "192.0.2.2", "no", 0}, {1, "bob", "right", "192.0.2.2", "30s", 0},
			{1, "bob", "right", "192.0.2.1", "ok", 0},
			{1, "a", "x", "192.0.2.1", "no", 0}, {1, "b", "x", "192.0.2.1", "no", 0}, {1, "c", "x", "192.0.2.1", "no", 0},
			{1, "d", "x", "192.0.2.1", "no", 0}, {1, "e", "x", "192.0.2.1", "no", 0}, {1, "alice", "right", "192.0.2.1", "6s", 0},
			{1, "bob", "right", "192.0.2.1", "ok", 0},
			{3, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "right", "192.0.2.1", "30s", 0},
		}},
		{"for 24 hours", small, []step{
			{1, "bob", "right", "192.0.2.1", "ok", knownFor}, {3, "bob", "x", "192.0.2.2", "no", 0}, {1, "bob", "right", "192.0.2.1", "30s", 0},
		}},
		{"an IPv6 /64 is one address, /64s are several", small, []step{
			{1, "a", "x", "2001:db8::1", "no", 0}, {1, "b", "x", "2001:db8::2", "no", 0}, {1, "c", "x", "2001:db8::ffff:0:0:1", "no", 0},
			{1, "d", "x", "2001:db8::4", "no", 0}, {1, "e", "x", "2001:db8::5", "no", 0}, {1, "f", "x", "2001:db8::6", "6s", 0},
			{1, "f", "x", "2001:db8:0:1::6", "no", 0},
		}},
		{"IPv4 in IPv6 is IPv4; a zone is nothing", small, []step{
			{1, "a", "x", "192.0.2.1", "no", 0}, {1, "b", "x", "::ffff:192.0.2.1", "no", 0}, {3, "c", "x", "::ffff:192.0.2.1", "no", 0},
			{1, "d", "x", "192.0.2.1", "6s", 0}, {1, "d", "x", "::ffff:192.0.2.2", "no", 0},
			{3, "e", "x", "fe80::1%eth0", "no", 0}, {2, "f", "x", "fe80::1%eth1", "no", 0}, {1, "g", "x", "fe80::1%eth2", "6s", 0},
		}},
		{"the defaults of a name", Options{}, []step{
			{10, "bob", "x", "192.0.2.1", "no", 0}, {1, "bob", "x", "192.0.2.1", "30s", 30 * time.Second}, {1, "bob", "x", "192.0.2.1", "no", 0},
			{1, "bob", "x", "192.0.2.1", "30s", 0},
		}},
		{"the defaults of an address", Options{}, []step{
			{10, "bob", "x", "192.0.2.1", "no", 0}, {10, "alice", "x", "192.0.2.1", "no", 0}, {1, "a", "x", "192.0.2.1", "6s", 0},
		}},
		{"tokens are limited by address, not by name", small, []step{
			{3, "bob", "x", "192.0.2.1", "no", 0}, {5, "bob", "mmpt_x", "192.0.2.2", "no", 0}, {1, "bob", "mmpt_x", "192.0.2.2", "6s", 0},
			{1, "bob", "x", "192.0.2.3", "30s", 0},
		}},
	} {
		d := newDesk(t, desks, c.options)
		for i, s := range c.steps {
			for range s.times {
				if got := d.outcome(t, from(attempt(s.name, s.password), s.address)); got != s.want {
					t.Errorf("%s: step %d: %s, want %s", c.what, i+1, got, s.want)
				}
			}
			d.clock.move(s.move)
		}
	}
}

// TestReadingsAreOneAttempt: two readings of a password leave as many attempts as
// one does.
func TestReadingsAreOneAttempt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, Options{Name: Rate{3, time.Hour}})
	for range 3 {
		if got := d.outcome(t, attempt("bob", "a b", "a+b")); got != "no" {
			t.Errorf("got %s", got)
		}
	}
	if got := d.outcome(t, attempt("bob", "a b", "a+b")); got != "1h0m0s" || d.hashes.Load() != 6 {
		t.Errorf("%s after %d hashes", got, d.hashes.Load())
	}
}

// TestRightPasswordsAtOnceAllPass: attempts under way are waited for, not counted
// as failures.
func TestRightPasswordsAtOnceAllPass(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, Options{Name: Rate{2, time.Hour}, Address: Rate{2, time.Hour}})
	var all sync.WaitGroup
	for range 500 {
		all.Go(func() {
			if _, err := d.Login(t.Context(), attempt("bob", "right")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestWrongPasswordsAtOnce get no more guesses than one after the other.
func TestWrongPasswordsAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, Options{Name: Rate{7, time.Hour}})
	var all sync.WaitGroup
	var limited atomic.Int64
	for i := range 500 {
		all.Go(func() {
			at := attempt("bob", fmt.Sprint("guess", i))
			at.Address = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			_, err := d.Login(t.Context(), at)
			var l *LimitedError
			if errors.As(err, &l) {
				limited.Add(1)
			}
		})
	}
	all.Wait()
	if d.hashes.Load() != 7 || limited.Load() != 493 {
		t.Errorf("%d guesses, %d refused", d.hashes.Load(), limited.Load())
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	l := newLimiter(Options{Name: Rate{1, time.Hour}, Now: (&clock{}).now}.withDefaults())
	leave, err := l.enter(t.Context(), "bob", netip.Addr{}, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.enter(ctx, "bob", netip.Addr{}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	leave(true)
	if _, err := l.enter(ctx, "bob", netip.Addr{}, false); err != nil {
		t.Errorf("there is room: %v", err)
	}
}

// TestWaitingForOthers: who finds only attempts under way waits for what comes of
// them.
func TestWaitingForOthers(t *testing.T) {
	t.Parallel()
	for _, passes := range []bool{true, false} {
		l := newLimiter(Options{Name: Rate{1, time.Hour}, Now: (&clock{}).now}.withDefaults())
		leave, err := l.enter(t.Context(), "bob", netip.Addr{}, false)
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan error)
		go func() {
			_, err := l.enter(t.Context(), "bob", netip.MustParseAddr("192.0.2.1"), false)
			second <- err
		}()
		for waits := false; !waits; runtime.Gosched() {
			l.mu.Lock()
			waits = l.ended != nil
			l.mu.Unlock()
		}
		leave(passes)
		if err := <-second; (err == nil) != passes {
			t.Errorf("the first passes: %v; the second: %v", passes, err)
		}
	}
}

// TestWhoLeavesHasTried: going away before the answer is no way to more guesses.
func TestWhoLeavesHasTried(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, Options{Name: Rate{1, time.Hour}})
	d.data().places <- struct{}{}
	d.data().places <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Login(ctx, attempt("bob", "x")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if got := d.outcome(t, attempt("bob", "right")); got != "1h0m0s" {
		t.Errorf("the next attempt: %s", got)
	}
}

// TestAFlood of 40,000 bad logins, each from another address and under another
// name, takes no memory, and does not reset anybody's limit. It measures memory, so
// no other test runs beside it.
func TestAFlood(t *testing.T) {
	d := newDesk(t, desks, Options{Name: Rate{10, time.Hour}})
	for range 10 {
		d.outcome(t, attempt("bob", "x"))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	flood := func(i int) {
		at := Attempt{Name: fmt.Sprint("name", i), Protocol: 2, Passwords: []Secret{NewSecret("x")}}
		at.Address = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		d.Login(context.Background(), at)
	}
	d.data().matches = func(Hash, string) bool { return false }
	for i := range 40_000 {
		flood(i)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("the flood left %d bytes", grown)
	}
	l := d.data().limits
	if len(l.addresses) != limitSlots || len(l.names) != limitSlots || len(l.known) != knownSlots || len(d.data().state.Load().memory.until) != 0 {
		t.Error("a table has grown")
	}
	at := from(attempt("bob", "x"), "198.51.100.1")
	if _, err := d.Login(t.Context(), at); err == nil || errors.Is(err, ErrDenied) {
		t.Errorf("the flood reset bob's limit: %v", err)
	}
	for i := range l.names {
		if l.names[i].flight != 0 || l.addresses[i].flight != 0 {
			t.Fatal("an attempt is still under way")
		}
	}
}

// TestTheClockGoesBack: no failure is forgiven for it, and none counted twice.
func TestTheClockGoesBack(t *testing.T) {
	t.Parallel()
	b := bucket{used: 2, at: time.Hour}
	b.forgive(time.Minute, Rate{3, time.Minute})
	if b.used != 2 {
		t.Errorf("%v failures", b.used)
	}
	b.forgive(time.Minute+30*time.Second, Rate{3, time.Minute})
	if b.used != 1.5 {
		t.Errorf("%v failures", b.used)
	}
}
