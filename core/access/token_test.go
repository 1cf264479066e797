package access

import (
	"strings"
	"testing"
	"time"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	d := newDesk(t, desks, generous())
	f, _, forever, err := parse(t, desks).AddToken("robot", "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	f, _, hour, err := f.AddToken("robot", "", d.clock.at(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	f, _, barred, err := f.AddToken("carol", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	f, _, two, err := f.AddToken("dora", "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	d.Replace(f, Stamp{})
	old := attempt("dora", two.Reveal())
	old.Protocol = 1
	last := hour.Reveal()[len(hour.Reveal())-1:]
	for _, c := range []struct {
		what   string
		at     Attempt
		reason string
	}{
		{"a token", attempt("robot", forever.Reveal()), ""},
		{"the second token", attempt("robot", hour.Reveal()), ""},
		{"cut", attempt("robot", strings.TrimSuffix(hour.Reveal(), last)), "unknown token"},
		{"longer", attempt("robot", hour.Reveal()+"A"), "unknown token"},
		{"in small letters", attempt("robot", strings.ToLower(hour.Reveal())), "unknown token"},
		{"its hash", attempt("robot", tokenPrefix+sumOfX), "unknown token"},
		{"another user's", attempt("alice", forever.Reveal()), "unknown token"},
		{"nobody's", attempt("nobody", forever.Reveal()), "unknown user"},
		{"of a suspended user", attempt("carol", barred.Reveal()), "suspended"},
		{"by version 1", old, "needs protocol 2"},
		{"by version 2", attempt("dora", two.Reveal()), ""},
	} {
		cost, err := d.cost(c.at)
		if cost != 0 {
			t.Errorf("%s: %d password hashes", c.what, cost)
		}
		if c.reason != "" {
			checkDenied(t, c.what, err, c.reason)
		} else if err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	d.clock.move(time.Hour - time.Nanosecond)
	if _, err := d.cost(attempt("robot", hour.Reveal())); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	d.clock.move(time.Nanosecond)
	_, err = d.cost(attempt("robot", hour.Reveal()))
	checkDenied(t, "at its end", err, "expired token")
	if _, err := d.cost(attempt("robot", forever.Reveal())); err != nil {
		t.Errorf("the other token: %v", err)
	}
}
