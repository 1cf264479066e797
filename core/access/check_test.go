package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
)

// team is the file of TestWholeTable; the evaluator beside it reads the rights in
// its own way.
const team = `
nobody:-
all:- rights=*
all2:- rights=*:*:publish
lib:- rights=lib*
one:- rights=tool:amd64-debian
wild:- rights=t??l:*-debian:publish,rebuild
two:- rights=tool:amd64-debian:publish,rebuild,downgrade rights=libfoo:*:take-over
exact:- rights=lib:i386:remove,purge
cleaner:- rights=*:amd64-debian:gc rights=libfoo:i386:undo
keeper:- rights=*:*:gc,undo,purge
admin:- rights=*:*:publish,rebuild,downgrade,take-over,remove,purge,undo,gc
dotted:- rights=lib.oo rights=.*
plus:- rights=libsigc++*:x86_64:publish
suspended:- rights=* suspended
`

// allowed is the independent evaluator: the words of the file, split by hand.
func allowed(t *testing.T, user string, n Need) bool {
	t.Helper()
	for line := range strings.Lines(team) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.Split(words[0], ":")[0] != user {
			continue
		}
		for _, word := range words[1:] {
			text, isRight := strings.CutPrefix(word, "rights=")
			if !isRight {
				continue
			}
			parts := append(strings.Split(text, ":"), "*", "publish")
			if strings.Count(text, ":") == 1 {
				parts = []string{parts[0], parts[1], "publish"}
			}
			named := slices.Contains(strings.Split(parts[2], ","), string(n.Action))
			if named && matchPlainly(parts[1], n.Arch) && matchPlainly(parts[0], n.Source) {
				return true
			}
		}
		return false
	}
	t.Fatalf("no user %s", user)
	return false
}

func TestWholeTable(t *testing.T) {
	t.Parallel()
	f := parse(t, team)
	sources := []string{"lib", "libfoo", "libfoo2", "lib.oo", "tool", "tooll", "to", "gtool", "Tool", "libsigc++2.0", "x"}
	arches := []string{"amd64-debian", "i386-debian", "i386", "x86_64", "amd64-debian2"}
	yes, no := 0, 0
	for _, u := range f.data().users {
		id := Identity{Name: u.name, rights: u.rights}
		for _, source := range sources {
			for _, arch := range arches {
				for _, action := range Actions() {
					n := Need{Action: action, Source: source, Arch: arch}
					if action == GC {
						n.Source = ""
					}
					want := allowed(t, u.name, n)
					findings := Check(id, []Need{n})
					if got := len(findings) == 0; got != want {
						t.Errorf("%s %s %q on %s: %v, want %v", u.name, action, n.Source, arch, got, want)
					}
					if want {
						yes++
						continue
					}
					no++
					checkRefusal(t, u.name, n, findings)
				}
			}
		}
	}
	if yes < 500 || no < 2000 {
		t.Errorf("%d allowed and %d refused: the table is not the whole one", yes, no)
	}
}

// checkRefusal: one finding that names everything, and whose right would have been
// enough.
func checkRefusal(t *testing.T, user string, n Need, findings []report.Finding) {
	t.Helper()
	if len(findings) != 1 || !findings[0].Refuses() || findings[0].Code != "MP-RIGHTS" {
		t.Fatalf("%s %v: %v", user, n, findings)
	}
	f := findings[0]
	for _, word := range []string{user, string(n.Action), n.Source, n.Arch} {
		if !strings.Contains(f.Message, word) {
			t.Errorf("%s %v: the message does not name %q: %s", user, n, word, f.Message)
		}
	}
	r, err := ParseRight(strings.TrimPrefix(f.Expected, "the right "))
	if err != nil || !NewIdentity(user, []Right{r}).May(n) {
		t.Errorf("%s %v: the right in %q would not be enough: %v", user, n, f.Expected, err)
	}
	if !strings.Contains(f.Hint, r.String()) {
		t.Errorf("%s %v: the hint does not name the right: %s", user, n, f.Hint)
	}
}

