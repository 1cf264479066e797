package watch

import (
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// signatureVerifier is the name of the verifier that wants signatures.
const signatureVerifier = "signature"

// unsigned is about a whole upload whose signature is still to come, if the repository
// refuses one without.
func (s *Scanner) unsigned(a *arrival, at lookup) []report.Finding {
	if a.isList() {
		// A list says which signatures come; they are over the packages.
		return nil
	}
	for _, name := range upload.SignatureNames(a.name) {
		if _, there := at(name); there {
			return nil
		}
	}
	r, done, err := s.openRepo()
	if err != nil {
		// The attempt meets it again, and tells.
		return nil
	}
	defer done()
	if !r.Settings.Requires(signatureVerifier) {
		return nil
	}
	return []report.Finding{{
		Code: report.CodeUnsigned, File: a.name, Expected: a.name + ".sig, .asc or .minisig",
		Message: "the manifest's signature is not there, and the repository wants one",
		Hint:    "mmpush sign MANIFEST makes it; copy it into the drop folder, beside the manifest",
	}}
}
