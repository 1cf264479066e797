package access

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "foo", true},
		{"foo", "foo", true},
		{"foo", "foo2", false},
		{"foo", "xfoo", false},
		{"foo", "Foo", false},
		{"lib*", "lib", true},
		{"lib*", "libfoo", true},
		{"lib*", "glib", false},
		{"*-dev", "libfoo-dev", true},
		{"*-dev", "libfoo-dev2", false},
		{"l*b*o", "libfoo", true},
		{"l*b*o", "libfooz", false},
		{"lib?", "lib", false},
		{"lib?", "libx", true},
		{"lib?", "libxy", false},
		{"?*", "a", true},
		{"**", "a", true},
		{"*a*a*a*", "aa", false},
		{"*a*a*a*", "xaxaxax", true},
		// Signs of other pattern languages are themselves.
		{".*", "foo", false},
		{"f.o", "foo", false},
		{"f.o", "f.o", true},
		{"fo+", "foo", false},
		{"fo+", "fo+", true},
		{"[a-z]*", "foo", false},
		{"f{o,o}o", "foo", false},
		{"!foo", "bar", false},
		{`\*`, "*", false},
		// What no package can be called is covered by nothing.
		{"*", "", false},
		{"*", "a/b", false},
		{"*", "../a", false},
		{"*", "..", false},
		{"*", ".a", false},
		{"*", "-rf", false},
		{"*", "~a", false},
		{"*", "a\x00", false},
		{"*", "a\n", false},
		{"*", "a b", false},
		{"*", "a:b", false},
		{"*", "é", false},
		{"*", "\xff", false},
		{"*", "a*", false},
		{"a*", "a*", false},
		{"*", strings.Repeat("a", 255), true},
		{"*", strings.Repeat("a", 256), false},
	} {
		if got := Match(c.pattern, c.name); got != c.want {
			t.Errorf("Match(%q, %q) = %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

// matchPlainly says what a pattern is in the fewest words, at exponential cost.
func matchPlainly(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch {
	case pattern[0] == '*':
		return matchPlainly(pattern[1:], name) || name != "" && matchPlainly(pattern, name[1:])
	case name == "":
		return false
	}
	return (pattern[0] == '?' || pattern[0] == name[0]) && matchPlainly(pattern[1:], name[1:])
}

func TestMatchIsTheRule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{1,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab]{1,10}`).Draw(t, "name")
		if got, want := Match(pattern, name), matchPlainly(pattern, name); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", pattern, name, got, want)
		}
	})
}

func TestMatchIsCheap(t *testing.T) {
	t.Parallel()
	// A matcher that tries every place of every star does not end.
	if Match(strings.Repeat("*a", 127), strings.Repeat("a", 126)+strings.Repeat("b", 100)) {
		t.Error("127 letters matched in 126")
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("lib*", "libfoo")
	f.Add("*?", "../..")
	f.Add("*", "a\x00")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if !Match(pattern, name) {
			return
		}
		if strings.ContainsAny(name, "/\x00\n *?:") || name == "" || name[0] == '.' || name[0] == '-' {
			t.Errorf("%q covers %q", pattern, name)
		}
	})
}
