package tupkg

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const zeroMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// decl is a declaration of one file in the document's dialect.
func decl(name, size, md5 string) string {
	return "numpkgs=1&name1=" + name + "&size1=" + size + "&md5sum1=" + md5
}

// threeHuge declares files whose sizes add up to 2^64 - 1.
const threeHuge = "numpkgs=3" +
	"&name1=a&size1=6148914691236517205&md5sum1=" + zeroMD5 +
	"&name2=b&size2=6148914691236517205&md5sum2=" + zeroMD5 +
	"&name3=c&size3=6148914691236517205&md5sum3=" + zeroMD5

// Each of these killed, robbed or misled the historical server. Ours answers FAIL,
// closes, and its Host never hears of them.
func TestHostileDeclarations(t *testing.T) {
	t.Parallel()
	const ok = "&size1=3&md5sum1=" + zeroMD5
	tests := []struct{ name, body string }{
		{"path upwards", decl("../x", "3", zeroMD5)},
		{"path upwards, escaped", decl("%2e%2e%2Fx", "3", zeroMD5)},
		{"absolute name", decl("/etc/passwd", "3", zeroMD5)},
		{"name with folder", decl("a/b", "3", zeroMD5)},
		{"only dots", decl("..", "3", zeroMD5)},
		{"hidden file", decl(".bashrc", "3", zeroMD5)},
		{"like an option", decl("-rf", "3", zeroMD5)},
		{"NUL in the name", decl("a%00.mpk", "3", zeroMD5)},
		{"line break in the name", decl("a%0Ab", "3", zeroMD5)},
		{"raw line break in the name", decl("a\nb", "3", zeroMD5)},
		{"escape sequence in the name", decl("a%1B[31m", "3", zeroMD5)},
		{"DEL in the name", decl("a%7Fb", "3", zeroMD5)},
		{"C1 control in the name", decl("a%C2%9Bb", "3", zeroMD5)},
		{"invalid UTF-8 in the name", decl("a%FFb", "3", zeroMD5)},
		{"overlong UTF-8 slash", decl("a%C0%AFb", "3", zeroMD5)},
		{"empty name", decl("", "3", zeroMD5)},
		{"long name", decl(strings.Repeat("n", 256), "3", zeroMD5)},
		{"size -5", decl("a", "-5", zeroMD5)},
		{"size +1", decl("a", "+1", zeroMD5)},
		{"size %2B1", decl("a", "%2B1", zeroMD5)},
		{"size 01", decl("a", "01", zeroMD5)},
		{"size 10^30", decl("a", "1"+strings.Repeat("0", 30), zeroMD5)},
		{"size 2^63", decl("a", "9223372036854775808", zeroMD5)},
		{"size 2^63-1", decl("a", "9223372036854775807", zeroMD5)},
		{"size 0x10", decl("a", "0x10", zeroMD5)},
		{"size 1e3", decl("a", "1e3", zeroMD5)},
		{"size 1_0", decl("a", "1_0", zeroMD5)},
		{"size of other digits", decl("a", "٣", zeroMD5)},
		{"size with a space", decl("a", " 3", zeroMD5)},
		{"no size", "numpkgs=1&name1=a&md5sum1=" + zeroMD5},
		{"empty size", decl("a", "", zeroMD5)},
		{"sizes whose sum overflows", threeHuge},
		{"MD5 that is not hexadecimal", decl("a", "3", strings.Repeat("g", 32))},
		{"MD5 too long", decl("a", "3", zeroMD5+"0")},
		{"MD5 a path", decl("a", "3", "../../x")},
		{"no MD5", "numpkgs=1&name1=a&size1=3"},
		{"empty MD5", decl("a", "3", "")},
		{"the same name twice", "numpkgs=2&name1=a" + ok + "&name2=a&size2=4&md5sum2=" + zeroMD5},
		{"the same name in two spellings", "numpkgs=2&name1=a" + ok + "&name2=%61&size2=4&md5sum2=" + zeroMD5},
		{"one key twice, from 1", "numpkgs=1&name1=a&name1=b" + ok},
		{"one key twice, from 0", "numpkgs=1&name0=a&name0=b&size0=3&md5sum0=" + zeroMD5},
		{"numpkgs twice", "numpkgs=1&numpkgs=2&name1=a" + ok},
		{"numpkgs -1", "numpkgs=-1"},
		{"numpkgs 10^30", "numpkgs=1" + strings.Repeat("0", 30)},
		{"numpkgs greater than the files", "numpkgs=2&name1=a" + ok},
		{"numpkgs smaller than the files", "numpkgs=1&name1=a" + ok + "&name2=b&size2=3&md5sum2=" + zeroMD5},
		{"files with numpkgs 0", "numpkgs=0&name1=a" + ok},
		{"no numpkgs", "name1=a" + ok},
		{"both numberings", "numpkgs=1&name0=a&size0=3&md5sum0=" + zeroMD5 + "&name1=a" + ok},
		{"mixed numbering", "numpkgs=1&name0=a" + ok},
		{"a number with a zero in front", "numpkgs=1&name1=a" + ok + "&name01=b"},
		{"a number beyond all", "numpkgs=1&name1=a" + ok + "&size99999999999999999999=1"},
		{"a glued name from 0", "numpkgs=2&name0=a&size0=3&md5sum0=abcdname1=b&size1=3&md5sum1=abcd"},
		{"a part without =", "numpkgs=1&name1=a&x" + ok},
		{"a long key", "numpkgs=1&" + strings.Repeat("k", 65) + "=1&name1=a" + ok},
		{"a long value", "numpkgs=1&k=" + strings.Repeat("v", 1025) + "&name1=a" + ok},
		{"nothing", ""},
		{"not the protocol", "GET / HTTP/1.1\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			got, err := serveBytes(t, h, framed(loginOK, tt.body, "ack"))
			if messages := frames(t, []byte(got)); !slices.Equal(messages, []string{passed, failed}) {
				t.Errorf("answers %q", messages)
			}
			if !errorsAre(err, ErrProtocol) && !errorsAre(err, ErrRefused) {
				t.Errorf("error %v", err)
			}
			if len(h.declared) != 0 {
				t.Errorf("the host was asked to take %+v", h.declared[0].Files)
			}
		})
	}
}

