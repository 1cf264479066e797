package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// The edits below return a new File in which one line is other, new or gone, and
// leave f as it is. Their errors are report.Errors of kind KindUsage around
// ErrNoUser, ErrUserExists or ErrNoToken, or say which limit or form was broken.
// Bytes of the result go to disk as every file does: a temporary file of mode
// 0600 in the same folder, fsync, rename, fsync of the folder.

// Add appends a user. The zero Hash is nobody's password: then only tokens, or
// ways that need no login, make somebody this user.
func (f *File) Add(name string, hash Hash, rights []Right) (*File, error) {
	if err := ValidName(name); err != nil {
		return nil, usersError(f.data().path, err)
	}
	if other, there := f.data().byFold[strings.ToLower(name)]; there {
		return nil, usersError(f.data().path, fmt.Errorf("%w: %s", ErrUserExists, f.data().users[other].name))
	}
	text, err := user{name: name, hash: hash, rights: rights}.text()
	if err != nil {
		return nil, usersError(f.data().path, err)
	}
	lines := slices.Clone(f.data().lines)
	if n := len(lines); n > 0 && lines[n-1] == "" {
		lines = lines[:n-1]
	}
	return f.reparse(append(lines, text, ""))
}

// Remove drops a user's line.
func (f *File) Remove(name string) (*File, error) {
	u := f.data().user(name)
	if u == nil {
		return nil, f.noUser(name)
	}
	lines := slices.Delete(slices.Clone(f.data().lines), u.line, u.line+1)
	if u.line == len(lines) {
		lines = append(lines, "")
	}
	return f.reparse(lines)
}

// SetPassword replaces the password; the zero Hash takes it away. Tokens stay.
func (f *File) SetPassword(name string, hash Hash) (*File, error) {
	return f.edit(name, func(u *user) error { u.hash = hash; return nil })
}

// SetRights replaces all rights.
func (f *File) SetRights(name string, rights []Right) (*File, error) {
	return f.edit(name, func(u *user) error { u.rights = rights; return nil })
}

// ChangeRights replaces all rights by what change makes of them; its error is the
// edit's, with the file's path.
func (f *File) ChangeRights(name string, change func([]Right) ([]Right, error)) (*File, error) {
	u := f.data().user(name)
	if u == nil {
		return nil, f.noUser(name)
	}
	changed, err := change(cloneRights(u.rights))
	if e, ok := errors.AsType[*report.Error](err); ok {
		told := *e
		told.File = f.data().path
		return nil, &told
	}
	if err != nil {
		return nil, usersError(f.data().path, err)
	}
	return f.SetRights(name, changed)
}

// SetSuspended suspends a user, or lets them in again.
func (f *File) SetSuspended(name string, suspended bool) (*File, error) {
	return f.edit(name, func(u *user) error { u.suspended = suspended; return nil })
}

// SetProtocol sets the lowest version of the protocol that the user may log in
// with: 1 or 2.
func (f *File) SetProtocol(name string, version int) (*File, error) {
	return f.edit(name, func(u *user) error {
		switch version {
		case 1:
			u.protocol = 0
		case 2:
			u.protocol = 2
		default:
			return fmt.Errorf("protocol %d: expected 1 or 2", version)
		}
		return nil
	})
}

// AddToken makes a token. It is returned here and nowhere else: the file has only
// its SHA-256. The label is at most 64 letters, digits and . _ @ + ~ -; expires is
// cut to the second, and zero is never.
func (f *File) AddToken(name, label string, expires time.Time) (*File, Token, Secret, error) {
	var token storedToken
	var secret Secret
	edited, err := f.edit(name, func(u *user) error {
		token, secret = newToken(label, expires)
		for u.token(token.ID) >= 0 {
			token, secret = newToken(label, expires)
		}
		u.tokens = append(slices.Clone(u.tokens), token)
		return nil
	})
	if err != nil {
		return nil, Token{}, Secret{}, err
	}
	return edited, token.Token, secret, nil
}

// RemoveToken drops one token by its ID.
func (f *File) RemoveToken(name, id string) (*File, error) {
	return f.edit(name, func(u *user) error {
		i := u.token(id)
		if i < 0 {
			return fmt.Errorf("%w: %q of %s", ErrNoToken, shorten(id), name)
		}
		u.tokens = slices.Delete(slices.Clone(u.tokens), i, i+1)
		return nil
	})
}

// edit writes one user's line again.
func (f *File) edit(name string, change func(*user) error) (*File, error) {
	u := f.data().user(name)
	if u == nil {
		return nil, f.noUser(name)
	}
	changed := *u
	err := change(&changed)
	var text string
	if err == nil {
		text, err = changed.text()
	}
	if err != nil {
		return nil, usersError(f.data().path, err)
	}
	lines := slices.Clone(f.data().lines)
	lines[u.line] = text
	return f.reparse(lines)
}

// reparse makes the File of the lines by reading them, so that what is written can
// be read and keeps the limits.
func (f *File) reparse(lines []string) (*File, error) {
	return Parse(f.data().path, []byte(strings.Join(lines, "\n")))
}

func (f *File) noUser(name string) error {
	return usersError(f.data().path, fmt.Errorf("%w: %q", ErrNoUser, shorten(name)))
}

// text is the user's line. Everything that a caller may have built by hand is
// checked, so that it cannot add words or lines.
func (u user) text() (string, error) {
	words := []string{u.name + ":" + u.hash.stored()}
	for _, r := range u.rights {
		if _, err := ParseRight(r.String()); err != nil {
			return "", err
		}
		words = append(words, "rights="+r.String())
	}
	for _, t := range u.tokens {
		if err := checkLabel(t.Label); err != nil {
			return "", err
		}
		words = append(words, "token="+t.text())
	}
	if u.protocol == 2 {
		words = append(words, "protocol=2")
	}
	if u.suspended {
		words = append(words, "suspended")
	}
	return strings.Join(words, " "), nil
}
