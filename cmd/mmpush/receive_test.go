package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// TestReceiveHearsOfUsers: who is suspended or taken out of the users file is so for a
// session that is under way, too.
func TestReceiveHearsOfUsers(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	var out bytes.Buffer
	a := &app{env: shell{}.env(&out, &out, nil), config: &config.Config{}}
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
	at, err := filepath.Abs("users")
	c, relative := gitpush.Config{}, "users"
	// A worker of the hook has another working folder.
	if oerr := (&hookFlags{Users: &relative}).override(&c); err != nil || oerr != nil || c.Users != at {
		t.Errorf("%v %v, users %q", err, oerr, c.Users)
	}
	if err := (&hookFlags{Users: new(string)}).override(&c); exitOfError(err) != exitUsage || c.Users == "" {
		t.Errorf("%v, users %q", err, c.Users)
	}
}

// TestUsersFileGone: what makes the users file unreadable is logged once, not at each
// knock at the door.
func TestUsersFileGone(t *testing.T) {
	t.Parallel()
	users := filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	var log bytes.Buffer
	u, err := openUsers(users, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.Rename(users, users+".away"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			u.refresh()
		}
		if _, err := u.auth.Identity("first"); err != nil {
			t.Error(err)
		}
		writeUsers(t, users, "second")
		u.refresh()
		writeUsers(t, users, "first")
		u.force()
	}
	if n := strings.Count(log.String(), "cannot be read"); n != 2 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
}

// TestHookPusherName: who is named by a flag has a name such as users have, where there is
// no users file too.
func TestHookPusherName(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{"me@example.net": true, "": false, "a b": false, "../x": false, "a\nb": false} {
		id, err := (&push{flags: &hookFlags{As: &name}}).pusher()
		if ok != (err == nil) || ok && id.Name != name || !ok && exitOfError(err) != exitDenied {
			t.Errorf("%q: %+v %v", name, id, err)
		}
	}
}
