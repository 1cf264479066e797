package ssh

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Key is one public key as a .pub file has it.
type Key struct {
	// Type is such as ssh-ed25519, Blob the key in base64; Comment may be empty.
	Type, Blob, Comment string
}

// KeyFileBytes is more than a file with one public key has.
const KeyFileBytes = 32 << 10

// ParseKey reads the content of a .pub file: one key, and nothing in front of it.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-----BEGIN") || strings.HasPrefix(text, "PuTTY-") {
		return Key{}, errors.New("it is not a public key of OpenSSH's form; a private key stays where it is: give the file that ends with .pub")
	}
	if strings.ContainsAny(text, "\r\n") {
		return Key{}, errors.New("it has more than one line; give a file with one public key")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return Key{}, errors.New("it has a control character in it")
	}
	kind, rest, _ := strings.Cut(text, " ")
	blob, comment, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if !slices.Contains(keyTypes(), kind) {
		return Key{}, fmt.Errorf("it begins with %q, which is no type of a public key", short(kind))
	}
	raw, err := base64.StdEncoding.DecodeString(blob)
	if err != nil || !holds(raw, kind) {
		return Key{}, fmt.Errorf("what follows %s is not such a key", kind)
	}
	return Key{kind, blob, strings.TrimSpace(comment)}, nil
}

func short(text string) string { return text[:min(len(text), 40)] }

func keyTypes() []string {
	return []string{
		"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
		"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	}
}

// holds reports whether a blob is whole, a row of texts with their lengths, and says
// itself that it is of this type (RFC 4253, section 6.6).
func holds(raw []byte, kind string) bool {
	var fields [][]byte
	for len(raw) >= 4 {
		n := binary.BigEndian.Uint32(raw)
		if uint64(n) > uint64(len(raw)-4) {
			return false
		}
		fields = append(fields, raw[4:4+n])
		raw = raw[4+n:]
	}
	return len(raw) == 0 && len(fields) > 1 && string(fields[0]) == kind
}

// Line is the line of authorized_keys by which the key may run this command and do
// nothing else. The words must not have a line break in them.
func (k Key) Line(command ...string) string {
	// sshd reads \" as a quote, and every other backslash as itself.
	text := strings.ReplaceAll(QuoteAll(command...), `"`, `\"`)
	return strings.TrimSpace(fmt.Sprintf(`restrict,command="%s" %s %s %s`, text, k.Type, k.Blob, k.Comment))
}

// ParseRequest reads the command that a client has asked for, which sshd hands to a
// forced command in SSH_ORIGINAL_COMMAND; it must never be run. path is the repository
// that a push asks for, empty if it leaves that to the key; ok is false for everything
// that is no push.
func ParseRequest(original string) (path string, ok bool) {
	words, err := Split(original)
	if err != nil || len(words) < 2 || len(words) > 3 || words[1] != "receive" {
		return "", false
	}
	if len(words) == 3 {
		path = words[2]
	}
	return path, !strings.HasPrefix(path, "-")
}
