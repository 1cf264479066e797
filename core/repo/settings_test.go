package repo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/archive"
)

// TestWrittenSettings: what init writes says what holds, and each of its comments that
// is a key can be uncommented.
func TestWrittenSettings(t *testing.T) {
	t.Parallel()
	s := defaultSettings("mmpack")
	s.ID, s.Rebuild, s.Shared = "x1", Policy{{"*", Allow}}, true
	text := string(formatSettings(s))
	s.Downgrade, s.TakeOver = Policy{{"*", Ask}}, Policy{{"*", Ask}}
	if got, err := parseSettings([]byte(text), "other"); err != nil || !reflect.DeepEqual(got, s) {
		t.Errorf("%+v %v\nof\n%s", got, err, text)
	}
	var open strings.Builder
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# "); ok && (strings.HasPrefix(rest, " ") || rest == "limits:\n" || rest == "verifiers:\n") {
			line = rest
		}
		open.WriteString(strings.ReplaceAll(line, "HEX", strings.Repeat("ab", 32)))
	}
	got, err := parseSettings([]byte(open.String()), "mmpack")
	if err != nil || len(got.Verifiers) != 2 || got.Limits != archive.DefaultLimits() {
		t.Errorf("%+v %v\nof\n%s", got, err, &open)
	}
	for _, k := range SettingKeys() {
		if _, err := parseSettings([]byte(strings.ReplaceAll(k.Example, "HEX", strings.Repeat("ab", 32))), "mmpack"); err != nil || !strings.HasPrefix(k.Example, k.Name+":") {
			t.Errorf("the example of %s: %v", k.Name, err)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > 81 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s, err := parseSettings([]byte("grace: 1h\nlimits: {unpacked: 1GiB, ratio: 10, window: 64MiB, members: 7}\ndowngrade: {'a*': never, '*': allow}\n"), "mmpack")
	want := archive.DefaultLimits()
	want.DecodedBase, want.DecodedRatio, want.Window, want.Members = 1<<30, 10, 64<<20, 7
	if err != nil || s.Limits != want || s.Grace != time.Hour || s.Downgrade.For("abc") != Never || s.Downgrade.For("b") != Allow {
		t.Errorf("%+v %v", s, err)
	}
	_, err = parseSettings([]byte("rebiuld: allow\ngrace: soon\nretired-max: much\nlimits: {unpackd: 1, window: 3GiB, members: 0, ratio: x}\nshared: yes\ndowngrade: {'[': ask, a: maybe}\ntake-over: [ask]\n"), "mmpack")
	const all = `line 1: rebiuld: there is no such key; is "rebuild" meant?
line 2: grace: is "soon"; expected a time such as 72h or 30m
line 3: retired-max: "much" is not an amount such as 10% or 20GiB
line 4: limits.unpackd: there is no such key; is "unpacked" meant?
line 4: limits.window: "3GiB" is not a size from 1024 to 2147483647 bytes, such as 512MiB
line 4: limits.members: "0" is not a number from 1 on
line 4: limits.ratio: "x" is not a number from 1 on
line 5: shared: is "yes"; expected true or false
line 6: downgrade.[: is not a pattern: * and ? stand for any letters, [ab] for one of a few
line 6: downgrade.a: "maybe" is not one of ask, allow, never
line 7: take-over: is a list; expected a mapping of names to ask, allow or never`
	if err == nil || err.Error() != all {
		t.Errorf("got:\n%v\nwant:\n%s", err, all)
	}
}
