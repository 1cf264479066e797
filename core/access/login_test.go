package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOneAnswerAtOneCost: whatever the reason, a refusal is the same text, kind and
// code, and costs one hash for each reading.
func TestOneAnswerAtOneCost(t *testing.T) {
	t.Parallel()
	f := parse(t, desks)
	for _, c := range []struct {
		name, password string
		protocol       int
		reason         string
	}{
		{"alice", "wrong", 2, "unknown user, or wrong password"},
		{"bob", "wrong", 1, "unknown user, or wrong password"},
		{"bob", "", 2, "unknown user, or wrong password"},
		{"nobody", "right", 2, "unknown user, or wrong password"},
		{"", "right", 2, "unknown user, or wrong password"},
		{"Alice", "right", 2, "unknown user, or wrong password"},
		{"alice\x00", "right", 2, "unknown user, or wrong password"},
		{strings.Repeat("x", 100_000), "right", 2, "unknown user, or wrong password"},
		{"robot", "right", 2, "unknown user, or wrong password"},
		{"carol", "wrong", 2, "unknown user, or wrong password"},
		{"carol", "right", 2, "suspended"},
		{"dora", "wrong", 1, "unknown user, or wrong password"},
		{"dora", "right", 1, "needs protocol 2"},
		{"dora", "right", 0, "needs protocol 2"},
	} {
		d := newDesk(t, string(f.Bytes()), generous())
		for readings := 1; readings <= 2; readings++ {
			at := attempt(c.name, []string{c.password, "another"}[:readings]...)
			at.Protocol = c.protocol
			cost, err := d.cost(at)
			checkDenied(t, fmt.Sprintf("%.20q with %q", c.name, c.password), err, c.reason)
			if cost != int64(readings) {
				t.Errorf("%.20q with %q: %d hashes for %d readings", c.name, c.password, cost, readings)
			}
		}
	}
}

// TestUnknownNamesCostWhatKnownOnesDo: the same kinds of hashes in about the same
// proportion, and always the same one for one name.
func TestUnknownNamesCostWhatKnownOnesDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "a:"+argonB0b+"\nb:"+bcryptB0b+"\nc:-\n", generous())
	for i := range 200 {
		for range 2 {
			_, err := d.cost(attempt(fmt.Sprint("nobody", i), "wrong"))
			checkDenied(t, "nobody", err, "unknown user, or wrong password")
		}
	}
	argon := 0
	for i := 0; i < len(d.computed); i += 2 {
		if d.computed[i] != d.computed[i+1] {
			t.Fatal("one unknown name has two costs")
		}
		if d.computed[i] == argonB0b {
			argon++
		} else if d.computed[i] != bcryptB0b {
			t.Fatalf("%q is nobody's hash", d.computed[i])
		}
	}
	if argon < 50 || argon > 150 {
		t.Errorf("%d of 200 unknown names cost what half of the users do", argon)
	}
}

