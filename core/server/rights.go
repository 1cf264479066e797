package server

import (
	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// renew takes the rights of now: much may have changed while the files came. The error is
// about an account that may not be used any more, or packages that are no longer the
// user's to bring.
func (in *intake) renew() (err error) {
	if in.who, err = in.v.identity(); err != nil {
		in.who = access.NewIdentity(in.acc.name, nil)
		return err
	}
	if found := access.Check(in.who, in.incomingNeeds()); report.Refused(found) {
		return &tupkg.Refusal{Code: tupkg.CodeDenied, Reason: found[0].Message, Hint: found[0].Hint, Findings: found}
	}
	return nil
}

// mayDeclare judges the rights on what is declared, before anything else is looked at.
func (in *intake) mayDeclare() error {
	if !in.who.IsOperator() && len(in.who.Rights()) == 0 {
		return &tupkg.Refusal{
			Code: tupkg.CodeDenied, Reason: "you have no right to publish anything here",
			Hint: "ask whoever runs the server for rights (`mmpush user rights`)",
		}
	}
	needs := in.incomingNeeds()
	if in.manifest != nil {
		needs = append(needs, in.s.declaredNeeds(in.manifest)...)
	}
	if found := access.Check(in.who, needs); report.Refused(found) {
		return &tupkg.Refusal{Code: tupkg.CodeDenied, Reason: found[0].Message, Hint: found[0].Hint, Findings: found}
	}
	return nil
}
