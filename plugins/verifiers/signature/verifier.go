package signature

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// Verifier holds keys and says whether an upload is signed as the settings want it.
type Verifier struct {
	openpgp  ring
	minisign pocket
	ssh      allowed
	rules    []rule
	need     int
	now      func() time.Time
}

var _ verify.Verifier = (*Verifier)(nil)

// maxSignatures is how many signatures of one upload are looked at: far above what is
// ever needed, and cheap to check.
const maxSignatures = 32

// sign is one signature and what came of it.
type sign struct {
	file string
	// key names the key to people; owners are the names that the key's owner goes by.
	key    string
	owners owners
	// code and problem say why it does not count; both are empty if it does.
	code    report.Code
	problem string
	hint    string
}

// owners are the names of a key's owner, some of which may be patterns.
type owners interface {
	// is reports whether the owner goes by a name, or by one of a pattern.
	is(pattern string) bool
	// names are those that the keys of one owner have in common.
	names() []string
	String() string
}

func (s sign) wrong(code report.Code, problem, hint string) sign {
	s.code, s.problem, s.hint = code, problem, hint
	return s
}

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	if u.Text == nil || u.Manifest == nil {
		return nil, errors.New("the manifest's bytes are not here")
	}
	var all []sign
	for _, s := range u.Signatures {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		all = append(all, v.examine(s, u.Text)...)
		if len(all) > maxSignatures {
			return []report.Finding{{
				Code: report.CodeSignature, File: s.Name, Message: fmt.Sprintf("there are more than %d signatures", maxSignatures),
				Hint: "sign the manifest again, into a new file",
			}}, nil
		}
	}
	for i := range all {
		all[i] = v.entitled(all[i], u.Manifest.Name)
	}
	return v.judge(subject{u.Name, "manifest", "mmpush sign " + u.Name + " signs it; push the signature beside the manifest"}, all), nil
}

// examine reads one file of signatures, of whichever kind it is.
func (v *Verifier) examine(s upload.Signature, text []byte) []sign {
	var list []sign
	switch {
	case bytes.Contains(s.Text, []byte(sshBegin)):
		list = v.ssh.examine(s.Text, text, v.now())
	case strings.HasSuffix(s.Name, ".minisig"):
		list = v.minisign.examine(s.Text, text, v.now())
	default:
		list = v.openpgp.examine(s.Text, text, v.now())
	}
	for i := range list {
		list[i].file = s.Name
	}
	return list
}

// unreadable is about a file that holds no signature.
func unreadable(what string) []sign {
	return []sign{sign{}.wrong(report.CodeSignature, what, "sign the manifest again: mmpush sign MANIFEST")}
}

// entitled refuses a good signature of somebody who may not publish the source.
func (v *Verifier) entitled(s sign, source string) sign {
	if s.code != "" || len(v.rules) == 0 {
		return s
	}
	for _, r := range v.rules {
		if config.Matches([]string{r.Source}, source) {
			if slices.ContainsFunc(r.Signers, s.owners.is) {
				return s
			}
			break
		}
	}
	return s.wrong(report.CodeSigner, fmt.Sprintf("is of %s, who may not publish %s", s.owners, source),
		"have somebody sign whom the repository's settings name for this source")
}

// judge makes findings of the signatures. What does not count is only told if enough
// others do; but a file that is no signature, or one over other bytes, is a mistake or
// worse.
func (v *Verifier) judge(what subject, all []sign) []report.Finding {
	var findings []report.Finding
	signers := different(all)
	enough := signers >= v.need
	for _, s := range all {
		f := report.Finding{Code: s.code, Severity: report.SeverityError, File: s.file, Hint: s.hint}
		switch {
		case s.code == "":
			f.Code, f.Severity = report.CodeSigned, report.SeverityNote
			f.Message = fmt.Sprintf("signed by %s, %s", s.owners, s.key)
		case s.key == "":
			f.Message = s.problem
		default:
			f.Message = fmt.Sprintf("the signature by %s %s", s.key, s.problem)
		}
		if enough && (s.code == report.CodeSigner || s.code == report.CodeSignKey || s.code == report.CodeNamespace) {
			f.Severity = report.SeverityWarning
		}
		findings = append(findings, f)
	}
	if !enough {
		findings = append(findings, v.unsigned(what, len(all), signers))
	}
	return findings
}

// subject is what has to be signed: its file, what people call it, and how to sign it.
type subject struct{ file, thing, hint string }

// unsigned is about what too few have signed.
func (v *Verifier) unsigned(what subject, there, good int) report.Finding {
	f := report.Finding{
		Code: report.CodeUnsigned, Severity: report.SeverityError, File: what.file,
		Expected: fmt.Sprint(v.need), Actual: fmt.Sprint(good),
		Message: "no signature of the " + what.thing + " counts", Hint: what.hint,
	}
	switch {
	case good > 0:
		f.Message = fmt.Sprintf("the %s needs the signatures of %d different signers; keys with a name in common are of one", what.thing, v.need)
	case there == 0:
		f.Message = "the " + what.thing + " is not signed"
	}
	return f
}
