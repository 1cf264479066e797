package pipeline

import (
	"slices"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
)

// The verdicts that the history knows; what was refused is not in it.
const (
	verdictPassed = "passed"
	verdictWarned = "warned"
)

// judged notes what verifiers have said about a step, in one round or several, for the
// history.
func (s *step) judged(verifiers []verify.Named, found []report.Finding) {
	s.Verifiers, s.Found = slices.Clone(s.Verifiers), slices.Clone(s.Found)
	for _, v := range verifiers {
		if v.Version == "" {
			continue
		}
		verdict := verdictPassed
		for _, f := range found {
			if f.Verifier != v.Name {
				continue
			}
			if f.Severity == report.SeverityWarning {
				verdict = verdictWarned
			}
			if !slices.Contains(s.Found, f) {
				s.Found = append(s.Found, f)
			}
		}
		i := slices.IndexFunc(s.Verifiers, func(x repo.Verification) bool { return x.Name == v.Name })
		if i < 0 {
			i = len(s.Verifiers)
			s.Verifiers = append(s.Verifiers, repo.Verification{Name: v.Name, Version: v.Version, Verdict: verdict})
		}
		if verdict == verdictWarned {
			s.Verifiers[i].Verdict = verdict
		}
	}
}
