package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
)

type batchCmd struct {
	repoFlag
	InitialChange  yesNo         `default:"true" help:"Begin a change at the start; --initial-change=false waits for BEGIN_CHANGES."`
	Rebuild        bool          `help:"Ask to replace a published version by other bytes."`
	AllowDowngrade bool          `help:"Ask to publish a version that is less than the published one."`
	TakeOver       bool          `help:"Ask to take a package over from another source."`
	LockWait       time.Duration `setting:"lock-wait" default:"60s" placeholder:"DURATION" help:"How long a change waits to begin while another program changes the repository. Default: 60s."`

	verifierFlags
}

// Help is shown by --help.
func (*batchCmd) Help() string {
	return `Reads one command a line from standard input and answers each with OK or with FAIL and the reason: ` +
		`ADD MANIFEST; REMOVE_MATCHING_SRC name=NAME, version=VERSION, srcsha=SHA256; BEGIN_CHANGES; COMMIT_CHANGES; ROLLBACK_CHANGES; ` +
		`COMMIT and ROLLBACK, which begin the next change. What is not committed at the end of the input is rolled back. ` +
		`A change holds the repository's lock from its beginning to its end.`
}

func (c *batchCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if a.json || a.runner != nil {
		return a.fail(wrongUsage("leave --output out", "batch answers line by line, and in no other form"))
	}
	if c.LockWait < 0 {
		return a.fail(wrongUsage("give a time such as 60s or 5m", "--lock-wait=%s: a time cannot be negative", c.LockWait))
	}
	at, err := c.at(a, "which repository to change")
	if err != nil {
		return a.fail(err)
	}
	if err := c.ask(a); err != nil {
		return a.fail(err)
	}
	b := &batch{
		app: a, path: at,
		requests: plan.Requests{Rebuild: c.Rebuild, Downgrade: c.AllowDowngrade, TakeOver: c.TakeOver},
		options:  pipeline.Options{Who: a.User, Transport: "dir", LockWait: c.LockWait, Program: program("batch"), Waiting: a.waiting, Required: a.required},
	}
	return b.serve(ctx, bool(c.InitialChange))
}

// yesNo is a flag that may be given alone, as --flag=WORD or as --flag WORD.
type yesNo bool

// IsBool tells kong that the value may be left out.
func (*yesNo) IsBool() bool { return true }

// Decode is called by kong.
func (y *yesNo) Decode(ctx *kong.DecodeContext) error {
	*y = true
	token := ctx.Scan.Peek()
	text, _ := token.Value.(string)
	value, ok := truth(text)
	switch {
	case token.Type == kong.FlagValueToken && !ok:
		return fmt.Errorf("%q is neither true nor false", visible(text))
	case ok && token.Type != kong.EOLToken:
		ctx.Scan.Pop()
		*y = yesNo(value)
	}
	return nil
}

// truth reads the words that mmpack-modifyrepo takes for true and false.
func truth(word string) (value, ok bool) {
	word = strings.ToLower(strings.TrimSpace(word))
	if slices.Contains([]string{"true", "t", "yes", "y", "on", "1"}, word) {
		return true, true
	}
	return false, slices.Contains([]string{"false", "f", "no", "n", "off", "0"}, word)
}
