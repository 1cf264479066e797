package signature

import (
	"context"
	"errors"
	"io"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

var _ alpm.Verifier = (*Verifier)(nil)

// VerifyPackage implements [alpm.Verifier]: the signature is the file beside the package,
// which pacman looks at too; its signer has to be entitled to the pkgbase.
func (v *Verifier) VerifyPackage(ctx context.Context, p alpm.Arrived) ([]report.Finding, error) {
	what := subject{
		file: p.Name, thing: "package",
		hint: "gpg --detach-sign " + p.Name + " signs it; bring the signature with the package",
	}
	if len(p.Signature) == 0 {
		return v.judge(what, nil), nil
	}
	var failed error
	all := v.openpgp.examineOf(p.Signature, func() (io.ReadCloser, error) {
		f, err := p.Open()
		failed = err
		return reading{ctx, f, &failed}, err
	}, v.now())
	if err := ctx.Err(); err != nil || failed != nil {
		return nil, errors.Join(err, failed)
	}
	for i := range all {
		all[i].file = p.Name + ".sig"
		all[i] = v.entitled(all[i], p.Info.Source())
	}
	return v.judge(what, all), nil
}

// reading ends when its context does, and notes why it could not go on.
type reading struct {
	ctx context.Context
	io.ReadCloser
	failed *error
}

func (r reading) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		*r.failed = err
	}
	return n, err
}
