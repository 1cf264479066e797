package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
)

type userAddCmd struct {
	Name string `arg:"" help:"What the user logs in with, such as bfinch@example.net."`

	Rights   []string `sep:"none" placeholder:"SOURCE[:ARCH[:ACTION,...]]" help:"What the user may do; may be given several times. Default: nothing."`
	Protocol int      `default:"1" placeholder:"1|2" help:"2: refuse logins over version 1 of the tupkg protocol. Default: 1."`
	editFlags
	passwordFlags
	NoPassword bool `help:"Nobody's password: the user logs in with tokens only."`
}

// Help is shown by --help.
func (*userAddCmd) Help() string {
	return rightsHelp + ` The password comes from --password-file, --password-command, $MMPUSH_PASSWORD, or is asked for on the terminal; ` +
		`it is stored as an argon2id hash.`
}

const rightsHelp = `A right is SOURCE[:ARCH[:ACTION,...]]: the name of a source package and an architecture, in which * stands for any letters and ? for one, ` +
	`and some of publish, rebuild, downgrade, take-over, remove, purge, undo and gc. Without actions it is publish, without an architecture it is all of them.`

func (c *userAddCmd) run(ctx context.Context, a *app) (doc any, code int) {
	d, err := c.add(ctx, a)
	if err != nil {
		return a.fail(err)
	}
	d.tell(a, fmt.Sprintf("added %s: password %s, %s", d.User.Name, d.User.Password, rightsText(d.User)))
	d.withoutRights(a)
	if c.NoPassword {
		a.err.hint(fmt.Sprintf("make a token: mmpush user token %s --users %s", quote(c.Name), quote(d.File)))
	}
	return d, exitDone
}

func (c *userAddCmd) add(ctx context.Context, a *app) (userDoc, error) {
	rights, err := rightsOf(c.Rights)
	if err == nil {
		err = errors.Join(checkNames(c.Name), checkProtocol(c.Protocol))
	}
	if err != nil {
		return userDoc{}, err
	}
	// Who is there already need not type a password.
	known := func() error {
		_, err := editFlags{c.usersFlag, true}.apply(ctx, a, c.change(access.Hash{}, rights))
		return err
	}
	hash, err := c.hash(ctx, a, c.Name, c.NoPassword, known)
	if err != nil {
		return userDoc{}, err
	}
	return c.apply(ctx, a, c.change(hash, rights))
}

func (c *userAddCmd) change(hash access.Hash, rights []access.Right) *change {
	return &change{c.Name, true, resultAdded, func(f *access.File) (*access.File, error) {
		f, err := f.Add(c.Name, hash, rights)
		if err != nil {
			return nil, err
		}
		return f.SetProtocol(c.Name, c.Protocol)
	}}
}

func checkProtocol(version int) error {
	if version != 1 && version != 2 {
		return wrongUsage("1 takes both versions of the tupkg protocol, 2 only the second", "--protocol is %d; expected 1 or 2", version)
	}
	return nil
}

// hash is that of the password from wherever it comes, once nothing else stands in
// the way; the zero Hash if there is to be none.
func (f passwordFlags) hash(ctx context.Context, a *app, name string, none bool, first func() error) (access.Hash, error) {
	if none && f != (passwordFlags{}) {
		return access.Hash{}, wrongUsage("give one of them", "--no-password excludes --password-file and --password-command")
	}
	if err := first(); err != nil || none {
		return access.Hash{}, err
	}
	secret, err := f.password(ctx, a, "new password of "+visible(name), true)
	if err != nil {
		return access.Hash{}, err
	}
	return access.NewHash(secret)
}

type userPasswdCmd struct {
	Name string `arg:"" complete:"user" help:"The user."`

	editFlags
	passwordFlags
	NoPassword bool `help:"Take the password away: the user logs in with tokens only."`
}

// Help is shown by --help.
func (*userPasswdCmd) Help() string {
	return `The password comes from --password-file, --password-command, $MMPUSH_PASSWORD, or is asked for on the terminal. Tokens stay valid.`
}

func (c *userPasswdCmd) run(ctx context.Context, a *app) (doc any, code int) {
	set := func(hash access.Hash) *change {
		return &change{c.Name, false, resultChanged, func(f *access.File) (*access.File, error) { return f.SetPassword(c.Name, hash) }}
	}
	hash, err := c.hash(ctx, a, c.Name, c.NoPassword, func() error {
		_, err := editFlags{c.usersFlag, true}.apply(ctx, a, set(access.Hash{}))
		return err
	})
	if err != nil {
		return a.fail(err)
	}
	d, err := c.apply(ctx, a, set(hash))
	if err != nil {
		return a.fail(err)
	}
	d.tell(a, fmt.Sprintf("changed %s: password %s", d.User.Name, d.User.Password))
	return d, exitDone
}

type userRemoveCmd struct {
	Names []string `arg:"" name:"name" complete:"user" help:"The users; all of them, or none if one is unknown."`

	editFlags
}

// usersDoc is the document about several users.
type usersDoc struct {
	Schema int           `json:"schema"`
	Result report.Result `json:"result,omitempty"`
	DryRun bool          `json:"dry_run,omitempty"`
	File   string        `json:"users_file"`
	Users  []access.User `json:"users"`
}

func (c *userRemoveCmd) run(ctx context.Context, a *app) (doc any, code int) {
	names := slices.Compact(slices.Sorted(slices.Values(c.Names)))
	all := usersDoc{Schema: report.Schema, Result: report.Removed, DryRun: c.DryRun}
	one := &change{result: report.Removed}
	one.edit = func(f *access.File) (*access.File, error) {
		var err error
		for _, one.name = range names {
			all.Users = append(all.Users, userOf(f, one.name))
			if f, err = f.Remove(one.name); err != nil {
				return nil, err
			}
		}
		return f, nil
	}
	d, err := c.apply(ctx, a, one)
	if err != nil {
		return a.fail(err)
	}
	all.File = d.File
	for _, name := range names {
		d.tell(a, "removed "+name)
	}
	return all, exitDone
}
