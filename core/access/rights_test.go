package access

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

func texts(rights []Right) string {
	var all []string
	for _, r := range rights {
		all = append(all, r.String())
	}
	return strings.Join(all, " ")
}

func TestAddRights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ have, more, want string }{
		{"", "lib*", "lib*"},
		{"lib*", "lib*", "lib*"},
		{"lib*", "tool:amd64", "lib* tool:amd64"},
		{"lib*", "lib*:*:rebuild", "lib*:*:publish,rebuild"},
		{"lib*:*:rebuild,undo", "lib*:*:undo,publish x", "lib*:*:rebuild,undo,publish x"},
		{"tool:amd64", "tool", "tool:amd64 tool"},
	} {
		have := rights(t, strings.Fields(c.have)...)
		if got := texts(AddRights(have, rights(t, strings.Fields(c.more)...))); got != c.want {
			t.Errorf("%q and %q: %q, want %q", c.have, c.more, got, c.want)
		}
		if texts(have) != c.have {
			t.Errorf("%q was changed to %q", c.have, texts(have))
		}
	}
}

func TestRemoveRights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ have, gone, want string }{
		{"lib*", "lib*", ""},
		{"lib* x", "lib*", "x"},
		{"lib*:*:publish,rebuild,undo x", "lib*", "x"},
		{"lib*:*:publish,rebuild,undo x", "lib*:*:rebuild", "lib*:*:publish,undo x"},
		{"lib*:*:publish,rebuild", "lib*:*:rebuild lib*:*:publish", ""},
		{"tool:amd64 tool", "tool", "tool:amd64"},
		{"tool:amd64 tool", "tool:amd64", "tool"},
		{"x y z", "z x", "y"},
	} {
		have := rights(t, strings.Fields(c.have)...)
		got, err := RemoveRights(have, strings.Fields(c.gone))
		if err != nil || texts(got) != c.want {
			t.Errorf("%q without %q: %q, %v; want %q", c.have, c.gone, texts(got), err, c.want)
		}
		if texts(have) != c.have {
			t.Errorf("%q was changed to %q", c.have, texts(have))
		}
	}
	for _, c := range []struct{ have, gone, hint string }{
		{"lib*", "libfoo", "the rights are: lib*"},
		{"lib*", "lib*:*:rebuild", "the rights are: lib*"},
		{"lib*", "lib* lib*", "the rights are: lib*"},
		{"lib*", "lib*:amd64", "the rights are: lib*"},
		{"", "x", "there is no right at all"},
	} {
		_, err := RemoveRights(rights(t, strings.Fields(c.have)...), strings.Fields(c.gone))
		e, ok := errors.AsType[*report.Error](err)
		if !ok || !errors.Is(err, ErrNoRight) || e.Hint != c.hint || e.Kind != report.KindUsage {
			t.Errorf("%q without %q: %v", c.have, c.gone, err)
		}
	}
	if _, err := RemoveRights(nil, []string{"a b"}); err == nil || errors.Is(err, ErrNoRight) {
		t.Errorf("no right at all: %v", err)
	}
	if !slices.Equal(Actions(), []Action{Publish, Rebuild, Downgrade, TakeOver, Remove, Purge, Undo, GC}) {
		t.Error("the list of actions was changed")
	}
}
