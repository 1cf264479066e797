package plan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// reversal takes a plan back, as the history keeps it.
func reversal(t tb, p Plan) Reversal {
	t.Helper()
	text, err := json.Marshal(Reversal{Of: "generation 1", Take: p.Added, Put: p.Dropped})
	if err != nil {
		t.Fatal(err)
	}
	var r Reversal
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(r.Put, p.Dropped) || !reflect.DeepEqual(r.Take, p.Added) {
		t.Fatalf("what the history keeps differs:\n%+v\n%+v", r, p)
	}
	return r
}

// undo plans an undo; all files are where they stood.
func (r *repository) undo(t tb, rev Reversal, rules Rules) Plan {
	t.Helper()
	files := map[string]Taken{}
	for _, d := range rev.Put {
		f := fileOf(d)
		files[f.Path] = Taken{true, f.Size, f.SHA256}
	}
	p, err := Undo(r.view(t), rev, func(string) Rules { return rules }, func(path string) (Taken, error) { return files[path], nil })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// safeText is a text with each stanza in its safe form.
func safeText(t tb, r *repository) string {
	t.Helper()
	var text strings.Builder
	for _, b := range binariesOf(t, r.view(t)) {
		b, _ = index.Heal(b)
		text.WriteString(b.Text)
	}
	return text.String()
}

// TestUndoProperties: an undo brings the state before back, an undo of the undo the
// state after, and what is undone already is not undone again.
func TestUndoProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := drawRepository(t)
		// What somebody else left in a folder that we never publish in cannot come back.
		before.binaries = strings.ReplaceAll(before.binaries, "old/", "pool/x/")
		before.sources = strings.ReplaceAll(before.sources, "old/", "pool/x/")
		a := drawUpload(t).asking()
		sel := selector(a.Source.Name, "")
		i := Intent{Add: &a}
		if rapid.Bool().Draw(t, "remove") {
			i = Intent{Remove: &sel}
		}
		p, err := Run(before.view(t), i, func(string) Rules { return Rules{} }, before.taken)
		if err != nil {
			t.Fatal(err)
		}
		if p.Result == report.Rejected || p.Edit.Empty() {
			return
		}
		after := before.clone()
		after.apply(t, p)
		rev := reversal(t, p)
		u := after.undo(t, rev, Rules{})
		if len(rev.Put)+len(rev.Take) == 0 {
			if u.Result != report.Unchanged {
				t.Fatalf("nothing to undo: %s", u.Result)
			}
			return
		}
		if u.Result != report.Undone {
			t.Fatalf("%s %v", u.Result, u.Findings)
		}
		undone := after.clone()
		undone.apply(t, u)
		if undone.binaries != safeText(t, before) || undone.sources != before.sources {
			t.Fatalf("undone:\n%s%s\nwant\n%s%s", undone.binaries, undone.sources, safeText(t, before), before.sources)
		}
		if again := undone.undo(t, rev, Rules{}); again.Result != report.Unchanged || !again.Edit.Empty() {
			t.Fatalf("again: %s %v", again.Result, again.Findings)
		}
		redo := undone.undo(t, reversal(t, u), Rules{})
		redone := undone.clone()
		redone.apply(t, redo)
		if redone.binaries != after.binaries || redone.sources != after.sources {
			t.Fatalf("redone:\n%s%s\nwant\n%s%s", redone.binaries, redone.sources, after.binaries, after.sources)
		}
	})
}

// TestDiffProperties: the difference of two states leads from one to the other, and
// back.
func TestDiffProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawRepository(t), drawRepository(t)
		if rapid.Bool().Draw(t, "a move only") {
			all := strings.SplitAfter(a.binaries, "\n\n")
			b.sources = a.sources
			b.binaries = strings.Join(rapid.Permutation(all[:len(all)-1]).Draw(t, "order"), "")
		}
		for _, x := range [][2]*repository{{a, b}, {b, a}} {
			d, err := Diff(x[0].view(t), x[1].view(t))
			if err != nil {
				t.Fatal(err)
			}
			got := x[0].clone()
			got.edit(t, turnsEdit(t, x[0], Reversal{Take: namesOf(d.Dropped), Put: d.Added}))
			if safeText(t, got) != safeText(t, x[1]) || got.sources != x[1].sources {
				t.Fatalf("%s%s\nwant\n%s%s", got.binaries, got.sources, x[1].binaries, x[1].sources)
			}
		}
		if d, err := Diff(a.view(t), a.view(t)); err != nil || !d.Empty() {
			t.Fatalf("a state differs from itself: %+v %v", d, err)
		}
	})
}

func namesOf(list []Dropped) []Added {
	var out []Added
	for _, d := range list {
		out = append(out, d.added())
	}
	return out
}

func turnsEdit(t tb, r *repository, rev Reversal) index.Edit {
	t.Helper()
	turns, err := turnsOf(r.view(t), rev)
	if err != nil {
		t.Fatal(err)
	}
	return turns.all()
}

