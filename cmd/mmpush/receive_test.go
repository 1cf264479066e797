package main

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/hooks/gitpush"
)

// TestReceiveHearsOfUsers: who is suspended or taken out of the users file is so for a
// session that is under way, too.
func TestReceiveHearsOfUsers(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	var out bytes.Buffer
	a := &app{env: shell{}.env(&out, &out, nil)}
	s, done, err := (&receiveCmd{Repo: repo, Users: &users}).open(t.Context(), a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if _, err := s.Users.Identity("first"); err != nil {
		t.Fatal(err)
	}
	if got := (shell{}).run("user", "rights", "first", "--suspend", "--users", users); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	s.Refresh()
	if _, err := s.Users.Identity("first"); err == nil {
		t.Error("a suspended user stays in")
	}
}

// TestHookWithoutUsersFile: a flag whose variable was not set does not open the door.
func TestHookWithoutUsersFile(t *testing.T) {
	t.Parallel()
	c := gitpush.Config{Users: "users"}
	if err := (&hookFlags{Users: new(string)}).override(&c); exitOfError(err) != exitUsage || c.Users == "" {
		t.Errorf("%v, users %q", err, c.Users)
	}
}