func TestTakeOverNeedsBoth(t *testing.T) {
	t.Parallel()
	id := identity("two")
	needs := []Need{{Publish, "tool", "amd64-debian", false}, {TakeOver, "tool", "amd64-debian", true}, {TakeOver, "libfoo", "amd64-debian", true}}
	findings := Check(id, needs)
	if len(findings) != 1 || !strings.Contains(findings[0].Message, "may not take-over the source tool on amd64-debian") {
		t.Errorf("rights over the other source only: %v", findings)
	}
	if want := "the right to publish, rebuild, downgrade"; findings[0].Actual != want {
		t.Errorf("Actual is %q, want %q", findings[0].Actual, want)
	}
	if findings := Check(identity("admin"), needs); findings != nil {
		t.Errorf("rights over both: %v", findings)
	}
}

// identity is a user of the team without a login.
func identity(name string) Identity {
	f, err := Parse("users", []byte(team))
	if err != nil {
		panic(err)
	}
	return Identity{Name: name, rights: f.data().user(name).rights}
}

func TestCheckTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	needs := []Need{
		{Action: Publish, Source: "x", Arch: "i386"}, {Action: Publish, Source: "tool", Arch: "amd64-debian"},
		{Action: Publish, Source: "y", Arch: "i386"}, {Action: Publish, Source: "x", Arch: "i386"}, {Action: Rebuild, Source: "x", Arch: "i386"},
	}
	var got []string
	for _, f := range Check(identity("one"), needs) {
		got = append(got, f.Message)
	}
	want := []string{
		"one may not publish the source x on i386", "one may not publish the source y on i386", "one may not rebuild the source x on i386",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWithoutRightsNothingIsTold: what the repository holds changes no answer to
// somebody whose declared sources are not theirs.
func TestWithoutRightsNothingIsTold(t *testing.T) {
	t.Parallel()
	declared := []Need{{Action: Publish, Source: "libfoo", Arch: "i386"}, {Action: Publish, Source: "tool", Arch: "i386"}}
	found := []Need{
		{Action: Rebuild, Source: "libfoo", Arch: "i386", Found: true}, {Action: TakeOver, Source: "secret-project", Arch: "i386", Found: true},
	}
	for _, name := range []string{"nobody", "lib", "one", "exact"} {
		empty, full := Check(identity(name), declared), Check(identity(name), slices.Concat(found, declared))
		if len(empty) == 0 || fmt.Sprint(empty) != fmt.Sprint(full) {
			t.Errorf("%s is told apart:\n%v\n%v", name, empty, full)
		}
	}
	if findings := Check(identity("all"), slices.Concat(declared, found)); len(findings) != 2 {
		t.Errorf("somebody with the right to publish: %v", findings)
	}
}

func TestHostileNeeds(t *testing.T) {
	t.Parallel()
	id := identity("admin")
	for _, n := range []Need{
		{Action: Publish, Arch: "i386"},
		{Action: Publish, Source: "a"},
		{Action: "", Source: "a", Arch: "i386"},
		{Action: "anything", Source: "a", Arch: "i386"},
		{Action: GC, Source: "a", Arch: "i386"},
		{Action: GC},
		{Action: Publish, Source: "../../etc", Arch: "i386"},
		{Action: Publish, Source: "a\x1b[31m\nb", Arch: "i386"},
		{Action: Publish, Source: "a", Arch: "i386\n"},
		{Action: Publish, Source: strings.Repeat("a", 100_000), Arch: "i386"},
		{Action: Publish, Source: "\xff", Arch: "i386"},
	} {
		findings := Check(id, []Need{n})
		if len(findings) != 1 {
			t.Errorf("%s %.80q on %q: %v", n.Action, n.Source, n.Arch, findings)
			continue
		}
		text := findings[0].String() + findings[0].Hint
		if len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0xfffd }) {
			t.Errorf("%s %.80q on %q: the finding is not a line of text: %.1000q", n.Action, n.Source, n.Arch, text)
		}
	}
}

func TestWhoHasWhat(t *testing.T) {
	t.Parallel()
	n := Need{Action: Purge, Source: "x", Arch: "i386"}
	if (Identity{}).May(n) || !Operator("root").May(n) || !Operator("root").IsOperator() || identity("admin").IsOperator() {
		t.Error("the zero Identity may nothing, the operator everything, and an admin is no operator")
	}
	if findings := Check(Identity{}, []Need{n}); len(findings) != 1 || !strings.Contains(findings[0].Message, "without a name") {
		t.Errorf("nobody: %v", findings)
	}
	id := identity("two")
	id.Rights()[0].Actions[0] = Purge
	if !id.May(Need{Action: Publish, Source: "tool", Arch: "amd64-debian"}) {
		t.Error("a copy of the rights changed them")
	}
}
