package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
)

type userRightsCmd struct {
	Name string `arg:"" complete:"user" help:"The user."`

	Set      []string `sep:"none" placeholder:"RIGHT" help:"These are all rights; may be given several times, as may --add and --remove."`
	Add      []string `sep:"none" placeholder:"RIGHT" help:"Add a right; over the same source and architecture, add its actions."`
	Remove   []string `sep:"none" placeholder:"RIGHT" help:"Take a right away; without actions, all over exactly this source and architecture."`
	None     bool     `help:"Take all rights away."`
	Protocol int      `placeholder:"1|2" help:"2: refuse logins over version 1 of the tupkg protocol; 1: take them again."`
	Suspend  bool     `help:"Refuse all logins; everything else stays."`
	Readmit  bool     `help:"Take logins again."`
	editFlags
}

// Help is shown by --help.
func (*userRightsCmd) Help() string {
	return `Without a flag, shows the rights. ` + rightsHelp + ` --remove goes ahead of --add.`
}

func (c *userRightsCmd) run(ctx context.Context, a *app) (doc any, code int) {
	add, err := c.check()
	if err != nil {
		return a.fail(err)
	}
	d, err := c.apply(ctx, a, &change{c.Name, false, resultChanged, func(f *access.File) (*access.File, error) { return c.edit(f, add) }})
	if err != nil {
		return a.fail(err)
	}
	if c.asks() {
		for _, r := range d.User.Rights {
			a.out.line("%s", r)
		}
	} else {
		d.tell(a, fmt.Sprintf("changed %s: %s%s", d.User.Name, rightsText(d.User), stateText(d.User, ", ")))
	}
	d.withoutRights(a)
	return d, exitDone
}

// asks: no flag changes anything.
func (c *userRightsCmd) asks() bool {
	return len(c.Set)+len(c.Add)+len(c.Remove)+c.Protocol == 0 && !c.None && !c.Suspend && !c.Readmit
}

// check returns the rights to add or to set.
func (c *userRightsCmd) check() ([]access.Right, error) {
	switch {
	case (len(c.Set) > 0 || c.None) && len(c.Add)+len(c.Remove) > 0, len(c.Set) > 0 && c.None:
		return nil, wrongUsage("give --set, or --none, or --add and --remove", "these flags exclude each other")
	case c.Suspend && c.Readmit:
		return nil, wrongUsage("give one of them", "--suspend and --readmit exclude each other")
	case c.Protocol != 0 && checkProtocol(c.Protocol) != nil:
		return nil, checkProtocol(c.Protocol)
	}
	if _, err := rightsOf(c.Remove); err != nil {
		return nil, err
	}
	return rightsOf(slices.Concat(c.Set, c.Add))
}

func (c *userRightsCmd) edit(f *access.File, add []access.Right) (*access.File, error) {
	f, err := f.ChangeRights(c.Name, func(have []access.Right) ([]access.Right, error) {
		if len(c.Set) > 0 || c.None {
			return add, nil
		}
		left, err := access.RemoveRights(have, c.Remove)
		if err != nil {
			return nil, err
		}
		return access.AddRights(left, add), nil
	})
	if err == nil && c.Protocol != 0 {
		f, err = f.SetProtocol(c.Name, c.Protocol)
	}
	if err == nil && (c.Suspend || c.Readmit) {
		f, err = f.SetSuspended(c.Name, c.Suspend)
	}
	return f, err
}

// stateText is what else there is to say about an account.
func stateText(u access.User, separator string) string {
	var words []string
	if u.Protocol == 2 {
		words = append(words, "version 2 only")
	}
	if u.Suspended {
		words = append(words, "suspended")
	}
	if len(words) == 0 {
		return ""
	}
	return separator + strings.Join(words, ", ")
}

type userTokenCmd struct {
	Name string `arg:"" complete:"user" help:"The user."`

	Expires string   `placeholder:"DURATION" help:"How long the token is valid, such as 12h or 90d. Default: for ever."`
	Label   string   `placeholder:"TEXT" help:"What it is for; letters, digits and . _ @ + ~ -."`
	Revoke  []string `placeholder:"ID" help:"Revoke the token with this ID instead; may be given several times."`
	editFlags
}

// Help is shown by --help.
func (*userTokenCmd) Help() string {
	return `A token is what a machine logs in with in place of a password. It is printed once, alone on standard output; ` +
		`the users file has only its hash. "mmpush user list" shows the IDs.`
}

func (c *userTokenCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if len(c.Revoke) > 0 {
		return c.revoke(ctx, a)
	}
	var expires time.Time
	if c.Expires != "" {
		d, err := parseDays(c.Expires)
		if err != nil {
			return a.fail(wrongUsage("such as 12h, 90d or 52w", "--expires: %w", err))
		}
		expires = time.Now().Add(d)
	}
	var token access.Token
	var secret access.Secret
	d, err := c.apply(ctx, a, &change{c.Name, false, resultAdded, func(f *access.File) (*access.File, error) {
		f, made, text, err := f.AddToken(c.Name, c.Label, expires)
		token, secret = made, text
		return f, err
	}})
	if err != nil {
		return a.fail(err)
	}
	if c.DryRun {
		d.User.Tokens = d.User.Tokens[:len(d.User.Tokens)-1]
		d.tell(a, fmt.Sprintf("made a token for %s, which %s", d.User.Name, expiryText(token, time.Now())))
		return d, exitDone
	}
	d.Token, d.Secret = &token, secret.Reveal()
	a.out.line("%s", d.Secret)
	a.err.message(faint, "note", fmt.Sprintf("this is the token %s of %s, which %s; it is shown only now", token.ID, d.User.Name, expiryText(token, time.Now())))
	return d, exitDone
}

func (c *userTokenCmd) revoke(ctx context.Context, a *app) (doc any, code int) {
	if c.Expires != "" || c.Label != "" {
		return a.fail(wrongUsage("first revoke, then make a new one", "--revoke excludes --expires and --label"))
	}
	d, err := c.apply(ctx, a, &change{c.Name, false, report.Removed, func(f *access.File) (*access.File, error) {
		for _, id := range c.Revoke {
			var err error
			if f, err = f.RemoveToken(c.Name, id); err != nil {
				return nil, err
			}
		}
		return f, nil
	}})
	if err != nil {
		return a.fail(err)
	}
	d.tell(a, fmt.Sprintf("revoked %s of %s", strings.Join(c.Revoke, " "), d.User.Name))
	return d, exitDone
}

// parseDays reads a duration, with days and weeks beside Go's units.
func parseDays(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	d, err := time.ParseDuration(text)
	if m := regexp.MustCompile(`^([0-9]{1,5})([dw])$`).FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // five digits always fit
		d, err = time.Duration(n)*map[string]time.Duration{"d": day, "w": 7 * day}[m[2]], nil
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration", visible(text))
	case d <= 0 || d > 36500*day:
		return 0, fmt.Errorf("%q is not between a moment and a hundred years", visible(text))
	}
	return d, nil
}

func expiryText(t access.Token, now time.Time) string {
	switch {
	case t.Expires.IsZero():
		return "never expires"
	case now.Before(t.Expires):
		return "expires " + t.Expires.Format(time.RFC3339)
	}
	return "expired " + t.Expires.Format(time.RFC3339)
}
