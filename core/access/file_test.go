package access

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

const sumOfX = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

// example has every kind of line.
const example = "# the team\n" +
	"\n" +
	"bfinch@example.net:" + bcryptB0b + "\n" +
	"  \t# indented comment: \xff is nobody's business\n" +
	"carol:" + argonB0b + "  rights=lib*\trights=tool:amd64-debian:publish,rebuild \n" +
	"builder:- rights=* token=k3v7q2ab," + sumOfX + ",2027-01-31T00:00:00Z,nightly token=abcd," + sumOfX + ",never, protocol=2 suspended\n" +
	"# end, without a newline"

func parse(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("users", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParse(t *testing.T) {
	t.Parallel()
	f := parse(t, example)
	if got := string(f.Bytes()); got != example {
		t.Errorf("the bytes changed:\n%q", got)
	}
	want := []User{
		{Name: "bfinch@example.net", Password: "bcrypt", Protocol: 1, Line: 3},
		{Name: "carol", Password: "argon2id", Rights: []string{"lib*", "tool:amd64-debian:publish,rebuild"}, Protocol: 1, Line: 5},
		{
			Name: "builder", Password: "none", Rights: []string{"*"}, Protocol: 2, Suspended: true, Line: 6,
			Tokens: []Token{
				{ID: "k3v7q2ab", Label: "nightly", Expires: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)},
				{ID: "abcd"},
			},
		},
	}
	if got := f.Users(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if u, ok := f.User("carol"); !ok || u.Line != 5 {
		t.Errorf("carol: %+v, %v", u, ok)
	}
	for _, name := range []string{"Carol", "", "nobody", "#"} {
		if u, ok := f.User(name); ok {
			t.Errorf("there is a user %q: %+v", name, u)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"alice\n", "line 1: has no ':' in its first word; expected NAME:PASSWORD-HASH"},
		{"\n# x\nalice:" + "\n", "line 3: user alice: the password is stored as nothing; expected argon2id, bcrypt"},
		{"alice:$apr1$4CjdrGr4$MDneX8WhrL8t.CURDurkR0\n", "line 1: user alice: the password is stored as MD5 (htpasswd -m); expected argon2id, bcrypt (`htpasswd -B`), or '-' for none; set a new one with `mmpush user passwd alice`"},
		{":" + bcryptB0b, "line 1: the user's name is empty"},
		{" :-", "line 1: the user's name is empty"},
		{"../x:-", "line 1: the user's name is not"},
		{".x:-", "line 1: the user's name is not"},
		{"-x:-", "line 1: the user's name is not"},
		{"a%41:-", "line 1: the user's name is not"},
		{"é:-", "line 1: the user's name is not"},
		{strings.Repeat("a", 129) + ":-", "expected at most 128"},
		{"alice bob:-", "line 1: has no ':'"},
		{"alice:-\nbob:-\nalice:-\n", "line 3: the user is there already: alice, and alice in line 1"},
		{"alice:-\nAlice:-\n", "line 2: the user is there already: Alice, and alice in line 1"},
		{"alice:-\r\n", "line 1: ends with a carriage return"},
		{"alice:- \x1b\n", "line 1: has a control character"},
		{"alice:- \x00\n", "line 1: has a control character"},
		{"alice:- \xff\n", "line 1: is not UTF-8"},
		{"\ufeffalice:-\n", "line 1: the user's name is not"},
		{"alice:- rights=\n", "line 1: user alice: word 2: right \"\": the source pattern is empty"},
		{"alice:- rights=x:y:fly\n", "is no action; expected some of publish"},
		{"alice:- protocol=3\n", "word 2: protocol has another value than 2"},
		{"alice:- protocol=2 protocol=2\n", "word 3: protocol=2 is there twice"},
		{"alice:- suspended suspended\n", "word 3: suspended is there twice"},
		{"alice:- suspended=no\n", "word 2: is none of rights=, token=, protocol=2 and suspended"},
		{"alice:- # the boss\n", "word 2: is a comment after a user"},
		{"alice:- token=abcd," + sumOfX + "\n", "a token has ID, SHA256, EXPIRY and LABEL"},
		{"alice:- token=AB," + sumOfX + ",never,\n", "the ID of a token is not"},
		{"alice:- token=abcd," + sumOfX[:62] + ",never,\n", "the SHA256 of the token abcd is not 64 hexadecimal digits"},
		{"alice:- token=abcd," + sumOfX[:63] + "g,never,\n", "the SHA256 of the token abcd is not 64 hexadecimal digits"},
		{"alice:- token=abcd," + sumOfX + ",,x\n", "the expiry of the token abcd is not a time"},
		{"alice:- token=abcd," + sumOfX + ",2027-01-31,x\n", "the expiry of the token abcd is not a time"},
		{"alice:- token=abcd," + sumOfX + ",never,a:b\n", "token abcd: the label is not"},
		{"alice:- token=abcd," + sumOfX + ",never, token=abcd," + sumOfX + ",never,\n", "the token abcd is there twice"},
		{"#" + strings.Repeat("x", MaxLine), "line 1: has 16385 bytes; expected at most 16384"},
		{strings.Repeat("\n", MaxFile+1), "has 4194305 bytes; expected at most 4194304"},
		{"alice:-" + strings.Repeat(" rights=x", MaxRights+1), "one right too many"},
		{"alice:-" + manyTokens(MaxTokens+1), "one token too many"},
		{manyUsers(MaxUsers + 1), "line 10001: is one user too many"},
	} {
		f, err := Parse("/etc/mmpush/users", []byte(c.text))
		if err == nil || f != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60q: %v\nwant %q", c.text, err, c.want)
			continue
		}
		if !strings.HasPrefix(err.Error(), "/etc/mmpush/users: ") || report.KindOf(err) != report.KindUsage || report.CodeOf(err) != "MP-USERS" {
			t.Errorf("%.60q: %v: the error has no file, code or kind", c.text, err)
		}
	}
}

func manyTokens(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " token=id%02d,%s,never,", i, sumOfX)
	}
	return b.String()
}

