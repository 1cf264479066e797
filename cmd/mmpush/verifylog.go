package main

import (
	"context"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type verifyLogCmd struct {
	repoFlag
	Head string `placeholder:"SHA256" help:"A head that was noted earlier: everything up to it must be as it was then."`
}

// Help is shown by --help.
func (*verifyLogCmd) Help() string {
	return `Proves the history: each record names the SHA-256 of the one before it, so an edited, missing or reordered record shows, and is named. What is cut off at the end, or edited in the last record, shows only against a head that was noted elsewhere, such as in a mail or another repository: the line "head" is it.`
}

// proved is the document of verify-log.
type proved struct {
	Schema     int           `json:"schema"`
	Result     report.Result `json:"result"`
	Repository string        `json:"repository"`
	repo.Chain
}

func (c *verifyLogCmd) run(_ context.Context, a *app) (doc any, code int) {
	head := strings.ToLower(strings.TrimSpace(c.Head))
	if head != "" && (len(head) != 64 || strings.Trim(head, "0123456789abcdef") != "") {
		return a.fail(wrongUsage("give the 64 hexadecimal digits that verify-log printed", "--head %q is not a SHA-256", visible(c.Head)))
	}
	at, r, done, err := a.repository(c.repoFlag, "whose history to verify")
	if err != nil {
		return a.fail(err)
	}
	defer done()
	chain, err := r.VerifyHistory(head)
	if err != nil {
		return a.fail(err)
	}
	doc, code = a.proved(proved{report.Schema, report.Verified, at, chain}, head)
	return doc, code
}

// proved tells what the chain says.
func (a *app) proved(p proved, head string) (doc any, code int) {
	a.err.findings(p.Findings)
	if report.Refused(p.Findings) {
		p.Result = report.Rejected
		return p, exitRejected
	}
	a.out.line("%s %s, the last is %d", a.out.paint(good, "verified"), plural(p.Generations, "generation"), p.Last)
	if p.Head != "" {
		a.out.line("head %s", p.Head)
	}
	if head != "" {
		a.out.line("%s since the head that was noted", plural(p.Since, "generation"))
	}
	return p, exitDone
}
