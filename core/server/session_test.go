package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// session is a conversation of version 2 without a login.
func (w *world) session(t testing.TB, name string, set tupkg.Set, files ...mpktest.File) (tupkg.Result, error) {
	t.Helper()
	client, server := net.Pipe()
	over := make(chan error, 1)
	go func() { over <- w.ServeSession(context.Background(), name, server) }()
	defer func() { _ = client.Close(); <-over }()
	c, err := tupkg.Connect(t.Context(), client, tupkg.ConnectOptions{Options: quick(), Start: tupkg.StartSession})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer c.Close()
	return c.Push(t.Context(), setOf(set, files))
}

// TestSession: a user who needs no login has the rights of the users file; without one,
// the operator has all.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Transport = "ssh" })
	r, err := w.session(t, "librarian", tupkg.Set{}, built("libfoo", "1.0")...)
	mustPass(t, r, err)
	for _, c := range []struct{ name, want string }{
		{"librarian", "may not publish"}, {"nobody", "no right"}, {"stranger", "no account"}, {"../x", "the server failed"}, {"", "the server failed"},
	} {
		if _, err := w.session(t, c.name, tupkg.Set{}, built("foo", "1.0")...); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	local := w.beside(t, func(o *Options) { o.Users = nil })
	r, err = local.session(t, "root", tupkg.Set{}, built("foo", "1.0")...)
	mustPass(t, r, err)
	if _, err := local.v2(t, "root", tupkg.Set{}, built("foo", "1.0")...); !errors.Is(err, tupkg.ErrLogin) {
		t.Errorf("a login without accounts: %v", err)
	}
	history, err := vfs.ReadFile(w.disk, ".mmpush/history", 1<<20)
	if err != nil || !strings.Contains(string(history), `"ssh"`) {
		t.Errorf("%s %v", history, err)
	}
	if _, err := w.disk.Lstat(w.path("sweep")); err != nil {
		t.Errorf("nobody sweeps: %v", err)
	}
}

// TestSessionDeadlines: a silent client on pipes without deadlines is hung up on.
func TestSessionDeadlines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Idle = 200 * time.Millisecond })
	client, server := net.Pipe()
	defer client.Close()
	over := make(chan error, 1)
	go func() { over <- w.ServeSession(context.Background(), bfinch, struct{ io.ReadWriteCloser }{server}) }()
	c, err := tupkg.Connect(t.Context(), client, tupkg.ConnectOptions{Options: quick(), Start: tupkg.StartSession})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	select {
	case err := <-over:
		if !errors.Is(err, tupkg.ErrBroken) || !strings.Contains(err.Error(), "i/o timeout") {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server waits for ever")
	}
}