func manyUsers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "user%d:-\n", i)
	}
	return b.String()
}

func TestParseTakesTheLimits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "\n", "#" + strings.Repeat("x", MaxLine-1), strings.Repeat("\n", MaxFile),
		"alice:-" + strings.Repeat(" rights=x", MaxRights), "alice:-" + manyTokens(MaxTokens), manyUsers(MaxUsers),
		strings.Repeat("a", 128) + ":-",
	} {
		if got := string(parse(t, text).Bytes()); got != text {
			t.Errorf("%.60q changed", text)
		}
	}
}

func TestParseTellsAllLines(t *testing.T) {
	t.Parallel()
	_, err := Parse("users", []byte("a\nb:-\nc:B0b\nd:- x\n"))
	want := []string{"line 1: ", "line 3: ", "line 4: "}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v: want %q", err, w)
		}
	}
	_, err = Parse("users", []byte(strings.Repeat("x\n", 100_000)))
	if err == nil || len(err.Error()) > 4000 {
		t.Errorf("the message has %d bytes", len(fmt.Sprint(err)))
	}
}

// TestErrorsHoldNoLine: a line that is wrong may be a password in the wrong place.
func TestErrorsHoldNoLine(t *testing.T) {
	t.Parallel()
	const secret = "Tr0ub4dor"
	for _, text := range []string{
		secret, secret + "!:-", "alice:" + secret, "alice:$apr1$" + secret, "alice:$2y$" + secret, "alice:$argon2id$v=19$" + secret,
		"alice:- " + secret, "alice: " + secret, "alice:- " + secret + "=x", "alice:- protocol=" + secret, "alice:- suspended=" + secret,
		"alice:- token=" + secret, "alice:- token=" + secret + "," + secret + "," + secret + "," + secret,
		"alice:- token=abcd," + secret + ",never,", "alice:- token=abcd," + sumOfX + "," + secret + ",",
		"alice:- token=abcd," + sumOfX + ",never,:" + secret, "alice:- #" + secret, "alice:-\x00" + secret, secret + "\r",
	} {
		_, err := Parse("users", []byte(text))
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCheckMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o600, 0o400, 0o700, 0} {
		if err := CheckMode("users", mode); err != nil {
			t.Errorf("%04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o620, 0o604, 0o602, 0o660, 0o610, 0o601, 0o666 | fs.ModeSticky} {
		err := CheckMode("users", mode)
		e, ok := errors.AsType[*report.Error](err)
		if !ok || !errors.Is(err, ErrReadable) || e.Hint == "" || e.File != "users" {
			t.Errorf("%04o: %v", mode, err)
		}
	}
	for _, mode := range []fs.FileMode{fs.ModeDir | 0o700, fs.ModeNamedPipe | 0o600, fs.ModeSymlink | 0o600, fs.ModeDevice | 0o600} {
		if err := CheckMode("users", mode); err == nil || errors.Is(err, ErrReadable) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(team))
	f.Add(New("users").Bytes())
	f.Add([]byte("a:-\nA:-"))
	f.Add([]byte("a:- rights=x:y:publish,gc token=,,, protocol= suspended=\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("users", data)
		if err != nil {
			if report.KindOf(err) != report.KindUsage || !strings.HasPrefix(err.Error(), "users: ") || len(err.Error()) > 20_000 {
				t.Errorf("%v", err)
			}
			return
		}
		if string(file.Bytes()) != string(data) {
			t.Errorf("the bytes changed")
		}
		for _, u := range file.Users() {
			if ValidName(u.Name) != nil || u.Rights == nil && file.data().user(u.Name).rights != nil {
				t.Errorf("%+v", u)
			}
			again, err := file.SetSuspended(u.Name, !u.Suspended)
			if err == nil {
				again, err = again.SetSuspended(u.Name, u.Suspended)
			}
			// Only a line that was near its limit may not take one word more.
			if err != nil {
				if len(file.data().lines[u.Line-1]) < MaxLine-200 && len(data) < MaxFile-200 {
					t.Errorf("%s: %v", u.Name, err)
				}
				continue
			}
			if got, _ := again.User(u.Name); !reflect.DeepEqual(got, u) {
				t.Errorf("got %+v, want %+v", got, u)
			}
		}
	})
}
