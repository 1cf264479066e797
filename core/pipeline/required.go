package pipeline

import (
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// verifiers are those that somebody asks for, and those that the repository does. A
// repository whose verifiers cannot be run here is not changed from here.
func (o Options) verifiers(r *repo.Repo, own []verify.Named) ([]verify.Named, error) {
	if o.Required != nil {
		required, err := o.Required(r)
		return append(append([]verify.Named(nil), own...), required...), err
	}
	for _, v := range r.Settings.Verifiers {
		if v.Mode != repo.VerifierOff {
			return nil, &report.Error{
				Stage: "verify", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(r.Path, repo.SettingsFile),
				Err:  fmt.Errorf("asks for the verifier %s, which cannot be run from here", v.Name),
				Hint: "publish in a way that runs it, such as mmpush push",
			}
		}
	}
	return own, nil
}
