package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
)

// userCmd are the verbs of the users file.
type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user; makes the users file if need be."`
	Passwd userPasswdCmd `cmd:"" help:"Set a user's password, or take it away."`
	Token  userTokenCmd  `cmd:"" help:"Make a token for a user, or revoke one."`
	Rights userRightsCmd `cmd:"" help:"Show or change what a user may do."`
	List   userListCmd   `cmd:"" help:"List users with their rights and tokens."`
	Remove userRemoveCmd `cmd:"" help:"Remove users."`
}

// Help is shown by --help.
func (*userCmd) Help() string {
	return `The users file says who may log in to "mmpush serve", and what they may do. It is text, one user a line; comments in it stay. ` +
		`Changes apply at once, to a running server too.`
}

// usersFlag names the users file.
type usersFlag struct {
	Users *string `placeholder:"FILE" help:"The users file. Default: $$MMPUSH_USERS."`
}

// editFlags are for all verbs that change it.
type editFlags struct {
	usersFlag
	DryRun bool `short:"n" help:"Do everything but write, and show what would change."`
}

func (f usersFlag) open(a *app) (*userBook, error) {
	path, err := a.usersPath(f.Users)
	if err != nil {
		return nil, err
	}
	return a.openBook(path)
}

// usersPath is the path of the users file, by the flag or the configuration.
func (a *app) usersPath(flag *string) (string, error) {
	path := a.setting(flag, "--users", "users").Path()
	if path == "" {
		return "", wrongUsage("add --users FILE, or set MMPUSH_USERS", "nothing says which users file is meant")
	}
	return path, nil
}

// The results of the verbs, beside those of the report.
const (
	resultAdded   report.Result = "added"
	resultChanged report.Result = "changed"
)

// userDoc is the document about one user.
type userDoc struct {
	Schema int           `json:"schema"`
	Result report.Result `json:"result"`
	// DryRun: nothing was written.
	DryRun bool        `json:"dry_run,omitempty"`
	File   string      `json:"users_file"`
	User   access.User `json:"user"`
	// Token is a new one, and Secret what its user logs in with: it is nowhere else.
	Token  *access.Token `json:"token,omitempty"`
	Secret string        `json:"secret,omitempty"`
}

// change is one edit of the file by a verb; name is the user that it is about.
type change struct {
	name   string
	create bool
	result report.Result
	edit   func(*access.File) (*access.File, error)
}

// apply edits the file, or with --dry-run only the copy in memory, and says what came
// of it.
func (f editFlags) apply(ctx context.Context, a *app, c *change) (userDoc, error) {
	book, err := f.open(a)
	if err != nil {
		return userDoc{}, err
	}
	defer book.done()
	doc := userDoc{Schema: report.Schema, Result: c.result, DryRun: f.DryRun, File: book.path, User: access.User{Name: c.name}}
	var e edition
	if f.DryRun {
		e, err = book.rehearse(c)
	} else {
		e, err = book.edit(ctx, c.create, c.edit)
	}
	if err != nil {
		return doc, withNearest(err, e.before, c.name)
	}
	if !e.changed() {
		doc.Result = report.Unchanged
	}
	doc.User = userOf(e.after, c.name)
	if e.mode.Perm()&0o077 != 0 && e.changed() && !f.DryRun {
		a.err.message(caution, "note", fmt.Sprintf("others could read %s (mode %04o); it is 0600 now", book.path, e.mode.Perm()))
	}
	return doc, nil
}

// rehearse is edit without the lock and the write.
func (b *userBook) rehearse(c *change) (edition, error) {
	var e edition
	var err error
	if e.before, e.mode, err = b.read(); err != nil {
		return e, err
	}
	if e.mode == 0 && !c.create {
		return e, usersError(b.path, fs.ErrNotExist)
	}
	e.after, err = c.edit(e.before)
	return e, err
}

// withNearest adds who may be meant to an error about an unknown user.
func withNearest(err error, f *access.File, name string) error {
	e, ok := errors.AsType[*report.Error](err)
	if !ok || f == nil || !errors.Is(err, access.ErrNoUser) {
		return err
	}
	told := *e
	told.Hint = nearestUser(f, name)
	return &told
}

// tell prints what was done with a user, or would be.
func (d userDoc) tell(a *app, what string) {
	switch {
	case d.Result == report.Unchanged:
		what = "unchanged: " + d.User.Name
	case d.DryRun:
		what = "would have " + what
	}
	a.out.line("%s", visible(what))
}

// rightsText is a user's rights on one line.
func rightsText(u access.User) string {
	if len(u.Rights) == 0 {
		return "no rights"
	}
	return "rights " + strings.Join(u.Rights, " ")
}

// withoutRights says that a new user may do nothing yet, and how to change that.
func (d userDoc) withoutRights(a *app) {
	if len(d.User.Rights) == 0 {
		a.err.hint(fmt.Sprintf("%s may log in and publish nothing: mmpush user rights %s --add SOURCE --users %s", d.User.Name, quote(d.User.Name), quote(d.File)))
	}
}