func TestNobodyHasAPassword(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "robot:-\n"} {
		d := newDesk(t, text, generous())
		cost, err := d.cost(attempt("robot", "right"))
		checkDenied(t, "robot", err, "unknown user, or wrong password")
		if cost != 1 {
			t.Errorf("%d hashes", cost)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	id, err := d.Login(t.Context(), attempt("alice", "right"))
	if err != nil || id.Name != "alice" || !reflect.DeepEqual(id.Rights(), rights(t, "*")) || id.IsOperator() {
		t.Errorf("%v with %v, %v", id, id.Rights(), err)
	}
	at := attempt("bob", "right")
	at.Protocol = 1
	if id, err := d.Login(t.Context(), at); err != nil || id.Name != "bob" || len(id.Rights()) != 0 {
		t.Errorf("%v with %v, %v", id, id.Rights(), err)
	}
	if id, err := d.Login(t.Context(), attempt("dora", "wrong", "right")); err != nil || id.Name != "dora" {
		t.Errorf("the second reading: %v, %v", id, err)
	}
}

func TestReadings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		readings []string
		cost     int64
	}{
		{nil, 1},
		{[]string{"a"}, 1},
		{[]string{"a", "a"}, 1},
		{[]string{"a", "b", "a", "b", "a"}, 2},
		{[]string{"a b", "a+b"}, 2},
		{[]string{"a", "b", "c"}, 3},
		// More than a password can have: none of them is looked at.
		{[]string{"a", "b", "c", "right"}, 1},
		// Not every reading is a token: a password.
		{[]string{"mmpt_a", "%6dmpt_a"}, 2},
		{[]string{"%6dmpt_a", "mmpt_a"}, 2},
		{[]string{"mmpt_a", "mmpt_b"}, 0},
	} {
		d := newDesk(t, desks, generous())
		cost, err := d.cost(attempt("alice", c.readings...))
		if cost != c.cost || !errors.Is(err, ErrDenied) {
			t.Errorf("%q: %d hashes, %v", c.readings, cost, err)
		}
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	if id, err := d.Identity("alice"); err != nil || id.Name != "alice" || len(id.Rights()) != 1 {
		t.Errorf("%v, %v", id, err)
	}
	_, err := d.Identity("carol")
	checkDenied(t, "carol", err, "suspended")
	_, err = d.Identity("nobody")
	checkDenied(t, "nobody", err, "unknown user")
}

// TestTwoHashesAtOnce, however many ask; and who waits may go.
func TestTwoHashesAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	var running, most atomic.Int64
	enough := make(chan struct{})
	started := make(chan struct{}, 100)
	d.data().matches = func(Hash, string) bool {
		n := running.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		started <- struct{}{}
		<-enough
		running.Add(-1)
		return false
	}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { d.Login(t.Context(), attempt(fmt.Sprint("user", i), "x")) })
	}
	<-started
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Login(ctx, attempt("late", "x")); !errors.Is(err, context.Canceled) || errors.Is(err, ErrDenied) {
		t.Errorf("who left is told %v", err)
	}
	close(enough)
	all.Wait()
	if most.Load() != 2 {
		t.Errorf("%d hashes at once", most.Load())
	}
}

// TestRealHashes: the parts together, with nothing counted or faked.
func TestRealHashes(t *testing.T) {
	t.Parallel()
	a := NewAuthenticator(parse(t, desks), Stamp{}, Options{})
	for _, name := range []string{"alice", "bob", "dora"} {
		if id, err := a.Login(t.Context(), attempt(name, "B0b")); err != nil || id.Name != name {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
	for _, name := range []string{"alice", "bob", "carol", "robot", "nobody"} {
		if _, err := a.Login(t.Context(), attempt(name, "b0b")); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyAtOnce: logins, changes and questions side by side; the race detector
// reads along.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, Options{})
	files := []*File{parse(t, desks), parse(t, desks+"\n")}
	var all sync.WaitGroup
	// A few of the addresses may share a place in the table with the one that guesses.
	var shared atomic.Int32
	for i := range 20 {
		all.Go(func() {
			for j := range 50 {
				at := attempt("alice", "right")
				at.Address = netip.AddrFrom4([4]byte{10, 0, byte(i), byte(j)})
				id, err := d.Login(t.Context(), at)
				if _, limited := errors.AsType[*LimitedError](err); limited && shared.Add(1) <= 5 {
					continue
				}
				if err != nil || id.Name != "alice" {
					t.Errorf("%v, %v", id, err)
				}
				d.Login(t.Context(), attempt(fmt.Sprint("nobody", i), "wrong"))
				if j%10 == 0 {
					d.Replace(files[i%2], Stamp{Size: int64(i)})
				}
				d.Changed(Stamp{})
				_, _ = d.Identity("bob")
			}
		})
	}
	all.Wait()
	if n := slices.Index(d.computed, ""); n >= 0 {
		t.Error("a login cost nobody's hash")
	}
}
