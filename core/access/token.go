package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// tokenPrefix begins every token, so that one that has leaked is recognised,
	// and so that logging in with one costs no password hash.
	tokenPrefix = "mmpt_"
	// never is the expiry of a token that has none.
	never = "never"
	// maxLabel is in bytes.
	maxLabel = 64
)

// Token is what is told about a token; it has nothing of the token itself.
type Token struct {
	// ID names the token for `mmpush user token`; it is part of the token.
	ID    string `json:"id"`
	Label string `json:"label,omitempty"`
	// Expires is the moment from which the token is refused, to the second; zero is
	// never.
	Expires time.Time `json:"expires,omitzero"`
}

// expired reports whether the token is refused at that time.
func (t Token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

// storedToken is a token in the users file.
type storedToken struct {
	Token
	sum [sha256.Size]byte
}

// newToken makes a token: 128 bits and more from the system's source.
func newToken(label string, expires time.Time) (storedToken, Secret) {
	id := strings.ToLower(rand.Text()[:8])
	text := tokenPrefix + id + "_" + rand.Text()
	sum := sha256.Sum256([]byte(text))
	return storedToken{Token{ID: id, Label: label, Expires: expires.UTC().Truncate(time.Second)}, sum}, NewSecret(text)
}

// text is the form that the users file has: ID,SHA256,EXPIRY,LABEL.
func (t storedToken) text() string {
	expiry := never
	if !t.Expires.IsZero() {
		expiry = t.Expires.UTC().Format(time.RFC3339)
	}
	return strings.Join([]string{t.ID, hex.EncodeToString(t.sum[:]), expiry, t.Label}, ",")
}

// parseToken reads ID,SHA256,EXPIRY,LABEL. The error never holds the hash.
func parseToken(text string) (storedToken, error) {
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return storedToken{}, errors.New("a token has ID, SHA256, EXPIRY and LABEL with commas between")
	}
	isSmall := func(c byte) bool { return isAlphanumeric(c) && (c < 'A' || c > 'Z') }
	if len(parts[0]) < 4 || len(parts[0]) > 32 || !only(parts[0], isSmall) {
		return storedToken{}, errors.New("the ID of a token is not 4 to 32 small letters and digits")
	}
	t := storedToken{Token: Token{ID: parts[0], Label: parts[3]}}
	sum, err := hex.DecodeString(parts[1])
	if err != nil || len(sum) != len(t.sum) {
		return storedToken{}, fmt.Errorf("the SHA256 of the token %s is not 64 hexadecimal digits", t.ID)
	}
	t.sum = [sha256.Size]byte(sum)
	if parts[2] != never {
		if t.Expires, err = time.Parse(time.RFC3339, parts[2]); err != nil {
			return storedToken{}, fmt.Errorf("the expiry of the token %s is not a time like 2027-01-31T00:00:00Z, or never", t.ID)
		}
	}
	if err := checkLabel(t.Label); err != nil {
		return storedToken{}, fmt.Errorf("token %s: %w", t.ID, err)
	}
	return t, nil
}

func checkLabel(label string) error {
	if len(label) > maxLabel || !only(label, isNameByte) {
		return fmt.Errorf("the label is not at most %d letters, digits and . _ @ + ~ -", maxLabel)
	}
	return nil
}

// findToken compares the secret with every token of the user, all of them
// whichever fits, and returns the one that does.
func findToken(tokens []storedToken, secret string) (storedToken, bool) {
	sum := sha256.Sum256([]byte(secret))
	found := -1
	for i, t := range tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.sum[:]), i, found)
	}
	if found < 0 {
		return storedToken{}, false
	}
	return tokens[found], true
}
