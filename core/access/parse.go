package access

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxFaults is how many faults of a file are told at once.
const maxFaults = 20

// Parse reads a users file (doc.go has its form); path is for messages. The error
// names the lines and what was expected there, all of them up to twenty, and none
// of their text but names and rights. A file with a fault is refused as a whole.
func Parse(path string, data []byte) (*File, error) {
	if len(data) > MaxFile {
		return nil, usersError(path, fmt.Errorf("has %d bytes; expected at most %d", len(data), MaxFile))
	}
	d := &fileData{path: path, lines: strings.Split(string(data), "\n"), byName: map[string]int{}, byFold: map[string]int{}}
	var faults []error
	for i, text := range d.lines {
		if err := d.readLine(i, text); err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", i+1, err))
		}
		if len(faults) == maxFaults {
			faults = append(faults, errors.New("and maybe more"))
			break
		}
	}
	if len(faults) > 0 {
		return nil, usersError(path, errors.Join(faults...))
	}
	return &File{seal(d)}, nil
}

// readLine adds the user of one line, if there is one.
func (d *fileData) readLine(i int, text string) error {
	if len(text) > MaxLine {
		return fmt.Errorf("has %d bytes; expected at most %d", len(text), MaxLine)
	}
	if trimmed := strings.Trim(text, " \t"); trimmed == "" || trimmed[0] == '#' {
		return nil
	}
	if err := checkText(text); err != nil {
		return err
	}
	u, err := parseUser(text)
	if err != nil {
		return err
	}
	if len(d.users) == MaxUsers {
		return fmt.Errorf("is one user too many; expected at most %d", MaxUsers)
	}
	fold := strings.ToLower(u.name)
	if other, there := d.byFold[fold]; there {
		first := d.users[other]
		return fmt.Errorf("%w: %s, and %s in line %d", ErrUserExists, u.name, first.name, first.line+1)
	}
	u.line = i
	d.byName[u.name], d.byFold[fold] = len(d.users), len(d.users)
	d.users = append(d.users, u)
	return nil
}

func checkText(text string) error {
	switch {
	case strings.HasSuffix(text, "\r"):
		return errors.New("ends with a carriage return; expected Unix line ends")
	case !utf8.ValidString(text):
		return errors.New("is not UTF-8")
	case bytes.ContainsFunc([]byte(text), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return errors.New("has a control character")
	}
	return nil
}

func parseUser(text string) (user, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	name, hash, colon := strings.Cut(words[0], ":")
	if !colon {
		return user{}, errors.New("has no ':' in its first word; expected NAME:PASSWORD-HASH")
	}
	if err := ValidName(name); err != nil {
		return user{}, err
	}
	u := user{name: name}
	var err error
	if u.hash, err = ParseHash(hash); err != nil {
		return user{}, fmt.Errorf("user %s: %w; set a new one with `mmpush user passwd %s`", name, err, name)
	}
	for i, word := range words[1:] {
		if err := u.readWord(word); err != nil {
			return user{}, fmt.Errorf("user %s: word %d: %w", name, i+2, err)
		}
	}
	return u, nil
}

// readWord takes one word after the hash. What is no word of ours may be a part of
// a secret, so it is not told.
func (u *user) readWord(word string) error {
	key, value, _ := strings.Cut(word, "=")
	switch {
	case key == "rights":
		return u.addRight(value)
	case key == "token":
		return u.addToken(value)
	case word == "protocol=2" && u.protocol == 0:
		u.protocol = 2
	case word == "suspended" && !u.suspended:
		u.suspended = true
	case word == "protocol=2" || word == "suspended":
		return fmt.Errorf("%s is there twice", word)
	case key == "protocol":
		return errors.New("protocol has another value than 2")
	case strings.HasPrefix(word, "#"):
		return errors.New("is a comment after a user; expected comments on lines of their own")
	default:
		return errors.New("is none of rights=, token=, protocol=2 and suspended")
	}
	return nil
}

func (u *user) addRight(text string) error {
	if len(u.rights) == MaxRights {
		return fmt.Errorf("is one right too many; expected at most %d", MaxRights)
	}
	r, err := ParseRight(text)
	if err != nil {
		return err
	}
	u.rights = append(u.rights, r)
	return nil
}

func (u *user) addToken(text string) error {
	if len(u.tokens) == MaxTokens {
		return fmt.Errorf("is one token too many; expected at most %d", MaxTokens)
	}
	t, err := parseToken(text)
	if err != nil {
		return err
	}
	if u.token(t.ID) >= 0 {
		return fmt.Errorf("the token %s is there twice", t.ID)
	}
	u.tokens = append(u.tokens, t)
	return nil
}
