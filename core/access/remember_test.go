package access

import (
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRemembered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	steps := []struct {
		what   string
		do     func()
		at     Attempt
		cost   int64
		passes bool
	}{
		{"first", nil, attempt("alice", "right"), 1, true},
		{"again", nil, attempt("alice", "right"), 0, true},
		{"as the second reading", nil, attempt("alice", "wrong", "right"), 0, true},
		{"a wrong password", nil, attempt("alice", "wrong"), 1, false},
		{"another user's", nil, attempt("bob", "right"), 1, true},
		{"after 9:59", func() { d.clock.move(10*time.Minute - time.Second) }, attempt("alice", "right"), 0, true},
		{"after 10:00", func() { d.clock.move(time.Second) }, attempt("alice", "right"), 1, true},
		{"after a change of the file", func() { d.Replace(parse(t, desks), Stamp{}) }, attempt("alice", "right"), 1, true},
		{"again", nil, attempt("alice", "right"), 0, true},
		{"version 2 only", nil, attempt("dora", "right"), 1, true},
		{"version 2 only, again", nil, attempt("dora", "right"), 0, true},
		{"by version 1, though remembered", nil, func() Attempt { a := attempt("dora", "right"); a.Protocol = 1; return a }(), 1, false},
		{"suspended", func() {
			d.Replace(edited(t, desks, func(f *File) (*File, error) { return f.SetSuspended("alice", true) }), Stamp{})
		}, attempt("alice", "right"), 1, false},
		{"suspended, again", nil, attempt("alice", "right"), 1, false},
		{"removed", func() { d.Replace(edited(t, desks, func(f *File) (*File, error) { return f.Remove("bob") }), Stamp{}) }, attempt("bob", "right"), 1, false},
	}
	for _, s := range steps {
		if s.do != nil {
			s.do()
		}
		if cost, err := d.cost(s.at); cost != s.cost || (err == nil) != s.passes {
			t.Errorf("%s: %d hashes, %v; want %d", s.what, cost, err, s.cost)
		}
	}
	d = newDesk(t, desks, Options{Remember: -1})
	for range 2 {
		if cost, err := d.cost(attempt("alice", "right")); cost != 1 || err != nil {
			t.Errorf("never remembered: %d hashes, %v", cost, err)
		}
	}
}

// TestLoginsThatWaited: of many logins of one user that begin at once, the first ones cost a
// hash; those that have waited for them are remembered.
func TestLoginsThatWaited(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	for range maxHashes {
		d.data().places <- struct{}{}
	}
	const logins = 20
	var all sync.WaitGroup
	var begun atomic.Int64
	for range logins {
		all.Go(func() {
			begun.Add(1)
			if _, err := d.Login(t.Context(), attempt("alice", "right")); err != nil {
				t.Error(err)
			}
		})
	}
	for begun.Load() < logins {
		runtime.Gosched()
	}
	for range maxHashes {
		<-d.data().places
	}
	all.Wait()
	if cost := d.hashes.Load(); cost > maxHashes {
		t.Errorf("%d hashes", cost)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := &clock{}
	m := &memory{now: c.now, keep: time.Minute, until: map[[32]byte]time.Time{}}
	for i := range 3 * maxRemembered {
		m.add(fmt.Sprint("user", i), "right")
		if len(m.until) > maxRemembered {
			t.Fatalf("%d logins are remembered", len(m.until))
		}
	}
	if !m.has(fmt.Sprint("user", 3*maxRemembered-1), "right") || m.has("user0", "right") {
		t.Error("the newest is forgotten, or the oldest is not")
	}
	if m.sum("a", "bc") == m.sum("ab", "c") {
		t.Error("name and password run together")
	}
	other := &memory{key: [32]byte{1}}
	if m.sum("a", "b") == other.sum("a", "b") {
		t.Error("the hash has no key")
	}
}

// TestTheFileOfThisMomentDecides: a change while the hash is computed holds.
func TestTheFileOfThisMomentDecides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		edit   func(*File) (*File, error)
		passes bool
	}{
		{"suspended", func(f *File) (*File, error) { return f.SetSuspended("alice", true) }, false},
		{"removed", func(f *File) (*File, error) { return f.Remove("alice") }, false},
		{"another password", func(f *File) (*File, error) { return f.SetPassword("alice", hashOf(t, argonHorse)) }, false},
		{"other rights", func(f *File) (*File, error) { return f.SetRights("alice", rights(t, "x")) }, true},
	} {
		d := newDesk(t, desks, generous())
		next := edited(t, desks, c.edit)
		d.data().matches = func(Hash, string) bool {
			d.Replace(next, Stamp{})
			return true
		}
		id, err := d.Login(t.Context(), attempt("alice", "right"))
		if (err == nil) != c.passes || (c.passes && !reflect.DeepEqual(id.Rights(), rights(t, "x"))) {
			t.Errorf("%s: %v with %v, %v", c.what, id, id.Rights(), err)
		}
		if m := d.data().state.Load().memory; !c.passes && len(m.until) > 0 {
			t.Errorf("%s: the login is remembered", c.what)
		}
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 20, 8, 45, 0, 1, time.UTC)
	read := Stamp{Dev: 1, Inode: 2, Size: 3, ModTime: when, ChangeTime: when}
	d := newDesk(t, desks, generous())
	d.Replace(parse(t, desks), read)
	same := read
	same.ModTime = when.In(time.FixedZone("", 3600))
	if d.Changed(same) {
		t.Error("the same file has changed")
	}
	for i, change := range []func(*Stamp){
		func(s *Stamp) { s.Dev++ }, func(s *Stamp) { s.Inode++ }, func(s *Stamp) { s.Size++ },
		func(s *Stamp) { s.ModTime = when.Add(1) }, func(s *Stamp) { s.ChangeTime = when.Add(1) },
	} {
		other := read
		change(&other)
		if !d.Changed(other) {
			t.Errorf("change %d is not seen", i)
		}
	}
}

