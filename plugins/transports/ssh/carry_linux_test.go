package ssh

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// running is a Conn to a program in the place of ssh.
func running(t *testing.T, program ...string) *Conn {
	t.Helper()
	c, err := start(Target{Host: "here"}, program, nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open is an open file with a content.
func open(t *testing.T, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// A file arrives with what stands between its parts, from any offset on, although the other
// side does not begin to read before ours waits for it.
func TestCarry(t *testing.T) {
	t.Parallel()
	c := running(t, "cat")
	content := pattern(3*pipeBytes + 1)
	file := open(t, content)
	const first, part = 4097, 200_001
	sent := make(chan error, 1)
	go func() {
		for at := first; at < len(content); {
			n := c.Load(file, int64(at), part)
			if n <= 0 || n > part || at+n > len(content) {
				sent <- errors.New("nothing is loaded, or too much")
				return
			}
			if err := c.Send([]byte("<head>")); err != nil {
				sent <- err
				return
			}
			at += n
		}
		if n := c.Load(file, int64(len(content)), part); n != 0 {
			sent <- errors.New("there is something behind the end")
			return
		}
		sent <- c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-sent); err != nil {
		t.Fatal(err)
	}
	heads := bytes.Count(got, []byte("<head>"))
	if plain := bytes.ReplaceAll(got, []byte("<head>"), nil); heads < len(content)/part || !bytes.Equal(plain, content[first:]) {
		t.Errorf("%d bytes in %d parts arrived, of %d", len(plain), heads, len(content)-first)
	}
}

// A part is as long as what was loaded, whatever has become of the file since.
func TestCarryOfCutFile(t *testing.T) {
	t.Parallel()
	c := running(t, "cat")
	file := open(t, pattern(2*much))
	n := c.Load(file, 0, 2*much)
	if err := file.Truncate(10); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Send(nil), c.CloseWrite()); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); len(got) != n || err != nil {
		t.Errorf("%d bytes were loaded, %d arrived, %v", n, len(got), err)
	}
}

// A Send that waits ends with Close, and with the program.
func TestCarryEnds(t *testing.T) {
	t.Parallel()
	file := open(t, pattern(much))
	fill := func(c *Conn) (err error) {
		for err == nil {
			if c.Load(file, 0, much) == 0 {
				return errors.New("nothing is loaded")
			}
			err = c.Send([]byte("head"))
		}
		return err
	}
	c := running(t, "sleep", "60")
	ended := make(chan error, 1)
	go func() { ended <- fill(c) }()
	for c.in.queued() < c.in.holds/2 {
		runtime.Gosched() // until it is about to wait
	}
	_ = c.Close()
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if err := fill(running(t, "true")); !strings.Contains(err.Error(), "ended with exit code 0") {
		t.Error(err)
	}
}
