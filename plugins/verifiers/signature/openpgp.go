package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

const pgpBegin = "-----BEGIN PGP "

// ring holds OpenPGP keys.
type ring struct{ keys openpgp.EntityList }

// add reads a file of public keys.
func (r *ring) add(text []byte) error {
	blocks, err := dearmor(text)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(b))
		if err != nil {
			return fmt.Errorf("is not a file of public OpenPGP keys: %w", err)
		}
		for _, e := range list {
			if e.PrivateKey != nil {
				return errors.New("holds a secret key: export the public one (gpg --export --armor)")
			}
		}
		r.keys = append(r.keys, list...)
	}
	if len(r.keys) == 0 {
		return errors.New("holds no OpenPGP key")
	}
	return nil
}

// maxBlocks is how many armored blocks one file may have.
const maxBlocks = 1000

// dearmor returns the binary form of a file, one block after the other.
func dearmor(text []byte) (blocks [][]byte, err error) {
	if !bytes.Contains(text, []byte(pgpBegin)) {
		return [][]byte{text}, nil
	}
	parts := bytes.SplitAfter(text, []byte("-----END PGP "))
	for i, part := range parts {
		if !bytes.Contains(part, []byte(pgpBegin)) || i == maxBlocks {
			break
		}
		_, from, _ := bytes.Cut(part, []byte(pgpBegin))
		end := []byte(nil)
		if i+1 < len(parts) {
			end, _, _ = bytes.Cut(parts[i+1], []byte("\n"))
		}
		one := slices.Concat([]byte(pgpBegin), from, end, []byte("\n"))
		block, err := armor.Decode(bytes.NewReader(one))
		if err != nil {
			return nil, errors.New("is armored in a way that cannot be read")
		}
		b, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, errors.New("is armored in a way that cannot be read, or is cut short")
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// examine checks all signatures of a file.
func (r *ring) examine(signatures, text []byte, now time.Time) []sign {
	return r.examineOf(signatures, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, now)
}

// examineOf is examine over what open reads, once for each block of signatures.
func (r *ring) examineOf(signatures []byte, open opener, now time.Time) []sign {
	blocks, err := dearmor(signatures)
	if err != nil {
		return unreadable("this is not a signature of OpenPGP: it " + err.Error())
	}
	var list []sign
	for _, b := range blocks {
		list = append(list, r.block(b, open, now)...)
		if len(list) > maxSignatures {
			break
		}
	}
	return list
}

// opener opens what was signed.
type opener func() (io.ReadCloser, error)

func (r *ring) block(signatures []byte, open opener, now time.Time) (list []sign) {
	defer func() {
		// A parser of foreign bytes that panics is no reason to stop a server.
		if p := recover(); p != nil {
			list = unreadable("this is not a signature of OpenPGP")
		}
	}()
	if problem := onlySignatures(signatures); problem != "" {
		return unreadable(problem)
	}
	text, err := open()
	if err != nil {
		return unreadable("what was signed cannot be read: " + err.Error())
	}
	defer text.Close()
	c := &packet.Config{Time: func() time.Time { return now }}
	md, err := openpgp.VerifyDetachedSignatureReader(r.keys, text, bytes.NewReader(signatures), c)
	if err == nil {
		_, err = io.Copy(io.Discard, md.UnverifiedBody)
	}
	if err != nil {
		return unreadable("this is not a signature of OpenPGP")
	}
	for _, s := range md.SignatureCandidates {
		list = append(list, r.check(s, now, c))
	}
	return list
}

// onlySignatures wants signature packets and nothing else, few of them.
func onlySignatures(data []byte) string {
	packets := packet.NewReader(bytes.NewReader(data))
	for n := 0; ; n++ {
		p, err := packets.Next()
		switch _, ok := p.(*packet.Signature); {
		case errors.Is(err, io.EOF) && n > 0:
			return ""
		case err != nil:
			return "this is not a signature of OpenPGP"
		case !ok:
			return "the file holds something else than detached signatures of OpenPGP"
		case n > maxSignatures:
			return fmt.Sprintf("there are more than %d signatures", maxSignatures)
		}
	}
}

// check says what came of one signature.
func (r *ring) check(c *openpgp.SignatureCandidate, now time.Time, conf *packet.Config) sign {
	s := sign{key: fmt.Sprintf("the OpenPGP key %016X", c.IssuerKeyId)}
	if c.SignedByEntity == nil {
		return s.unknown()
	}
	owner := entity{c.SignedByEntity, now, conf}
	s.owners = owner
	switch err := c.SignatureError; {
	case c.SigType != packet.SigTypeBinary:
		return s.wrong(report.CodeSignature, "is over a text and not over exact bytes", "sign without gpg's --textmode")
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return s.wrong(report.CodeSignKey, "has expired", "sign again")
	case owner.Revoked(now) || errors.Is(err, pgperrors.ErrKeyRevoked):
		return s.wrong(report.CodeSignKey, "is of a key that is revoked", "sign with another key")
	case errors.Is(err, pgperrors.ErrKeyExpired) || c.SignedBy == nil:
		return s.expired()
	case err != nil && mismatch(err):
		return s.other()
	case err != nil:
		return s.wrong(report.CodeSignKey, "cannot be accepted: "+report.Shown(err.Error()), "sign with a newer program or another key")
	}
	if c.CorrespondingSig.CreationTime.After(now.Add(clockSkew)) {
		return s.wrong(report.CodeSignKey, "is dated in the future: "+c.CorrespondingSig.CreationTime.UTC().Format(time.RFC3339), "set the clock of the machine that signs")
	}
	// The library judges the key by the signature's own date, which its holder chose.
	if _, ok := owner.SigningKeyById(now, c.IssuerKeyId, conf); !ok {
		return s.expired()
	}
	return s
}

// mismatch reports whether the library says that the signature does not fit the bytes:
// what else it says of one begins with these words.
func mismatch(err error) bool {
	wrong, ok := errors.AsType[pgperrors.SignatureError](err)
	return ok && !strings.HasPrefix(string(wrong), "insecure ") && !strings.HasPrefix(string(wrong), "unknown critical")
}

// clockSkew is by how much two machines' clocks may differ.
const clockSkew = 5 * time.Minute

func (s sign) expired() sign {
	return s.wrong(report.CodeSignKey, "is of a key that has expired, is revoked or may not sign", "extend the key and have the repository take the new form of it, or sign with another one")
}

// entity is the owner of an OpenPGP key.
type entity struct {
	*openpgp.Entity
	now  time.Time
	conf *packet.Config
}

// names are the mail addresses of the key's owner that hold now, in order, and the
// fingerprint.
func (e entity) names() []string {
	var names []string
	for _, id := range slices.Sorted(maps.Keys(e.Identities)) {
		i := e.Identities[id]
		if _, err := i.Verify(e.now, e.conf); err == nil && i.UserId != nil && i.UserId.Email != "" && !slices.Contains(names, i.UserId.Email) {
			names = append(names, i.UserId.Email)
		}
	}
	return append(names, fmt.Sprintf("%X", e.PrimaryKey.Fingerprint))
}

func (e entity) is(pattern string) bool {
	return slices.ContainsFunc(e.names(), func(n string) bool { return config.Matches([]string{pattern}, n) })
}

func (e entity) String() string { return report.Shown(strings.Join(e.names(), ", ")) }
