package access

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		want  Right
		short string
	}{
		{"*", Right{"*", "*", []Action{Publish}}, "*"},
		{"lib*", Right{"lib*", "*", []Action{Publish}}, "lib*"},
		{"libsigc++2.0", Right{"libsigc++2.0", "*", []Action{Publish}}, "libsigc++2.0"},
		{"tool:amd64-debian", Right{"tool", "amd64-debian", []Action{Publish}}, "tool:amd64-debian"},
		{"tool:*", Right{"tool", "*", []Action{Publish}}, "tool"},
		{"tool:*:publish", Right{"tool", "*", []Action{Publish}}, "tool"},
		{"tool:*-debian:rebuild", Right{"tool", "*-debian", []Action{Rebuild}}, "tool:*-debian:rebuild"},
		{"tool:*:undo,publish", Right{"tool", "*", []Action{Undo, Publish}}, "tool:*:undo,publish"},
		{"*:*:gc", Right{"*", "*", []Action{GC}}, "*:*:gc"},
		{
			"*:*:publish,rebuild,downgrade,take-over,remove,purge,undo,gc", Right{"*", "*", Actions()},
			"*:*:publish,rebuild,downgrade,take-over,remove,purge,undo,gc",
		},
	} {
		got, err := ParseRight(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseRight(%q) = %v, %v; want %v", c.text, got, err, c.want)
		}
		if got.String() != c.short {
			t.Errorf("ParseRight(%q).String() = %q, want %q", c.text, got, c.short)
		}
		if again, err := ParseRight(got.String()); err != nil || !reflect.DeepEqual(again, c.want) {
			t.Errorf("%q reads back as %v, %v; want %v", got, again, err, c.want)
		}
	}
}

func TestParseRightRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "source pattern is empty"},
		{":amd64", "source pattern is empty"},
		{"tool:", "architecture is empty"},
		{"tool::publish", "architecture is empty"},
		{"tool:*:", "is no action; expected some of publish, rebuild"},
		{"tool:*:publish,", "is no action"},
		{"tool:*:*", `"*" is no action`},
		{"tool:*:Publish", "is no action"},
		{"tool:*:takeover", "take-over"},
		{"tool:*:publish,undo,publish", "publish is there twice"},
		{"tool:*:publish:more", "expected SOURCE-PATTERN[:ARCH[:ACTION,...]]"},
		{"lib*:*:gc", "gc is about all sources"},
		{"lib[a-z]", "is not letters, digits"},
		{"^lib", "is not letters, digits"},
		{"../*", "is not letters, digits"},
		{"a b", "is not letters, digits"},
		{"a\nevil:-", "is not letters, digits"},
		{"é", "is not letters, digits"},
		{"tool:amd64/debian", "the architecture"},
		{strings.Repeat("a", 256), "expected at most 255"},
	} {
		_, err := ParseRight(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseRight(%q): %v; want %q", c.text, err, c.want)
		} else if strings.ContainsAny(err.Error(), "\n\x00") || len(err.Error()) > 500 {
			t.Errorf("ParseRight(%q): the message is not a line of text: %q", c.text, err)
		}
	}
}

func FuzzParseRight(f *testing.F) {
	f.Add("lib*:amd64-debian:publish,rebuild")
	f.Add("*:*:gc")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRight(text)
		if err != nil {
			return
		}
		if again, err := ParseRight(r.String()); err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%q is written as %q and reads back as %v, %v", text, r, again, err)
		}
	})
}
