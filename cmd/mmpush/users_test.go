package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/vfs"
)

const oldUsers = "# kept\nbob:- rights=x\n"

// newBook is a users file in memory, durably there.
func newBook(t *testing.T, text string) (*vfs.Mem, *userBook) {
	t.Helper()
	disk := vfs.NewMem(time.Now)
	if text != "" {
		if err := vfs.CreateSynced(disk, "users", 0o640, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	disk.SyncAll()
	return disk, &userBook{path: "users", fsys: disk, name: "users"}
}

func addCarol(f *access.File) (*access.File, error) { return f.Add("carol", access.Hash{}, nil) }

// judgeUsers wants the file as it was before or after, and after only once the edit
// has returned.
func judgeUsers(disk *vfs.Mem, before, after string, acked bool) error {
	text, err := vfs.ReadFile(disk, "users", access.MaxFile)
	if err != nil && (before != "" || acked) {
		return err
	}
	if got := string(text); got != after && (acked || got != before) {
		return fmt.Errorf("the file is %q", got)
	}
	return nil
}

// TestUsersSurvivePowerLoss ends an edit ahead of each call, with any part of what is
// not durable lost; then each sync is left out once.
func TestUsersSurvivePowerLoss(t *testing.T) {
	t.Parallel()
	for _, before := range []string{oldUsers, ""} {
		after := string(access.New("users").Bytes()) + "carol:-\n"
		if before != "" {
			after = before + "carol:-\n"
		}
		run := func(skip int) (syncs int, broken error) {
			disk, book := newBook(t, before)
			var films []*vfs.Mem
			book.fsys = vfs.Observe(disk, func(op vfs.Op) error {
				films = append(films, disk.Clone())
				if op.Kind == "sync" || op.Kind == "syncdir" {
					if syncs++; syncs == skip {
						return vfs.ErrSkipped
					}
				}
				return nil
			})
			if _, err := book.edit(t.Context(), true, addCarol); err != nil {
				t.Fatal(err)
			}
			for k, film := range append(films, disk) {
				for lost := -1; lost <= film.Unsynced(); lost++ {
					rebooted := film.PowerLoss(func(i int) vfs.Fate {
						if lost == -1 || i == lost {
							return vfs.Lost
						}
						return vfs.Kept
					})
					if err := judgeUsers(rebooted, before, after, k == len(films)); err != nil {
						return syncs, fmt.Errorf("ahead of call %d, %d lost: %w", k, lost, err)
					}
				}
			}
			return syncs, nil
		}
		syncs, broken := run(0)
		if broken != nil {
			t.Fatal(broken)
		}
		for s := 1; s <= syncs; s++ {
			if _, broken := run(s); broken == nil {
				t.Errorf("nothing is broken without sync %d of %d", s, syncs)
			}
		}
	}
}

// TestUsersKilledOrFull: an edit that ends, by a kill or an error, at any call leaves
// the file whole, and the next one needs no help.
func TestUsersKilledOrFull(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.ENOSPC, syscall.EIO, syscall.EMFILE} {
		failed := 0
		for at := 1; ; at++ {
			disk, book := newBook(t, oldUsers)
			calls := 0
			book.fsys = vfs.Observe(disk, func(vfs.Op) error {
				if calls++; calls == at {
					return cause
				}
				return nil
			})
			_, err := book.edit(t.Context(), true, addCarol)
			if calls < at {
				break
			}
			failed++
			if jerr := judgeUsers(disk, oldUsers, oldUsers+"carol:-\n", err == nil); jerr != nil {
				t.Errorf("%v at call %d: %v", cause, at, jerr)
			}
			if err != nil && (!errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "users: ")) {
				t.Errorf("%v at call %d: %v", cause, at, err)
			}
			book.fsys = disk.Clone()
			if _, err := book.edit(t.Context(), true, func(f *access.File) (*access.File, error) { return f.Add("dora", access.Hash{}, nil) }); err != nil {
				t.Errorf("%v at call %d, the next edit: %v", cause, at, err)
			}
			f, mode, err := book.read()
			if _, there := f.User("dora"); err != nil || !there || mode.Perm() != usersMode {
				t.Errorf("%v at call %d, after the next edit: %v, mode %v", cause, at, err, mode)
			}
			if list, _ := book.fsys.ReadDir("."); len(list) != 1 {
				t.Errorf("%v at call %d: %d files are left", cause, at, len(list))
			}
		}
		if failed < 8 {
			t.Errorf("%v: only %d calls", cause, failed)
		}
	}
}

