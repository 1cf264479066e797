package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// cutting breaks the connection after so many bytes from the client.
type cutting struct {
	net.Conn
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.left = 0
	_ = c.Conn.Close()
	return n, io.ErrClosedPipe
}

// TestCutAndResume: cut at many bytes, the server started anew in between; what came
// need not be sent again, and the bytes are right at last.
func TestCutAndResume(t *testing.T) {
	t.Parallel()
	files := built("foo", "1.0")
	size := 0
	for _, f := range files {
		size += len(f.Data)
	}
	for _, version := range []int{1, 2} {
		for at := 0; at < size+1200; at += 397 {
			w := newWorld(t)
			client, done := w.dial(t)
			cut := &cutting{client, at}
			ctx := context.Background()
			if version == 1 {
				_, _ = tupkg.Upload(ctx, cut, wire(files), tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch)})
			} else if c, err := tupkg.Connect(ctx, cut, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch)}); err == nil {
				_, _ = c.Push(ctx, setOf(tupkg.Set{}, files))
				_ = c.Close()
			}
			_ = client.Close()
			done()
			w.start(t)
			var kept int64
			for _, kind := range []string{"partial", "area"} {
				_ = w.walk(w.path(kind), 3, func(n int64) { kept += n })
			}
			run := w.v2
			if version == 1 {
				run = func(t testing.TB, user string, _ tupkg.Set, files ...mpktest.File) (tupkg.Result, error) {
					return w.v1(t, user, tupkg.Document, files...)
				}
			}
			r, err := run(t, bfinch, tupkg.Set{}, files...)
			mustPass(t, r, err)
			if got := w.published(t); len(got) != 1 {
				t.Fatalf("version %d, cut at %d: published %q", version, at, got)
			}
			if r.Skipped < kept {
				t.Fatalf("version %d, cut at %d: %d bytes lay there, %d were skipped", version, at, kept, r.Skipped)
			}
			if want := int64(at - 1500); len(w.files(t, "area")) > 0 || kept > 0 && kept < want {
				t.Fatalf("version %d, cut at %d: kept %d bytes, area %q", version, at, kept, w.files(t, "area"))
			}
		}
	}
}

// TestOthersResumeNothing: what one user has sent is not offered to another.
func TestOthersResumeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	data := mpktest.File{Name: "big", Data: []byte(strings.Repeat("x", 5000))}
	whole := mpktest.File{Name: "whole", Data: []byte(strings.Repeat("y", 5000))}
	r, err := w.v2(t, bfinch, tupkg.Set{}, whole)
	mustPass(t, r, err)
	client, done := w.dial(t)
	_, _ = tupkg.Upload(t.Context(), &cutting{client, 3000}, wire([]mpktest.File{data}), tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch)})
	done()
	if len(w.files(t, "partial")) != 1 {
		t.Fatalf("%q", w.files(t, "partial"))
	}
	for name, run := range map[string]func() (tupkg.Result, error){
		"1": func() (tupkg.Result, error) { return w.v1(t, "other", tupkg.Document, data, whole) },
		"2": func() (tupkg.Result, error) { return w.v2(t, "librarian", tupkg.Set{}, data, whole) },
	} {
		if r, err := run(); err != nil || r.Skipped != 0 || r.Sent != 10000 {
			t.Errorf("version %s: %+v %v", name, r, err)
		}
	}
	// Other content of the same name and size continues nothing.
	if r, err := w.v1(t, bfinch, tupkg.Document, mpktest.File{Name: "big", Data: []byte(strings.Repeat("z", 5000))}); err != nil || r.Skipped != 0 || !r.Pass() {
		t.Errorf("other content: %+v %v", r, err)
	}
	if r, err := w.v1(t, bfinch, tupkg.Document, data); err != nil || r.Skipped < 2500 || !r.Pass() {
		t.Errorf("the user: %+v %v", r, err)
	}
}

// slow gives its bytes up to a point, and then waits.
type slow struct {
	io.ReaderAt
	stop  int64
	there chan struct{}
	until chan struct{}
	once  *sync.Once
}

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.stop {
		s.once.Do(func() { close(s.there) })
		<-s.until
	}
	return s.ReaderAt.ReadAt(p, off)
}

// TestTakeOver: a stalled session loses its files to a newer one of the same user,
// which goes on where it stopped.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		w := newWorld(t)
		file := wire([]mpktest.File{{Name: "big", Data: []byte(strings.Repeat("x", 1<<20))}})
		stalled := slow{file[0].Content, 256 << 10, make(chan struct{}), make(chan struct{}), &sync.Once{}}
		old := file[0]
		old.Content = stalled
		client, done := w.dial(t)
		told := make(chan error, 1)
		go func() {
			if version == 1 {
				_, err := tupkg.Upload(context.Background(), client, []tupkg.File{old}, tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch), WantReason: true})
				told <- err
				return
			}
			c, err := tupkg.Connect(context.Background(), client, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch)})
			if err == nil {
				_, err = c.Push(context.Background(), tupkg.Set{Files: []tupkg.File{old}})
				_ = c.Close()
			}
			told <- err
		}()
		<-stalled.there
		var r tupkg.Result
		var err error
		newer := mpktest.File{Name: "big", Data: []byte(strings.Repeat("x", 1<<20))}
		if version == 1 {
			r, err = w.v1(t, bfinch, tupkg.Document, newer)
		} else {
			r, err = w.v2(t, bfinch, tupkg.Set{}, newer)
		}
		mustPass(t, r, err)
		if r.Skipped == 0 {
			t.Errorf("version %d: everything was sent again", version)
		}
		close(stalled.until)
		if err := <-told; !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "newer session") {
			t.Errorf("version %d: the older session: %v", version, err)
		}
		_ = client.Close()
		done()
	}
}
