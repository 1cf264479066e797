package signature

import (
	"bytes"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"github.com/mmpush/mmpush/core/report"
)

// Namespace is what a signature of ssh-keygen -Y has to be for: one that was made for
// a git commit, say, is none of a manifest.
const Namespace = "mmpush"

const (
	sshBegin = "-----BEGIN SSH SIGNATURE-----"
	sshEnd   = "-----END SSH SIGNATURE-----"
)

// examine checks all signatures of a file.
func (a *allowed) examine(signatures, text []byte, now time.Time) []sign {
	var list []sign
	for len(bytes.TrimSpace(signatures)) > 0 {
		_, rest, found := bytes.Cut(signatures, []byte(sshBegin))
		body, after, ended := bytes.Cut(rest, []byte(sshEnd))
		if !found || !ended {
			return append(list, unreadable("the file holds something else besides signatures of ssh-keygen, or is cut short")...)
		}
		armored := append(append([]byte(sshBegin), body...), sshEnd+"\n"...)
		if parsed, err := sshsig.Unarmor(armored); err != nil || parsed.PublicKey == nil || parsed.Signature == nil {
			list = append(list, unreadable("this is not a signature of ssh-keygen")...)
		} else {
			list = append(list, a.check(parsed, text, now))
		}
		if signatures = after; len(list) > maxSignatures {
			break
		}
	}
	return list
}

// check checks one signature against every line that has its key: one may allow what
// another does not.
func (a *allowed) check(parsed *sshsig.Signature, text []byte, now time.Time) sign {
	s := sign{key: "the SSH key " + ssh.FingerprintSHA256(parsed.PublicKey)}
	if parsed.Namespace != Namespace {
		return s.wrong(report.CodeNamespace, "is for the namespace "+report.Shown(parsed.Namespace)+", not for "+Namespace,
			"ssh-keygen -Y sign -n "+Namespace+" makes it, and so does mmpush sign")
	}
	known := a.of(parsed.PublicKey)
	if len(known) == 0 {
		return s.unknown()
	}
	if err := sshsig.Verify(bytes.NewReader(text), parsed, parsed.PublicKey, parsed.HashAlgorithm, Namespace); err != nil {
		return s.other()
	}
	var usable []allowedKey
	var refused sign
	for _, k := range known {
		switch problem := k.problem(now); {
		case !k.allows(Namespace):
			refused = s.wrong(report.CodeNamespace, "is of a key that the settings do not allow for the namespace "+Namespace, "sign with another key")
		case problem != "":
			refused = s.wrong(report.CodeSignKey, "is of a key that "+problem, "sign with a key that is valid now")
		default:
			usable = append(usable, k)
		}
	}
	if len(usable) == 0 {
		return refused
	}
	s.owners = principals(usable)
	return s
}