// TestJoinProperties: several changes are taken back at once, to the state before all.
func TestJoinProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := drawRepository(t)
		start.binaries = strings.ReplaceAll(safeText(t, start), "old/", "pool/x/")
		start.sources = strings.ReplaceAll(start.sources, "old/", "pool/x/")
		now := start.clone()
		var list []Reversal
		var edits []index.Edit
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			p := now.plan(t, drawUpload(t).asking(), Rules{})
			if p.Result == report.Published {
				now.apply(t, p)
				list = append([]Reversal{reversal(t, p)}, list...)
				edits = append(edits, p.Edit)
			}
		}
		if len(list) == 0 {
			return
		}
		d, err := DiffOf(start.view(t), now.view(t), edits)
		if err != nil {
			t.Fatal(err)
		}
		whole := now.clone()
		if p := whole.undo(t, Reversal{Take: d.Names(), Put: d.Dropped}, Rules{}); p.Result != report.Unchanged {
			whole.apply(t, p)
		}
		if whole.binaries != start.binaries || whole.sources != start.sources {
			t.Fatalf("as one:\n%s%s\nwant\n%s%s", whole.binaries, whole.sources, start.binaries, start.sources)
		}
		r, found, err := Join(now.view(t), list)
		if err != nil || len(found) > 0 {
			t.Fatalf("%v %v", found, err)
		}
		if p := now.undo(t, r, Rules{}); p.Result != report.Unchanged {
			now.apply(t, p)
		}
		if now.binaries != start.binaries || now.sources != start.sources {
			t.Fatalf("%s%s\nwant\n%s%s", now.binaries, now.sources, start.binaries, start.sources)
		}
	})
}

func TestUndoRefused(t *testing.T) {
	t.Parallel()
	base := emptyRepository().publish(t, upload("foo", "1.0", "foo", "libfoo1"))
	next := upload("foo", "1.1", "foo", "libfoo1")
	p := base.plan(t, next, Rules{})
	base.apply(t, p)
	rev := reversal(t, p)
	for name, c := range map[string]struct {
		later func(r *repository)
		rules Rules
		lost  string
		code  report.Code
		field string
		count int
	}{
		"a newer version":            {later: func(r *repository) { r.publish(t, upload("foo", "1.2", "foo")) }, code: report.CodeOvertaken, field: "foo", count: 1},
		"all of it":                  {later: func(r *repository) { r.publish(t, upload("foo", "1.2", "foo", "libfoo1")) }, code: report.CodeOvertaken, field: "foo", count: 2},
		"another source took a part": {later: func(r *repository) { r.apply(t, r.plan(t, upload("bar", "2.0", "libfoo1").asking(), Rules{})) }, code: report.CodeOvertaken, field: "libfoo1", count: 1},
		"never a downgrade":          {rules: Rules{Downgrade: Never}, code: report.CodeDowngrade, field: "foo", count: 2},
		"a file is gone":             {lost: "libfoo1_1.0_amd64-debian.mpk", code: report.CodeExpired, count: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := base.clone()
			if c.later != nil {
				c.later(r)
			}
			delete(r.files, c.lost)
			u, err := Undo(r.view(t), rev, func(string) Rules { return c.rules }, r.taken)
			if err != nil {
				t.Fatal(err)
			}
			found := mustFind(t, u, c.code)
			if u.Result != report.Rejected || !u.Edit.Empty() || len(found) != c.count || found[0].Field != c.field {
				t.Errorf("%s %+v", u.Result, found)
			}
			for _, f := range found {
				if f.Hint == "" || f.Message == "" || !f.Refuses() {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestUndoThatDoesNotFit: no name is in conflict, but a binary would stand without its
// source, or a source without a binary.
func TestUndoThatDoesNotFit(t *testing.T) {
	t.Parallel()
	first := upload("foo", "1.0", "a", "b")
	r := emptyRepository().publish(t, first)
	second := upload("foo", "2.0", "a")
	p := r.plan(t, second, Rules{})
	r.apply(t, p)
	// The rest of foo 1.0 goes to another source, and its tarball with it.
	r.apply(t, r.plan(t, upload("bar", "1.0", "b").asking(), Rules{}))
	u := r.undo(t, reversal(t, p), Rules{})
	if f := mustFind(t, u, report.CodeOvertaken); u.Result != report.Rejected || len(f) != 1 || f[0].Field != "foo" {
		t.Errorf("%s %+v", u.Result, f)
	}
}

// TestUndoLines tells people what an undo does.
func TestUndoLines(t *testing.T) {
	t.Parallel()
	r := emptyRepository().publish(t, upload("foo", "1.0", "foo", "old"))
	p := r.plan(t, upload("foo", "1.1", "foo", "old", "new"), Rules{})
	r.apply(t, p)
	u := r.undo(t, reversal(t, p), Rules{})
	if l := line(t, u, report.Source, "foo"); l.Action != report.ActionDowngrade || l.Previous != "1.1" {
		t.Errorf("%+v", l)
	}
	if l := line(t, u, report.Binary, "foo"); l.Action != report.ActionDowngrade || l.Previous != "1.1" || l.Version != "1.0" {
		t.Errorf("%+v", l)
	}
	if l := line(t, u, report.Binary, "new"); l.Action != report.ActionRemove {
		t.Errorf("%+v", l)
	}
}

// TestDroppedNotUTF8: the bytes of a stanza survive the history, whatever they are.
func TestDroppedNotUTF8(t *testing.T) {
	t.Parallel()
	b, err := index.ParseBinary("name: x\nversion: 1\ndescription: caf\xe9 <&>\n\n")
	if err != nil {
		t.Fatal(err)
	}
	d := Dropped{Binary: &index.InsertBinary{Before: "y", Binary: b}}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Dropped
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(d, back) {
		t.Errorf("%s\n%+v %v", text, back, err)
	}
	for _, wrong := range []string{`{}`, `{"kind":"binary","text":"no stanza"}`, `{"kind":"other","text":"name: x\n\n"}`} {
		if err := json.Unmarshal([]byte(wrong), &back); err == nil {
			t.Errorf("%s was read", wrong)
		}
	}
}
