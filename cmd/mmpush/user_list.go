package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/report"
)

type userListCmd struct {
	Names []string `arg:"" optional:"" name:"name" complete:"user" help:"The users. Default: all."`

	usersFlag
}

func (c *userListCmd) run(_ context.Context, a *app) (doc any, code int) {
	l, err := c.list(a)
	if err != nil {
		return a.fail(err)
	}
	var t table
	if a.out.terminal {
		t.add(cell{"NAME", faint}, cell{"PASSWORD", faint}, cell{"STATE", faint}, cell{"RIGHTS", faint})
	}
	for _, u := range l.Users {
		t.add(cell{u.Name, bold}, cell{text: u.Password}, cell{text: orDash(stateText(u, ""))}, cell{text: orDash(strings.Join(u.Rights, " "))})
		for _, token := range u.Tokens {
			t.add(cell{text: "  token " + token.ID}, cell{text: orDash(token.Label)}, cell{text: expiryText(token, time.Now())}, cell{})
		}
	}
	t.write(a.out, "")
	if len(l.Users) == 0 {
		a.err.message(faint, "note", l.File+" has no users")
	}
	return l, exitDone
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (c *userListCmd) list(a *app) (usersDoc, error) {
	book, err := c.open(a)
	if err != nil {
		return usersDoc{}, err
	}
	defer book.done()
	f, mode, err := book.read()
	switch {
	case err != nil:
		return usersDoc{}, err
	case mode == 0:
		return usersDoc{}, usersError(book.path, fs.ErrNotExist)
	}
	if err := access.CheckMode(book.path, mode); errors.Is(err, access.ErrReadable) {
		a.err.message(caution, "warning", err.Error()+": no server takes it so")
	}
	l := usersDoc{Schema: report.Schema, File: book.path, Users: []access.User{}}
	for _, name := range c.Names {
		if _, there := f.User(name); !there {
			e := &report.Error{Stage: "users", Code: report.CodeUsers, Kind: report.KindUsage, File: book.path, Err: access.ErrNoUser, Hint: nearestUser(f, name)}
			return l, e
		}
	}
	for _, u := range f.Users() {
		if len(c.Names) == 0 || slices.Contains(c.Names, u.Name) {
			l.Users = append(l.Users, u)
		}
	}
	return l, nil
}