// One message of 1,100 names made the historical server deaf for ever; beyond the
// limits ours says no before it has asked anybody for anything.
func TestDeclarationLimits(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		body := fmt.Sprintf("numpkgs=%d", n)
		for i := range n {
			body += fmt.Sprintf("&name%d=f%d&size%d=1&md5sum%d=0", i, i, i, i)
		}
		return body
	}
	tests := []struct {
		name   string
		body   string
		limits Limits
		taken  bool
	}{
		{"1,024 files", many(1024), Limits{}, true},
		{"1,025 files", many(1025), Limits{}, false},
		{"fewer allowed", many(3), Limits{SessionFiles: 2}, false},
		{"a large file", decl("a", "101", zeroMD5), Limits{FileBytes: 100}, false},
		{"a file just not too large", decl("a", "100", zeroMD5), Limits{FileBytes: 100}, true},
		{"a large sum", many(3), Limits{UploadBytes: 2}, false},
		{"many other keys", "numpkgs=0" + manyKeys(30), Limits{SessionFiles: 2}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			conn, o := connOf(framed(loginOK, tt.body)), quick()
			o.Limits = tt.limits
			err := Serve(t.Context(), conn, h, o)
			if taken := len(h.declared) == 1; taken != tt.taken {
				t.Errorf("declared to the host: %v; %v", taken, err)
			}
			if messages := frames(t, conn.out.Bytes()); !tt.taken && !slices.Equal(messages, []string{passed, failed}) {
				t.Errorf("answers %q", messages)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&k%d=v", i)
	}
	return b.String()
}

func TestHostileLogins(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body string }{
		{"no password", "username=" + testUser},
		{"no user", "password=B0b"},
		{"empty", ""},
		{"user twice", "username=a&username=" + testUser + "&password=B0b"},
		{"password twice", "username=" + testUser + "&password=x&password=B0b"},
		{"control character in the user", "username=a%0Ab&password=B0b"},
		{"invalid UTF-8 in the user", "username=%FF&password=B0b"},
		{"empty user", "username=&password=B0b"},
		{"long user", "username=" + strings.Repeat("u", 256) + "&password=B0b"},
		{"long password", "username=" + testUser + "&password=" + strings.Repeat("p", 1025)},
		{"many keys", "username=" + testUser + "&password=B0b" + manyKeys(7)},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			got, err := serveBytes(t, h, framed(tt.body))
			if !slices.Equal(frames(t, []byte(got)), []string{failed}) || !errorsAre(err, ErrProtocol) {
				t.Errorf("%q, %v", got, err)
			}
			if h.attempts != 0 {
				t.Error("the host was asked")
			}
		})
	}
}

// answering notes how much had been read when the first byte of an answer was written.
type answering struct {
	*memConn
	in   *bytes.Reader
	read int64
}

func (c *answering) Write(p []byte) (int, error) {
	if c.read == 0 {
		c.read = c.in.Size() - int64(c.in.Len())
	}
	return c.memConn.Write(p)
}

