package access

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// The limits of a users file.
const (
	// MaxFile is in bytes.
	MaxFile = 4 << 20
	// MaxUsers is the number of users in a file.
	MaxUsers = 10_000
	// MaxLine is the length of a line in bytes.
	MaxLine = 16 << 10
	// MaxRights and MaxTokens are for each user.
	MaxRights, MaxTokens = 128, 32
	// maxUserName is in bytes; it leaves room for more in a folder's name.
	maxUserName = 128
)

// Sentinels, behind a report.Error of kind KindUsage.
var (
	// ErrNoUser: the file has no such user.
	ErrNoUser = errors.New("no such user")
	// ErrUserExists: the file has that user already, maybe in other letter case.
	ErrUserExists = errors.New("the user is there already")
	// ErrNoToken: the user has no token of that ID.
	ErrNoToken = errors.New("no such token")
	// ErrReadable: others than its owner can read the users file.
	ErrReadable = errors.New("others can read or write it")
)

// File is a users file. It never changes: an edit returns a new one. It prints
// without what it holds.
type File struct{ data sealed[fileData] }

type fileData struct {
	path string
	// lines joined by newlines are the file's bytes; the last one is empty if the
	// file ends with a newline.
	lines []string
	users []user
	// byName and byFold are places in users, by name and by name in small letters.
	byName, byFold map[string]int
}

// user is one line, for this package only.
type user struct {
	name      string
	hash      Hash
	rights    []Right
	tokens    []storedToken
	protocol  int
	suspended bool
	// line is the place in fileData.lines.
	line int
}

// User is what is told about a user: nothing of passwords and tokens.
type User struct {
	Name string `json:"name"`
	// Password is the kind of the stored hash: "argon2id", "bcrypt" or "none".
	Password string `json:"password"`
	// Rights are in the form of ParseRight, in the file's order.
	Rights []string `json:"rights,omitempty"`
	Tokens []Token  `json:"tokens,omitempty"`
	// Protocol is the lowest version of the tupkg protocol that the user may log in
	// with: 1 or 2.
	Protocol  int  `json:"protocol"`
	Suspended bool `json:"suspended,omitempty"`
	// Line is the line in the file, counted from 1.
	Line int `json:"line"`
}

// New is a users file with no user and a comment that says what its lines are.
func New(path string) *File {
	f, err := Parse(path, []byte(`# Users of mmpush, one a line. Change it by hand or with "mmpush user".
# NAME:PASSWORD-HASH [rights=SOURCE-PATTERN[:ARCH[:ACTION,...]]]... [token=ID,SHA256,EXPIRY,LABEL]... [protocol=2] [suspended]
`))
	if err != nil {
		return &File{seal(&fileData{path: path})}
	}
	return f
}

// CheckMode refuses a users file that is no regular file, or that others than its
// owner can read or write (any of the bits 077). The path is for the message.
func CheckMode(path string, mode fs.FileMode) error {
	if !mode.IsRegular() {
		return usersError(path, fmt.Errorf("is not a regular file (%s)", mode))
	}
	if mode.Perm()&0o077 == 0 {
		return nil
	}
	err := usersError(path, fmt.Errorf("%w (mode %04o); expected 0600", ErrReadable, mode.Perm()))
	err.Hint = "it holds password hashes: chmod 600 " + path
	return err
}

// Path is the path that the file was parsed under.
func (f *File) Path() string { return f.data().path }

// Bytes are the file's content; of a file that was only parsed, exactly what was
// parsed. They hold the hashes.
func (f *File) Bytes() []byte { return []byte(strings.Join(f.data().lines, "\n")) }

// Users returns all users in the file's order.
func (f *File) Users() []User {
	users := make([]User, len(f.data().users))
	for i, u := range f.data().users {
		users[i] = u.told()
	}
	return users
}

// User returns one user by name.
func (f *File) User(name string) (User, bool) {
	u := f.data().user(name)
	if u == nil {
		return User{}, false
	}
	return u.told(), true
}

func (d *fileData) user(name string) *user {
	if i, ok := d.byName[name]; ok {
		return &d.users[i]
	}
	return nil
}

func (u *user) told() User {
	t := User{
		Name: u.name, Password: u.hash.Kind(), Protocol: max(1, u.protocol), Suspended: u.suspended, Line: u.line + 1,
	}
	for _, r := range u.rights {
		t.Rights = append(t.Rights, r.String())
	}
	for _, token := range u.tokens {
		t.Tokens = append(t.Tokens, token.Token)
	}
	return t
}

// String says where the file is and how many users it has.
func (f *File) String() string {
	return fmt.Sprintf("users file %s (%d users)", f.data().path, len(f.data().users))
}

// GoString is String.
func (f *File) GoString() string { return f.String() }

// LogValue is String.
func (f *File) LogValue() slog.Value { return slog.StringValue(f.String()) }

// ValidName checks a user's name: a letter, digit or '_', then letters, digits and
// . _ @ + ~ -, at most 128 bytes. Such a name can name a folder.
func ValidName(name string) error {
	switch {
	case name == "":
		return errors.New("the user's name is empty")
	case len(name) > maxUserName:
		return fmt.Errorf("the user's name has %d bytes; expected at most %d", len(name), maxUserName)
	case !isAlphanumeric(name[0]) && name[0] != '_', !only(name, isNameByte):
		return errors.New("the user's name is not a letter, digit or '_' followed by letters, digits and . _ @ + ~ -")
	}
	return nil
}

// usersError is an error about the users file or a change of it.
func usersError(path string, err error) *report.Error {
	return &report.Error{Stage: "users", Code: report.CodeUsers, Kind: report.KindUsage, File: path, Err: err}
}

func (u *user) token(id string) int {
	return slices.IndexFunc(u.tokens, func(t storedToken) bool { return t.ID == id })
}
