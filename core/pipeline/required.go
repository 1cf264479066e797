package pipeline

import (
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/verify"
)

// verifiers are those that somebody asks for, and those that the repository does. A
// repository whose verifiers cannot be run here is not changed from here.
func (o Options) verifiers(r *repo.Repo, own []verify.Named) ([]verify.Named, error) {
	if o.Required != nil {
		required, err := o.Required(r)
		return append(append([]verify.Named(nil), own...), required...), err
	}
	return own, r.Unverified()
}
