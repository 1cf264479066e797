package gitpush

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mmpush/mmpush/core/report"
)

// maxCertificate bounds a push certificate, in bytes.
const maxCertificate = 32 << 20

// Pusher is the name of who pushes, by the way that the configuration names. login is
// the name of the user that the hook runs as. If it cannot be known, that is a
// *[report.Error] of kind KindDenied.
func (r *Repository) Pusher(c Config, login string, getenv func(string) string, updates []Update) (string, error) {
	switch name, isEnv := strings.CutPrefix(c.Identity, "env:"); {
	case isEnv:
		if who := getenv(name); who != "" {
			return who, nil
		}
		return "", unknownPusher(fmt.Errorf("the variable %s, which names the pusher, is not set", name))
	case c.Identity == "certificate":
		who, err := r.signer(c, getenv, updates)
		if err != nil {
			return "", unknownPusher(err)
		}
		return who, nil
	}
	if login == "" {
		return "", unknownPusher(errors.New("the user of this process has no name"))
	}
	return login, nil
}

func unknownPusher(err error) error {
	return &report.Error{Stage: "push", Code: report.CodePusher, Kind: report.KindDenied, Err: err, Hint: "mmpush explain " + string(report.CodePusher)}
}

// signer checks the push certificate, as git's receive-pack has verified it, and that
// it is about this very push.
func (r *Repository) signer(c Config, getenv func(string) string, updates []Update) (string, error) {
	id := getenv("GIT_PUSH_CERT")
	if id == "" {
		return "", errors.New("the push is not signed; sign it with git push --signed")
	}
	if status := getenv("GIT_PUSH_CERT_STATUS"); status != "G" {
		return "", fmt.Errorf("the signature of the push is %s", signatureStatus(status))
	}
	nonce := getenv("GIT_PUSH_CERT_NONCE")
	if status := getenv("GIT_PUSH_CERT_NONCE_STATUS"); status != "OK" || nonce == "" {
		return "", fmt.Errorf("the push certificate is not of now (nonce %s); push again, and see receive.certNonceSeed", strings.ToLower(status))
	}
	key := getenv("GIT_PUSH_CERT_KEY")
	who, known := c.Signers[key]
	if !known || key == "" {
		return "", fmt.Errorf("nobody has the key %s; mmpush.signer gives keys to users", key)
	}
	if len(id) != 40 || !isHex(id) {
		return "", errors.New("the push certificate has no object id")
	}
	text, err := r.small(plumbing.NewHash(id), plumbing.BlobObject)
	if err != nil {
		return "", fmt.Errorf("the push certificate cannot be read: %w", err)
	}
	return who, covers(string(bytesOf(text)), nonce, updates)
}

// signatureStatus is a letter of git's in words.
func signatureStatus(status string) string {
	switch status {
	case "B":
		return "wrong"
	case "U":
		return "of a key that the server does not trust"
	case "X":
		return "expired"
	case "Y":
		return "of a key that has expired"
	case "R":
		return "of a key that was revoked"
	}
	return "not one that the server can check"
}

// covers checks that a certificate is of that nonce and names each update.
func covers(text, nonce string, updates []Update) error {
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok || len(text) > maxCertificate || !strings.HasPrefix(head, "certificate version 0.1\n") {
		return errors.New("the push certificate is not of version 0.1")
	}
	signed := false
	for line := range strings.SplitSeq(head, "\n") {
		signed = signed || line == "nonce "+nonce
	}
	if !signed {
		return errors.New("the push certificate is of another nonce")
	}
	named := map[string]bool{}
	for line := range strings.SplitSeq(body, "\n") {
		if strings.HasPrefix(line, "-----BEGIN ") {
			break
		}
		named[line] = true
	}
	for _, u := range updates {
		if !named[fmt.Sprintf("%s %s %s", u.Old, u.New, u.Ref)] {
			return fmt.Errorf("the push certificate does not name the update of %s", u.Ref)
		}
	}
	return nil
}
