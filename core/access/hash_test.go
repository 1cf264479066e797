package access

import (
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// Made by other programs: htpasswd of Apache 2.4.71 (-nbB, -nbB -C 10) and argon2
// of the Debian package argon2 (-id -k 19456 -t 2 -p 1 -e; -id -k 9216 -t 4 -p 2
// -l 24 -e).
const (
	bcryptB0b   = "$2y$05$nLsSL4pa3cZri5qIxEn.eeC9NEx7vuZu6K7D3FR9Rt6u73XO2k9Gu"
	bcryptCarol = "$2y$10$v5OvfOTFi4btZCqG9YD9HOD66r8JQMembeBMtpjoJyl5sB5Ni2oIO"
	argonB0b    = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$f8q4pVtp8O621srlyPmIwyfOAPgrQloHocgl7vmEmU8"
	argonHorse  = "$argon2id$v=19$m=9216,t=4,p=2$c2FsdHNhbHQ$p/XRlmNKXZDHLWGfJTAm/dDKzjowXfeB"
)

func TestKnownHashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hash, kind, password string }{
		{bcryptB0b, "bcrypt", "B0b"},
		{bcryptCarol, "bcrypt", `p%&=+ ~/"é`},
		{argonB0b, "argon2id", "B0b"},
		{argonHorse, "argon2id", "correct horse"},
	} {
		h, err := ParseHash(c.hash)
		if err != nil || h.Kind() != c.kind || h.stored() != c.hash {
			t.Errorf("%s: %v, %v", c.kind, h, err)
			continue
		}
		if !h.matches(c.password) {
			t.Errorf("%s: the password %q does not match", c.kind, c.password)
		}
		if h.matches(c.password + "x") {
			t.Errorf("%s: a wrong password matches", c.kind)
		}
	}
	h := hashOf(t, bcryptB0b)
	for _, wrong := range []string{"", "b0b", "B0b ", " B0b", "B0", "B0b\x00", strings.Repeat("x", 5000)} {
		if h.matches(wrong) {
			t.Errorf("%.20q matches", wrong)
		}
	}
}

func TestNewHash(t *testing.T) {
	t.Parallel()
	h, err := NewHash(NewSecret("B0b"))
	if err != nil || !strings.HasPrefix(h.stored(), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%v, %v", h, err)
	}
	again, err := ParseHash(h.stored())
	if err != nil || !again.matches("B0b") || again.matches("b0b") {
		t.Errorf("what was written does not read back: %v", err)
	}
	other, err := NewHash(NewSecret("B0b"))
	if err != nil || other.stored() == h.stored() {
		t.Errorf("the salt is the same twice: %v", err)
	}
	for _, password := range []string{"", strings.Repeat("x", 1025), "mmpt_x"} {
		if _, err := NewHash(NewSecret(password)); err == nil {
			t.Errorf("%.10q was taken as a password", password)
		}
	}
}

// TestEmptyPasswordNeverMatches, not even where somebody stored its hash.
func TestEmptyPasswordNeverMatches(t *testing.T) {
	t.Parallel()
	h := nobodysHash()
	if h.matches("") || h.matches("x") {
		t.Error("nobody's hash matches")
	}
	// htpasswd -nbB -C 4 a ''
	if hashOf(t, "$2y$04$I6MYfkYXUvKT04qX6VBZw.gB3AJ6yg/8mxVmL5WGCOxeh3Z7V.LHW").matches("") {
		t.Error("the empty password matches in bcrypt")
	}
	salt := []byte("0123456789abcdef")
	d := hashData{kind: kindArgon, memory: 64, time: 1, threads: 1, salt: salt, sum: argon2.IDKey(nil, salt, 1, 64, 1, 32)}
	if (Hash{seal(&d)}).matches("") {
		t.Error("the empty password matches in argon2id")
	}
}