// TestRenew: who has logged in stays as long as what that was done with holds.
func TestRenew(t *testing.T) {
	t.Parallel()
	withToken, _, secret, err := parse(t, desks).AddToken("robot", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(withToken.Bytes())
	for _, c := range []struct {
		what, name, password string
		edit                 func(*File) (*File, error)
		passes               bool
	}{
		{"nothing", "alice", "right", func(f *File) (*File, error) { return f.SetRights("bob", nil) }, true},
		{"other rights", "alice", "right", func(f *File) (*File, error) { return f.SetRights("alice", rights(t, "x")) }, true},
		{"another password", "alice", "right", func(f *File) (*File, error) { return f.SetPassword("alice", hashOf(t, argonHorse)) }, false},
		{"no password", "alice", "right", func(f *File) (*File, error) { return f.SetPassword("alice", Hash{}) }, false},
		{"suspended", "alice", "right", func(f *File) (*File, error) { return f.SetSuspended("alice", true) }, false},
		{"a password", "robot", secret.Reveal(), func(f *File) (*File, error) { return f.SetPassword("robot", hashOf(t, argonHorse)) }, true},
		{"revoked", "robot", secret.Reveal(), func(f *File) (*File, error) { return f.RemoveToken("robot", f.Users()[4].Tokens[0].ID) }, false},
	} {
		d := newDesk(t, text, generous())
		d.data().matches = func(Hash, string) bool { return true }
		id, err := d.Login(t.Context(), attempt(c.name, c.password))
		if err != nil {
			t.Fatal(err)
		}
		d.Replace(edited(t, text, c.edit), Stamp{})
		again, err := d.Renew(id)
		if (err == nil) != c.passes || c.passes && again.Name != c.name {
			t.Errorf("%s: %v %v", c.what, again, err)
		}
	}
	d := newDesk(t, desks, generous())
	expiring, _, secret, err := parse(t, desks).AddToken("robot", "", d.clock.at(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	d.Replace(expiring, Stamp{})
	id, err := d.Login(t.Context(), attempt("robot", secret.Reveal()))
	if err == nil {
		id, err = d.Renew(id)
	}
	d.clock.move(time.Hour)
	if _, late := d.Renew(id); err != nil || late == nil {
		t.Errorf("before and after the token has expired: %v, %v", err, late)
	}
}
