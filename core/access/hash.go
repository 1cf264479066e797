package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// maxPassword is the longest password that is hashed, in bytes.
const maxPassword = 1024

// What NewHash computes with: 19 MiB, as OWASP's password storage cheat sheet has
// it.
const (
	argonMemory  = 19456
	argonTime    = 2
	argonThreads = 1
)

// What is read: below, a hash protects little; above, logging in is an attack on
// the server's memory and time. htpasswd's default for bcrypt is 5.
const (
	minArgonMemory, maxArgonMemory    = 7168, 65536
	maxArgonTime, maxArgonThreads     = 10, 4
	maxBcryptCost                     = 14
	minSaltBytes, minSumBytes         = 8, 16
	maxSaltBytes, maxSumBytes         = 64, 64
	newSaltBytes, newSumBytes         = 16, 32
	noPassword                        = "-"
	kindArgon, kindBcrypt, kindNobody = "argon2id", "bcrypt", "none"
)

// Hash is a stored password. The zero Hash is nobody's password. It prints as its
// kind.
type Hash struct{ data sealed[hashData] }

type hashData struct {
	text string
	kind string
	// For argon2id.
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

// NewHash hashes a password for the users file, with argon2id and a random salt;
// it takes about 20 ms and 19 MiB. The password may be anything but empty, longer
// than 1024 bytes, or in the form of a token.
func NewHash(password Secret) (Hash, error) {
	text := password.Reveal()
	switch {
	case text == "":
		return Hash{}, usersError("", errors.New("the password is empty"))
	case len(text) > maxPassword:
		return Hash{}, usersError("", fmt.Errorf("the password has %d bytes; expected at most %d", len(text), maxPassword))
	case strings.HasPrefix(text, tokenPrefix):
		return Hash{}, usersError("", fmt.Errorf("the password begins with %s, as tokens do; expected something else", tokenPrefix))
	}
	salt := make([]byte, newSaltBytes)
	rand.Read(salt) // never fails
	sum := argon2.IDKey([]byte(text), salt, argonTime, argonMemory, argonThreads, newSumBytes)
	return Hash{seal(&hashData{
		text: fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
			base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)),
		kind: kindArgon, memory: argonMemory, time: argonTime, threads: argonThreads, salt: salt, sum: sum,
	})}, nil
}

// ParseHash reads the hash of a password as it stands in the users file or after
// htpasswd's "name:". The error never holds the text.
func ParseHash(text string) (Hash, error) {
	switch {
	case text == noPassword:
		return Hash{}, nil
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(text)
	case strings.HasPrefix(text, "$2a$"), strings.HasPrefix(text, "$2b$"), strings.HasPrefix(text, "$2y$"):
		return parseBcrypt(text)
	}
	return Hash{}, fmt.Errorf("the password is stored as %s; expected argon2id, bcrypt (`htpasswd -B`), or '-' for none", foreignKind(text))
}

// foreignKind names the kinds that htpasswd and crypt(3) write and that are refused.
func foreignKind(text string) string {
	kinds := []struct{ prefix, name string }{
		{"$apr1$", "MD5 (htpasswd -m)"}, {"$1$", "MD5"}, {"{SHA}", "SHA-1 (htpasswd -s)"}, {"{SSHA}", "salted SHA-1"},
		{"$5$", "SHA-256 crypt (htpasswd -2)"}, {"$6$", "SHA-512 crypt (htpasswd -5)"}, {"$argon2i$", "argon2i"},
		{"$argon2d$", "argon2d"}, {"$2x$", "bcrypt of a defective program ($2x$)"}, {"$2$", "bcrypt of the first version ($2$)"},
		{"$y$", "yescrypt"}, {"$scrypt$", "scrypt"}, {"$7$", "scrypt"},
	}
	for _, k := range kinds {
		if strings.HasPrefix(text, k.prefix) {
			return k.name
		}
	}
	switch {
	case text == "":
		return "nothing"
	case strings.HasPrefix(text, "$"):
		return "an unknown kind of hash"
	case len(text) == 13:
		return "crypt (htpasswd -d) or plain text"
	}
	return "plain text, or an unknown kind of hash"
}

