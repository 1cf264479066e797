package signature

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

// A genuine package with gpg's signature beside it, whose key the settings name or not.
func TestPackages(t *testing.T) {
	t.Parallel()
	file := func(name string) []byte {
		text, err := os.ReadFile("../../../testdata/pacman/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	const gamma = "gamma-0.9rc1-3-x86_64.pkg.tar.zst"
	text, signature := file("packages/"+gamma), file("packages/"+gamma+".sig")
	k := keys{"team": string(file("test-signer.pub"))}
	for name, c := range map[string]struct {
		settings  string
		text, sig []byte
		want      report.Code
	}{
		"signed":         {`{"openpgp":["team"]}`, text, signature, report.CodeSigned},
		"not signed":     {`{"openpgp":["team"]}`, text, nil, report.CodeUnsigned},
		"other bytes":    {`{"openpgp":["team"]}`, append([]byte("x"), text...), signature, report.CodeSignedOther},
		"no signature":   {`{"openpgp":["team"]}`, text, []byte("\x88nothing"), report.CodeSignature},
		"not entitled":   {`{"openpgp":["team"],"sources":[{"source":"gamma","signers":["somebody@example.org"]}]}`, text, signature, report.CodeSigner},
		"of another one": {`{"openpgp":["team"],"sources":[{"source":"other","signers":["x@example.org"]},{"source":"*","signers":["*"]}]}`, text, signature, report.CodeSigned},
	} {
		p := alpm.Arrived{
			Package: &alpm.Package{Info: alpm.Info{Name: "gamma", Base: "gamma"}}, Name: gamma, Signature: c.sig,
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.text)), nil },
		}
		findings, err := verifier(t, c.settings, k).VerifyPackage(t.Context(), p)
		if err != nil || len(findings) == 0 || findings[0].Code != c.want || report.Refused(findings) != (c.want != report.CodeSigned) {
			t.Errorf("%s: %v %v", name, findings, err)
		}
	}
}

// A package that cannot be read is no answer.
func TestUnreadablePackage(t *testing.T) {
	t.Parallel()
	v := verifier(t, `{"openpgp":["team"]}`, keys{"team": mustText(t, "../../../testdata/pacman/test-signer.pub")})
	p := alpm.Arrived{Package: &alpm.Package{}, Name: "x", Signature: []byte(mustText(t, "../../../testdata/pacman/packages/gamma-0.9rc1-3-x86_64.pkg.tar.zst.sig")),
		Open: func() (io.ReadCloser, error) { return nil, os.ErrPermission }}
	if findings, err := v.VerifyPackage(t.Context(), p); err == nil {
		t.Errorf("%v", findings)
	}
}

func mustText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
