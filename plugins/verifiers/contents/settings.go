package contents

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// settings are what the repository says.
type settings struct {
	SetUID   []string `json:"setuid"`
	Outside  []string `json:"outside-links"`
	Machines []string `json:"machines"`
	Shared   []string `json:"shared"`
	Overlap  *bool    `json:"overlap"`
	Learn    *int     `json:"learn"`
}

const (
	usualLearn = 32
	maxLearn   = 100_000
)

// Verifier says whether packages install what they may.
type Verifier struct {
	setUID, outside, machines, shared []string

	repo    *repo.Repo
	limits  archive.Limits
	overlap bool

	mu sync.Mutex
	// learn is how many lists may still be made for old packages.
	learn int
	// own are the lists of the packages that this verifier has read, by SHA-256.
	own map[string][]string
}

var (
	_ verify.Verifier     = (*Verifier)(nil)
	_ verify.PlanVerifier = (*Verifier)(nil)
)

// New makes the verifier for a repository.
func New(text []byte, r *repo.Repo) (*Verifier, error) {
	var s settings
	if err := config.Decode(text, &s); err != nil {
		return nil, err
	}
	v := &Verifier{
		setUID: s.SetUID, outside: s.Outside, machines: s.Machines, shared: s.Shared,
		repo: r, limits: archive.DefaultLimits(), overlap: s.Overlap == nil || *s.Overlap,
		learn: usualLearn, own: map[string][]string{},
	}
	if s.Learn != nil {
		v.learn = *s.Learn
	}
	if v.learn < 0 || v.learn > maxLearn {
		return nil, fmt.Errorf("learn: %d is not a number from 0 to %d", v.learn, maxLearn)
	}
	return v, errors.Join(config.Patterns("setuid", s.SetUID), config.Patterns("outside-links", s.Outside),
		config.Patterns("machines", s.Machines), config.Patterns("shared", s.Shared))
}
