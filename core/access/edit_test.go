package access

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/report"
)

func rights(t testing.TB, texts ...string) []Right {
	t.Helper()
	var all []Right
	for _, text := range texts {
		r, err := ParseRight(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func hashOf(t testing.TB, text string) Hash {
	t.Helper()
	h, err := ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestEdits: each edit of the example and the only lines that it may change.
func TestEdits(t *testing.T) {
	t.Parallel()
	const builder = "builder:- rights=* token=k3v7q2ab," + sumOfX + ",2027-01-31T00:00:00Z,nightly token=abcd," + sumOfX + ",never, protocol=2 suspended"
	argon, bcrypt := hashOf(t, argonHorse), hashOf(t, bcryptCarol)
	for _, c := range []struct {
		name string
		edit func(*File) (*File, error)
		// line is the one that changes, counted from 1; want is its new text.
		line int
		want string
	}{
		{"password", func(f *File) (*File, error) { return f.SetPassword("bfinch@example.net", argon) }, 3, "bfinch@example.net:" + argonHorse},
		{"password, with rights", func(f *File) (*File, error) { return f.SetPassword("carol", bcrypt) }, 5, "carol:" + bcryptCarol + " rights=lib* rights=tool:amd64-debian:publish,rebuild"},
		{"no password", func(f *File) (*File, error) { return f.SetPassword("carol", Hash{}) }, 5, "carol:- rights=lib* rights=tool:amd64-debian:publish,rebuild"},
		{"rights", func(f *File) (*File, error) { return f.SetRights("carol", rights(t, "x:*:publish")) }, 5, "carol:" + argonB0b + " rights=x"},
		{"no rights", func(f *File) (*File, error) { return f.SetRights("carol", nil) }, 5, "carol:" + argonB0b},
		{"suspend", func(f *File) (*File, error) { return f.SetSuspended("bfinch@example.net", true) }, 3, "bfinch@example.net:" + bcryptB0b + " suspended"},
		{"let in", func(f *File) (*File, error) { return f.SetSuspended("builder", false) }, 6, strings.TrimSuffix(builder, " suspended")},
		{"protocol 2", func(f *File) (*File, error) { return f.SetProtocol("bfinch@example.net", 2) }, 3, "bfinch@example.net:" + bcryptB0b + " protocol=2"},
		{"protocol 1", func(f *File) (*File, error) { return f.SetProtocol("builder", 1) }, 6, strings.Replace(builder, " protocol=2", "", 1)},
		{"remove a token", func(f *File) (*File, error) { return f.RemoveToken("builder", "k3v7q2ab") }, 6, "builder:- rights=* token=abcd," + sumOfX + ",never, protocol=2 suspended"},
	} {
		before := parse(t, example)
		after, err := c.edit(before)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := strings.Split(example, "\n")
		want[c.line-1] = c.want
		if got := string(after.Bytes()); got != strings.Join(want, "\n") {
			t.Errorf("%s: got\n%s", c.name, got)
		}
		if string(before.Bytes()) != example || !reflect.DeepEqual(before.Users(), parse(t, example).Users()) {
			t.Errorf("%s: the edit changed the file that it was given", c.name)
		}
	}
}

func TestAddAndRemove(t *testing.T) {
	t.Parallel()
	f := parse(t, example)
	more, err := f.Add("dora", hashOf(t, argonHorse), rights(t, "*"))
	if want := example + "\ndora:" + argonHorse + " rights=*\n"; err != nil || string(more.Bytes()) != want {
		t.Fatalf("%v\n%s", err, more.Bytes())
	}
	back, err := more.Remove("dora")
	if err != nil || string(back.Bytes()) != example+"\n" {
		t.Errorf("%v\n%s", err, back.Bytes())
	}
	fewer, err := f.Remove("carol")
	if want := slices.Delete(strings.Split(example, "\n"), 4, 5); err != nil || string(fewer.Bytes()) != strings.Join(want, "\n") {
		t.Errorf("%v\n%s", err, fewer.Bytes())
	}
	last, err := parse(t, "a:-\nb:-").Remove("b")
	if err != nil || string(last.Bytes()) != "a:-\n" {
		t.Errorf("%v %q", err, last.Bytes())
	}
	first, err := New("users").Add("a", Hash{}, nil)
	if want := string(New("users").Bytes()) + "a:-\n"; err != nil || string(first.Bytes()) != want || !strings.HasPrefix(want, "# ") {
		t.Errorf("%v %q", err, first.Bytes())
	}
	only, err := parse(t, "").Add("a", Hash{}, nil)
	if err != nil || string(only.Bytes()) != "a:-\n" {
		t.Errorf("%v %q", err, only.Bytes())
	}
}

func TestEditsRefuse(t *testing.T) {
	t.Parallel()
	f := parse(t, example)
	full := parse(t, "a:-"+manyTokens(MaxTokens))
	for _, c := range []struct {
		name string
		is   error
		edit func() (*File, error)
	}{
		{"add one that is there", ErrUserExists, func() (*File, error) { return f.Add("carol", Hash{}, nil) }},
		{"add one in other letters", ErrUserExists, func() (*File, error) { return f.Add("CAROL", Hash{}, nil) }},
		{"add a bad name", nil, func() (*File, error) { return f.Add("a b", Hash{}, nil) }},
		{"add a comment", nil, func() (*File, error) { return f.Add("#a", Hash{}, nil) }},
		{"add two lines", nil, func() (*File, error) { return f.Add("a:-\nb", Hash{}, nil) }},
		{"a right that adds words", nil, func() (*File, error) {
			return f.SetRights("carol", []Right{{"* suspended", "*", []Action{Publish}}})
		}},
		{"a right that adds lines", nil, func() (*File, error) {
			return f.SetRights("carol", []Right{{"*", "*\nevil:-", []Action{Publish}}})
		}},
		{"a right without action", nil, func() (*File, error) { return f.SetRights("carol", []Right{{"*", "*", nil}}) }},
		{"too many rights", nil, func() (*File, error) {
			return f.SetRights("carol", slices.Repeat(rights(t, "x"), MaxRights+1))
		}},
		{"a label that adds words", nil, func() (*File, error) { return addToken(f, "carol", "a suspended") }},
		{"a label that adds lines", nil, func() (*File, error) { return addToken(f, "carol", "a\nevil:-") }},
		{"too many tokens", nil, func() (*File, error) { return addToken(full, "a", "") }},
		{"protocol 3", nil, func() (*File, error) { return f.SetProtocol("carol", 3) }},
		{"no such token", ErrNoToken, func() (*File, error) { return f.RemoveToken("builder", "zzzz") }},
		{"remove nobody", ErrNoUser, func() (*File, error) { return f.Remove("nobody") }},
		{"suspend nobody", ErrNoUser, func() (*File, error) { return f.SetSuspended("nobody", true) }},
		{"password of nobody", ErrNoUser, func() (*File, error) { return f.SetPassword("", Hash{}) }},
		{"token of nobody", ErrNoUser, func() (*File, error) { return addToken(f, "nobody", "") }},
	} {
		got, err := c.edit()
		if err == nil || got != nil || (c.is != nil && !errors.Is(err, c.is)) || report.KindOf(err) != report.KindUsage {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func addToken(f *File, name, label string) (*File, error) {
	edited, _, _, err := f.AddToken(name, label, time.Time{})
	return edited, err
}

func TestAddToken(t *testing.T) {
	t.Parallel()
	expires := time.Date(2027, 1, 31, 1, 2, 3, 999, time.FixedZone("", 3600))
	f, token, secret, err := parse(t, example).AddToken("carol", "laptop", expires)
	if err != nil {
		t.Fatal(err)
	}
	want := Token{ID: token.ID, Label: "laptop", Expires: time.Date(2027, 1, 31, 0, 2, 3, 0, time.UTC)}
	if u, _ := f.User("carol"); !reflect.DeepEqual(u.Tokens, []Token{want}) || token != want {
		t.Errorf("got %+v and %+v", u.Tokens, token)
	}
	text := secret.Reveal()
	if !strings.HasPrefix(text, "mmpt_"+token.ID+"_") || len(text) < len("mmpt_")+8+1+26 {
		t.Errorf("the token %q has not the form, or fewer than 128 bits", text)
	}
	if strings.Contains(string(f.Bytes()), text[len("mmpt_")+9:]) {
		t.Error("the token is in the file")
	}
	if _, ok := findToken(f.data().user("carol").tokens, text); !ok {
		t.Error("the file does not know the token")
	}
	_, _, other, err := f.AddToken("carol", "laptop", expires)
	if err != nil || other.Reveal() == text {
		t.Errorf("the same token twice: %v", err)
	}
}

// TestEditsKeepTheRest: any edits, and every line of the others and every comment
// is still there, byte for byte and in order.
func TestEditsKeepTheRest(t *testing.T) {
	t.Parallel()
	hash := hashOf(t, bcryptB0b)
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.StringMatching(`(#[ -~é]{0,20}|[ \t]{0,3}|u[0-9]{1,3}:-( +rights=[a-z*]{1,3}){0,2}\t?( suspended)?)`), 0, 12).Draw(t, "lines")
		text := strings.Join(lines, "\n")
		f, err := Parse("users", []byte(text))
		if err != nil {
			t.Skip("the same user twice")
		}
		name := fmt.Sprintf("u%d", rapid.IntRange(0, 30).Draw(t, "user"))
		if users := f.Users(); len(users) > 0 && rapid.Bool().Draw(t, "known") {
			name = rapid.SampledFrom(users).Draw(t, "who").Name
		}
		u, there := f.User(name)
		var after *File
		switch rapid.IntRange(0, 5).Draw(t, "edit") {
		case 0:
			after, err = f.Add(name, hash, []Right{{"a", "b", []Action{Undo}}})
			there = !there
		case 1:
			after, err = f.Remove(name)
		case 2:
			after, err = f.SetPassword(name, hash)
		case 3:
			after, err = f.SetRights(name, []Right{{"*", "*", Actions()}})
		case 4:
			after, _, _, err = f.AddToken(name, "x", time.Time{})
		case 5:
			after, err = f.SetSuspended(name, !u.Suspended)
		}
		if (err == nil) != there {
			t.Fatalf("%v", err)
		}
		if err == nil && !slices.Equal(others(after, name), others(f, name)) {
			t.Fatalf("before\n%s\nafter\n%s", text, after.Bytes())
		}
	})
}

// others are the lines that are not the user's, without empty ones at the end.
func others(f *File, name string) []string {
	lines := slices.DeleteFunc(slices.Clone(f.data().lines), func(line string) bool { return strings.HasPrefix(line, name+":") })
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
