package gitpush

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// TestLedgerDoneLate: a push that a later one has done with takes nothing out that came
// after both.
func TestLedgerDoneLate(t *testing.T) {
	t.Parallel()
	r := newBare(t).open()
	defer r.Close()
	l, refs := r.Ledger(), map[string]bool{"refs/heads/dist": true}
	for _, step := range []string{"+a", "+b", "-b", "+c", "-a"} {
		work := step[1:]
		err := error(nil)
		if step[0] == '+' {
			_, err = l.Begin(work, []Update{{New: plumbing.NewHash(strings.Repeat(work, 40)), Ref: "refs/heads/dist"}})
		} else {
			err = l.Done(work, refs)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	left, err := l.Unpublished()
	if err != nil || len(left) != 1 || left[0].New.String() != strings.Repeat("c", 40) {
		t.Errorf("%v %v", left, err)
	}
}

// TestAnnounced: what was announced counts if the ref has moved there, and for nothing if
// git has refused it.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	const ref = "refs/heads/dist"
	b := newBare(t)
	id := map[string]string{"0": strings.Repeat("0", 40)}
	for _, name := range []string{"a", "b", "c"} {
		tree := b.git(strings.NewReader(""), "mktree")
		id[name] = b.git(strings.NewReader(name), "-c", "user.name=x", "-c", "user.email=x", "commit-tree", tree)
	}
	update := func(step string) Update {
		return Update{plumbing.NewHash(id[step[:1]]), plumbing.NewHash(id[step[1:2]]), ref}
	}
	for _, c := range []struct {
		// steps: ?XY announces a push from X to Y, +XY notes it, -XY has published it.
		steps string
		// stands is where the ref is in the end, and want what is not published.
		stands, want string
	}{
		{"?0a", "0", ""},
		{"?0a", "a", "0a"},
		{"?0a", "b", ""},
		{"?0a ?ab", "b", "0b"},
		{"?0a ?0b", "b", "0b"},
		{"?0a ?0b", "a", "0a"},
		{"?0a ?0a", "a", "0a"},
		{"?0a +0a", "a", "0a"},
		{"?0a +0a -0a", "a", ""},
		{"?0a ?ab +ab", "b", "0b"},
		{"?0a ?ab +ab -ab", "b", ""},
		{"?0a ?ab +0a -0a", "b", "ab"},
		{"?0a ?0b +0b -0b", "b", ""},
		{"+0a ?ab", "b", "0b"},
		{"+0a ?ab", "a", "0a"},
	} {
		r := b.open()
		l, refs := r.Ledger(), map[string]bool{ref: true}
		for _, step := range strings.Fields(c.steps) {
			u, err := update(step[1:]), error(nil)
			switch step[0] {
			case '?':
				err = l.Announce([]Update{u})
			case '+':
				_, err = l.Begin(step[1:], []Update{u})
			default:
				err = l.Done(step[1:], refs)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if c.stands != "0" {
			b.git(nil, "update-ref", ref, id[c.stands])
		}
		left, err := l.Unpublished()
		var want []Update
		if c.want != "" {
			want = []Update{update(c.want)}
		}
		if err != nil || fmt.Sprint(left) != fmt.Sprint(want) {
			t.Errorf("%+v: %v %v, want %v", c, left, err, want)
		}
		// The next push takes it up.
		from, err := l.Before([]Update{{plumbing.NewHash(id[c.stands]), plumbing.NewHash(id["c"]), ref}})
		if old, noted := from[ref]; err != nil || noted != (c.want != "") || noted && old != want[0].Old {
			t.Errorf("%+v: from %v %v", c, from, err)
		}
		if err := l.Drop(refs); err != nil {
			t.Fatal(err)
		}
		b.git(nil, "update-ref", "-d", ref)
		r.Close()
	}
}

// TestManyAnnounced: a push of many refs takes its time and no more, and what nobody takes
// out does not grow.
func TestManyAnnounced(t *testing.T) {
	t.Parallel()
	r := newBare(t).open()
	defer r.Close()
	many := make([]Update, 20_000)
	for i := range many {
		many[i] = Update{New: plumbing.NewHash(fmt.Sprintf("%040x", i+1)), Ref: fmt.Sprint("refs/tags/v", i)}
	}
	l, began := r.Ledger(), time.Now()
	for range 2 {
		if err := l.Announce(many); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := l.read(); err != nil || len(list) != len(many) {
		t.Errorf("%d, %v", len(list), err)
	}
	if _, err := l.Begin("work", many[:10_000]); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	other := Update{New: plumbing.NewHash(strings.Repeat("a", 40)), Ref: "refs/heads/dist"}
	if err := l.Announce([]Update{other}); err != nil {
		t.Fatal(err)
	}
	list, err := l.read()
	if n := len(list); err != nil || n != 10_000+maxAnnounced || list[n-1] != noteOf(other, "") || list[10_000] == noteOf(many[10_000], "") {
		t.Errorf("%d, %v", n, err)
	}
}