// Before the login is answered not more than 4 KiB are read, whatever is announced and
// sent. What is drained after a refusal is thrown away, and little too.
func TestReadsLittleBeforeLogin(t *testing.T) {
	t.Parallel()
	much := bytes.Repeat([]byte("x"), 1<<20)
	for name, tt := range map[string]struct {
		said   []byte
		passes bool
	}{
		"a long message":    {append([]byte{0xff, 0xff}, much...), false},
		"the longest login": {slices.Concat(framed("username=x&password="+strings.Repeat("y", 3900)), much), false},
		"noise":             {much, false},
		"version 1":         {slices.Concat(framed(loginOK), much), true},
		"version 2":         {slices.Concat(framed(loginOK+"&tupkg=2"), much), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := bytes.NewReader(tt.said)
			conn := &answering{memConn: &memConn{in: in}, in: in}
			err := Serve(t.Context(), conn, newMemHost(), quick())
			if conn.read == 0 || conn.read > 4096 {
				t.Errorf("%d bytes read before the first answer", conn.read)
			}
			if read := len(tt.said) - in.Len(); !tt.passes && read > 4096+64<<10 || err == nil {
				t.Errorf("%d bytes read in all, %v", read, err)
			}
			if got := conn.out.String(); len(got) < 2 || strings.HasPrefix(got[2:], "result=PASS") != tt.passes {
				t.Errorf("%.100q", got)
			}
		})
	}
}

// More data than declared is no file's data.
func TestMoreDataThanDeclared(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	said := slices.Concat(framed(loginOK, decl("a", "3", md5Of([]byte("abc")))), []byte("abcdefgh"))
	got, err := serveBytes(t, h, said)
	if messages := frames(t, []byte(got)); len(messages) != 3 || messages[2] != "np=1&m1=PASS" {
		t.Errorf("answers %q", messages)
	}
	if !errors.Is(err, ErrProtocol) || string(h.content("a")) != "abc" {
		t.Errorf("%v, content %q", err, h.content("a"))
	}
}

// A wrong MD5 deletes that file of that user, and nothing else.
func TestWrongMD5DeletesOnlyItself(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	good := slices.Concat(framed(loginOK, decl("a", "3", md5Of([]byte("abc")))), []byte("abc"), framed("ack"))
	bad := slices.Concat(framed(loginOK, decl("a", "3", zeroMD5)), []byte("xyz"), framed("ack"))
	for _, said := range [][]byte{good, bad} {
		if _, err := serveBytes(t, h, said); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.store) != 1 {
		t.Errorf("%d files are kept; the failed one should be gone", len(h.store))
	}
	if string(h.content("a")) != "abc" {
		t.Errorf("the verified file is %q now", h.content("a"))
	}
}

// A disconnect before the results does not send the client back to the first byte.
func TestDisconnectBeforeResults(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	said := slices.Concat(framed(loginOK, decl("a", "3", md5Of([]byte("abc")))), []byte("abc"))
	if _, err := serveBytes(t, h, said); !errorsAre(err, ErrBroken) {
		t.Errorf("a missing ack gave %v", err)
	}
	got, err := serveBytes(t, h, framed(loginOK, decl("a", "3", md5Of([]byte("abc"))), "ack"))
	want := string(framed(passed, "numpkgs=1&name1=a&size1=3", "np=1&m1=PASS"))
	if err != nil || got != want || h.received != 3 {
		t.Errorf("%q, %v, %d bytes", got, err, h.received)
	}
}

// All readings of one password are one attempt.
func TestPasswordReadings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sent string
		want []string
	}{
		{"B0b", []string{"B0b"}},
		{"a+b", []string{"a+b", "a b"}},
		{"a%2Bb", []string{"a+b", "a%2Bb"}},
		{"a%20b+c", []string{"a b+c", "a b c", "a%20b+c"}},
		{"50%", []string{"50%"}},
		{"50%off", []string{"50%off"}},
		{"", []string{""}},
	}
	for _, tt := range tests {
		p, err := parseLogin([]byte("username=u@x&password="+tt.sent), Limits{}.WithDefaults())
		var got []string
		for _, reading := range p.Passwords {
			got = append(got, string(reading))
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, %v; want %q", tt.sent, got, err, tt.want)
		}
		for _, stored := range tt.want {
			h := newMemHost()
			h.users["u@x"] = stored
			if out, _ := serveBytes(t, h, framed("username=u@x&password="+tt.sent)); !strings.Contains(out, "PASS") || h.attempts != 1 {
				t.Errorf("%q sent, %q stored: %q after %d attempts", tt.sent, stored, out, h.attempts)
			}
		}
	}
	p, _ := parseLogin([]byte("username=a%2Bb+c%26d%3De%3Bf%27%40x&password=p+%25"), Limits{}.WithDefaults())
	if p.User != "a+b c&d=e;f'@x" || p.Passwords[0] != "p %" {
		t.Errorf("the historical escapes gave %q, %q", p.User, string(p.Passwords[0]))
	}
}
