package signature

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"aead.dev/minisign"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// pocket holds minisign keys.
type pocket struct{ keys []pocketKey }

type pocketKey struct {
	minisign.PublicKey
	period
	owner named
}

// named is an owner with one name.
type named string

func (n named) is(pattern string) bool { return config.Matches([]string{pattern}, string(n)) }
func (n named) names() []string        { return []string{string(n)} }
func (n named) String() string         { return string(n) }

// add takes a key as minisign prints it, or as in its file of the public key.
func (p *pocket) add(k minisignKey) error {
	if k.Signer == "" {
		return errors.New("signer: says whose key it is, and is missing")
	}
	var key minisign.PublicKey
	if err := key.UnmarshalText([]byte(strings.TrimSpace(k.Key))); err != nil {
		return errors.New("key: is not a public key of minisign")
	}
	valid, err := parsePeriod(k.ValidAfter, k.ValidBefore)
	p.keys = append(p.keys, pocketKey{key, valid, named(k.Signer)})
	return err
}

// examine checks a signature.
func (p *pocket) examine(signature, text []byte, now time.Time) []sign {
	var parsed minisign.Signature
	signature = []byte(strings.ReplaceAll(string(signature), "\r\n", "\n"))
	if err := parsed.UnmarshalText(signature); err != nil {
		return unreadable("this is not a signature of minisign")
	}
	s := sign{key: fmt.Sprintf("the minisign key %016X", parsed.KeyID)}
	for _, k := range p.keys {
		if k.ID() != parsed.KeyID {
			continue
		}
		s.owners = k.owner
		switch problem := k.problem(now); {
		case !minisign.Verify(k.PublicKey, text, signature):
			return []sign{s.other()}
		case problem != "":
			return []sign{s.wrong(report.CodeSignKey, "is of a key that "+problem, "sign with a key that is valid now")}
		}
		return []sign{s}
	}
	return []sign{s.unknown()}
}

// other is about a signature that does not fit the manifest.
func (s sign) other() sign {
	return s.wrong(report.CodeSignedOther, "is not over these bytes: the manifest was changed after it was signed, or the signature belongs to another file",
		"sign the manifest again, and take older signatures away")
}

// unknown is about a key that the settings do not have.
func (s sign) unknown() sign {
	return s.wrong(report.CodeSigner, "is of a key that the repository's settings do not name", "sign with a key that the repository knows, or ask whoever runs it to add this one")
}