// TestUsersInAnEmptyFile: a file that a killed edit has made is a users file.
func TestUsersInAnEmptyFile(t *testing.T) {
	t.Parallel()
	disk, book := newBook(t, "x")
	f, err := disk.OpenLock("users", usersMode)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(0), f.Close()); err != nil {
		t.Fatal(err)
	}
	e, err := book.edit(t.Context(), false, addCarol)
	if err != nil || len(e.after.Users()) != 1 {
		t.Errorf("%v", err)
	}
}

func TestSplitWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"pass show x":             {"pass", "show", "x"},
		"  a\t b\n":               {"a", "b"},
		`pass "my key" 'a "b" c'`: {"pass", "my key", `a "b" c`},
		`a"b c"d ''`:              {"ab cd", ""},
		"a $HOME ; b | c":         {"a", "$HOME", ";", "b", "|", "c"},
		`a\ b`:                    {`a\`, "b"},
		"":                        nil,
		`""`:                      nil,
		`a "b`:                    nil,
		`a 'b`:                    nil,
	} {
		got, err := splitWords(line)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v; want %q", line, got, err, want)
		}
	}
}

func TestParseDays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "90d": 90 * 24 * time.Hour, "2w": 14 * 24 * time.Hour,
		"": 0, "0": 0, "0d": 0, "-1h": 0, "-1d": 0, "d": 0, "1y": 0, "1.5d": 0, "99999d": 0, "999999999d": 0, "9999999h": 0, "1d ": 0,
	} {
		if got, err := parseDays(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

// TestPasswordSources: the order of the sources, and what none of them may be.
func TestPasswordSources(t *testing.T) {
	t.Parallel()
	asked := 0
	a := newApp(shell{}.env(new(bytes.Buffer), new(bytes.Buffer), nil))
	for _, c := range []struct {
		env, stdin    string
		flags         passwordFlags
		answers       []string
		want, problem string
	}{
		{env: "from env", want: "from env"},
		{env: "from env", flags: passwordFlags{PasswordFile: "-"}, stdin: "from stdin\r\n", want: "from stdin"},
		{env: "from env", flags: passwordFlags{PasswordCommand: "printf 'from program'"}, want: "from program"},
		{answers: []string{"typed", "typed"}, want: "typed"},
		{answers: []string{"typed", "typo"}, problem: "the two passwords differ"},
		{flags: passwordFlags{PasswordFile: "-"}, problem: "standard input: the password is empty"},
		{flags: passwordFlags{PasswordFile: "-"}, stdin: strings.Repeat("x", 5000), problem: "has more than 4096 bytes"},
		{flags: passwordFlags{PasswordCommand: "yes"}, problem: "yes: "},
		{env: "two\nlines", problem: "$MMPUSH_PASSWORD: has several lines"},
	} {
		a.Getenv = func(string) string { return c.env }
		a.Stdin, a.Ask, asked = strings.NewReader(c.stdin), nil, 0
		if c.answers != nil {
			a.Ask = func(_ context.Context, _ string) (string, error) {
				asked++
				return c.answers[asked-1], nil
			}
		}
		got, err := c.flags.password(t.Context(), a, "password", true)
		if got.Reveal() != c.want || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%+v: %q, %v", c, got.Reveal(), err)
		}
		if err != nil && strings.Contains(err.Error(), "two\n") {
			t.Errorf("the message has the password: %v", err)
		}
	}
}

// writeUsers writes a users file with one user.
func writeUsers(t *testing.T, path, user string) {
	t.Helper()
	hash, err := access.NewHash(access.NewSecret(servePassword))
	if err != nil {
		t.Fatal(err)
	}
	right, err := access.ParseRight("*")
	if err != nil {
		t.Fatal(err)
	}
	f, err := access.New(path).Add(user, hash, []access.Right{right})
	if err == nil {
		err = os.WriteFile(path, f.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