func parseBcrypt(text string) (Hash, error) {
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	isBase64 := func(c byte) bool { return isAlphanumeric(c) || c == '.' || c == '/' }
	if len(text) != 60 || !only(text[4:6], isDigit) || text[6] != '$' || !only(text[7:], isBase64) {
		return Hash{}, errors.New("the bcrypt hash is damaged; expected $2y$, two digits, '$' and 53 letters")
	}
	if cost := number(text[4:6]); cost < uint64(bcrypt.MinCost) || cost > maxBcryptCost {
		return Hash{}, fmt.Errorf("the bcrypt cost is %d; expected %d to %d", cost, bcrypt.MinCost, maxBcryptCost)
	}
	return Hash{seal(&hashData{text: text, kind: kindBcrypt})}, nil
}

// parseArgon reads $argon2id$v=19$m=MEMORY,t=TIME,p=THREADS$SALT$HASH.
func parseArgon(text string) (Hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return Hash{}, errArgon
	}
	d := &hashData{text: text, kind: kindArgon}
	if err := d.readParameters(strings.Split(parts[3], ",")); err != nil {
		return Hash{}, err
	}
	var saltErr, sumErr error
	d.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	d.sum, sumErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if saltErr != nil || sumErr != nil || len(d.salt) < minSaltBytes || len(d.salt) > maxSaltBytes || len(d.sum) < minSumBytes || len(d.sum) > maxSumBytes {
		return Hash{}, fmt.Errorf("the argon2id hash is damaged; expected base64 of a salt of %d to %d bytes and of a hash of %d to %d bytes",
			minSaltBytes, maxSaltBytes, minSumBytes, maxSumBytes)
	}
	return Hash{seal(d)}, nil
}

// errArgon is for what is not of the form at all.
var errArgon = errors.New("the argon2id hash is damaged; expected $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH")

func (d *hashData) readParameters(words []string) error {
	if len(words) != 3 || !strings.HasPrefix(words[0], "m=") || !strings.HasPrefix(words[1], "t=") || !strings.HasPrefix(words[2], "p=") {
		return errArgon
	}
	memory, time, threads := number(words[0][2:]), number(words[1][2:]), number(words[2][2:])
	if memory < minArgonMemory || memory > maxArgonMemory || time < 1 || time > maxArgonTime || threads < 1 || threads > maxArgonThreads {
		return fmt.Errorf("the argon2id hash is out of range; expected m from %d to %d, t from 1 to %d, p from 1 to %d",
			minArgonMemory, maxArgonMemory, maxArgonTime, maxArgonThreads)
	}
	d.memory, d.time, d.threads = uint32(memory), uint32(time), uint8(threads)
	return nil
}

// number is the value of digits; what is none, or does not fit, is out of every
// range.
func number(digits string) uint64 {
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return math.MaxUint32
	}
	return n
}

// matches computes the hash of the password, at its full cost whatever the
// password is, and compares in constant time.
func (h Hash) matches(password string) bool {
	allowed := password != "" && len(password) <= maxPassword
	password = password[:min(len(password), maxPassword)]
	d := h.data()
	if d.kind == kindBcrypt {
		return bcrypt.CompareHashAndPassword([]byte(d.text), []byte(password)) == nil && allowed
	}
	sum := argon2.IDKey([]byte(password), d.salt, d.time, d.memory, d.threads, uint32(len(d.sum)))
	return subtle.ConstantTimeCompare(sum, d.sum) == 1 && allowed
}

// stored is the form that the users file has.
func (h Hash) stored() string {
	if h.data == nil {
		return noPassword
	}
	return h.data().text
}

// Kind is "argon2id", "bcrypt" or "none".
func (h Hash) Kind() string {
	if h.data == nil {
		return kindNobody
	}
	return h.data().kind
}

// String is the kind.
func (h Hash) String() string { return h.Kind() }

// GoString is the kind.
func (h Hash) GoString() string { return h.Kind() }

// LogValue is the kind.
func (h Hash) LogValue() slog.Value { return slog.StringValue(h.Kind()) }

// MarshalText is the kind, in JSON too.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.Kind()), nil }
