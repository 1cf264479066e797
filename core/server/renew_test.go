package server

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// meanwhile does something when it is first read.
type meanwhile struct {
	io.ReaderAt
	do func()
}

func (m meanwhile) ReadAt(p []byte, at int64) (int, error) {
	m.do()
	return m.ReaderAt.ReadAt(p, at)
}

// TestRightsOfNow: the verdict goes by the rights of its own time, and a manifest that is
// refused so is not run later.
func TestRightsOfNow(t *testing.T) {
	t.Parallel()
	for what, edit := range map[string]func(*access.File) (*access.File, error){
		"suspended":        func(f *access.File) (*access.File, error) { return f.SetSuspended(bfinch, true) },
		"without rights":   func(f *access.File) (*access.File, error) { return f.SetRights(bfinch, nil) },
		"without password": func(f *access.File) (*access.File, error) { return f.SetPassword(bfinch, access.Hash{}) },
	} {
		w := newWorld(t, toIncoming)
		changed, err := edit(usersFile())
		if err != nil {
			t.Fatal(err)
		}
		for _, files := range [][]mpktest.File{built("foo", "1.0"), {pkg("foo-1.pkg", "foo")}} {
			w.users.Replace(usersFile(), access.Stamp{})
			set := setOf(tupkg.Set{}, files)
			var once sync.Once
			for i := range set.Files {
				set.Files[i].Content = meanwhile{set.Files[i].Content, func() { once.Do(func() { w.users.Replace(changed, access.Stamp{}) }) }}
			}
			c, done := w.connect(t)
			r, err := c.Push(context.Background(), set)
			if !errors.Is(err, tupkg.ErrRefused) && r.Report.Result != report.Rejected {
				t.Errorf("%s: %+v %v", what, r.Report, err)
			}
			if _, err := c.Push(context.Background(), setOf(tupkg.Set{}, []mpktest.File{{Name: "text", Data: []byte("text")}})); !errors.Is(err, tupkg.ErrRefused) {
				t.Errorf("%s: the session goes on: %v", what, err)
			}
			done()
		}
		w.users.Replace(usersFile(), access.Stamp{})
		r, err := w.v1(t, bfinch, tupkg.Document, mpktest.File{Name: "later", Data: []byte("later")})
		mustPass(t, r, err)
		if got := mustShelves(t, w.disk); len(got) > 0 || w.came(t) != "" {
			t.Errorf("%s: %q and %q are public", what, got, w.came(t))
		}
	}
}

// connect logs bfinch in, by version 2.
func (w *world) connect(t *testing.T) (c *tupkg.Client, done func()) {
	t.Helper()
	client, end := w.dial(t)
	c, err := tupkg.Connect(context.Background(), client, tupkg.ConnectOptions{
		Options: quick(), Credentials: tupkg.Credentials{User: bfinch, Password: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, func() {
		_ = c.Close()
		end()
	}
}

// TestWrongPartOfASet: an upload of which one file came wrong is rejected as a whole.
func TestWrongPartOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := append(built("foo", "1.0"), mpktest.File{Name: "notes.txt", Data: []byte("notes")})
	set := setOf(tupkg.Set{}, files)
	last := len(set.Files) - 1
	set.Files[last].SHA256 = sumOf("other")
	c, done := w.connect(t)
	defer done()
	r, err := c.Push(context.Background(), set)
	if err != nil || r.Report.Result != report.Rejected || len(r.Report.Findings) != 1 || r.Report.Kept == "" {
		t.Errorf("%+v %v", r.Report, err)
	}
	if got := mustShelves(t, w.disk); len(got) > 0 {
		t.Errorf("%q are public", got)
	}
	r, err = c.Push(context.Background(), setOf(tupkg.Set{}, files))
	mustPass(t, r, err)
}