func TestForeignHashes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ hash, want string }{
		{"$apr1$4CjdrGr4$MDneX8WhrL8t.CURDurkR0", "MD5"},
		{"$1$4CjdrGr4$MDneX8WhrL8t.CURDurkR0", "MD5"},
		{"{SHA}tD3s5JUWbr3+fkx3EE5awWMkQnY=", "SHA-1"},
		{"3VExjbKoiftjQ", "crypt"},
		{"B0b", "plain text"},
		{"", "nothing"},
		{"$6$oDHRMUuJf1B02jT/$F8wB4ay98x/wBfZnufFJFN4.Nb019OQqfw2AfKkSskWsEz9x1Mz3uuLTdVHQeNxg.dEDFECLmUvqMZxQj7Yov0", "SHA-512 crypt"},
		{"$5$YcGvrzXFAU2bc9nN$mV9QpdwxROyRxlAyy85yL7Zl4DCJzn5W3TzC3BBk3u6", "SHA-256 crypt"},
		{strings.Replace(argonB0b, "argon2id", "argon2i", 1), "argon2i;"},
		{strings.Replace(bcryptB0b, "2y", "2x", 1), "defective"},
		{"$new$something", "unknown kind"},
		// Ours, but damaged or out of range.
		{bcryptB0b[:59], "damaged"},
		{bcryptB0b + "x", "damaged"},
		{strings.Replace(bcryptB0b, "05", "5x", 1), "damaged"},
		{strings.Replace(bcryptB0b, "05", "03", 1), "cost is 3"},
		{strings.Replace(bcryptB0b, "05", "15", 1), "cost is 15"},
		{strings.Replace(argonB0b, "v=19", "v=16", 1), "damaged"},
		{strings.Replace(argonB0b, "m=19456,t=2", "t=2,m=19456", 1), "damaged"},
		{strings.Replace(argonB0b, "m=19456", "m=4294967296", 1), "out of range"},
		{strings.Replace(argonB0b, "m=19456", "m=65537", 1), "out of range"},
		{strings.Replace(argonB0b, "m=19456", "m=4096", 1), "out of range"},
		{strings.Replace(argonB0b, "m=19456", "m=-1", 1), "out of range"},
		{strings.Replace(argonB0b, "t=2", "t=11", 1), "out of range"},
		{strings.Replace(argonB0b, "t=2", "t=0", 1), "out of range"},
		{strings.Replace(argonB0b, "p=1", "p=0", 1), "out of range"},
		{strings.Replace(argonB0b, "p=1", "p=257", 1), "out of range"},
		{strings.Replace(argonB0b, "$MDEy", "$!MDEy", 1), "damaged"},
		{"$argon2id$v=19$m=19456,t=2,p=1$MDEy$f8q4pVtp8O621srlyPmIwyfOAPgrQloHocgl7vmEmU8", "damaged"},
		{"$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$f8q4", "damaged"},
		{"$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.Repeat("A", 4000), "damaged"},
	} {
		_, err := ParseHash(c.hash)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.30q: %v; want %q", c.hash, err, c.want)
			continue
		}
		if len(c.hash) > 3 && strings.Contains(err.Error(), c.hash) || strings.Contains(err.Error(), "B0b") || strings.Contains(err.Error(), "MDEy") {
			t.Errorf("%.30q: the message holds the hash: %v", c.hash, err)
		}
	}
}

// TestLongPasswords: bcrypt looks at 72 bytes; argon2id at all of them.
func TestLongPasswords(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 7) + "01"
	h, err := NewHash(NewSecret(long + "x"))
	if err != nil {
		t.Fatal(err)
	}
	if h.matches(long) || !h.matches(long+"x") || h.matches(long+"y") {
		t.Error("argon2id does not look at the whole password")
	}
	// htpasswd -nbB -C 4 a 012345678901…
	b, err := ParseHash("$2y$04$LvojpIbLy0Ct58u/upzQGePE3TVBLX9RvZvT8hNpbqP8LMRZIUZ1K")
	if err != nil {
		t.Fatal(err)
	}
	if !b.matches(long) || !b.matches(long+"y") || b.matches(long[:71]) {
		t.Error("bcrypt does not look at 72 bytes")
	}
}
