package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
)

// pass publishes a small upload over TCP and wants it to pass.
func passTCP(t *testing.T, addr, name string) {
	t.Helper()
	for _, version2 := range []bool{false, true} {
		r, err := pushTCP(addr, bfinch, version2, built(name, "1.0")...)
		if err != nil || !r.Pass() {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

// TestHoleIdleConnectionsMakeItDeaf: some 1,024 connections that said nothing, and the
// listener was deaf for ever. Here others are served beside them; they are closed when
// their time for the login is over, and the places are free again.
func TestHoleIdleConnectionsMakeItDeaf(t *testing.T) {
	t.Parallel()
	const idle = 1200
	w := worldOn(t, newDisk(t, arch), sharedUsers(), func(o *Options) {
		o.Limits.Connections, o.Limits.AddressConnections, o.Limits.Login = idle+10, idle+10, 5*time.Second
	})
	addr, stop := w.listen(t)
	var all []net.Conn
	for i := range idle {
		conn, err := dialTCP(addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		if i%2 == 0 { // half a message is as silent as none
			_, _ = conn.Write([]byte{0})
		}
		all = append(all, conn)
	}
	passTCP(t, addr, "beside")
	for i, conn := range all {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := conn.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Fatalf("idle connection %d: %v", i, err)
		}
	}
	passTCP(t, addr, "after")
	stop()
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// TestHoleMoreConnectionsThanThereIsRoom: with the defaults, one address gets its share
// and no more, and there is still room for the others.
func TestHoleMoreConnectionsThanThereIsRoom(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), sharedUsers())
	var open []net.Conn
	for range 300 {
		client, server := net.Pipe()
		go w.ServeConn(context.Background(), faraway{server})
		open = append(open, client)
	}
	// Of those beyond the share, some are heard, to be told so in the place of their
	// login; the others are closed at once.
	closed := 0
	for _, c := range open {
		_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write([]byte{0}); err != nil {
			closed++
		}
	}
	if closed != 300-256-turnedAway {
		t.Errorf("%d of 300 were closed, want %d", closed, 300-256-turnedAway)
	}
	r, err := w.v1(t, bfinch, tupkg.Document, built("foo", "1.0")...)
	mustPass(t, r, err)
	for _, c := range open {
		_ = c.Close()
	}
}

// TestHoleManyNamesMakeItDeaf: one message of 38 KB with 1,100 names, and the listener
// was deaf for ever. Here it is too many, which is said; 1,000 are taken.
func TestHoleManyNamesMakeItDeaf(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers())
	addr, stop := w.listen(t)
	for _, c := range []struct {
		names int
		taken bool
	}{{1100, false}, {1000, true}} {
		var files [][3]string
		for i := range c.names {
			files = append(files, [3]string{fmt.Sprintf("n%04d", i), "1", "0"})
		}
		body := declared(true, files...)
		if len(body) < 32_000 {
			t.Fatalf("the message has %d bytes only", len(body))
		}
		for range 3 {
			conn, err := dialTCP(addr)
			if err != nil {
				t.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := conn.Write(frame(loginB0b, body)); err != nil {
				t.Fatal(err)
			}
			head := make([]byte, 13+2)
			if _, err := io.ReadFull(conn, head); err != nil {
				t.Fatal(err)
			}
			answer := make([]byte, int(head[13])<<8|int(head[14]))
			if _, err := io.ReadFull(conn, answer); err != nil || strings.Contains(string(answer), "FAIL") == c.taken {
				t.Errorf("%d names: %v, %.40q", c.names, err, answer)
			}
			_ = conn.Close()
		}
	}
	conn, err := dialTCP(addr)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tupkg.Upload(t.Context(), conn, wire([]mpktest.File{{Name: "a", Data: []byte("a")}}), tupkg.UploadOptions{Credentials: tupkg.Credentials{User: bfinch, Password: "B0b"}})
	if err != nil || !r.Pass() {
		t.Errorf("the listener is deaf: %+v %v", r, err)
	}
	stop()
}

// TestHoleSilenceForEver: a client that stops in any phase is let go in time.
func TestHoleSilenceForEver(t *testing.T) {
	t.Parallel()
	w := worldOn(t, newDisk(t, arch), recordedUsers(), func(o *Options) {
		o.Limits.Login, o.Limits.Idle = 300*time.Millisecond, 300*time.Millisecond
	})
	addr, stop := w.listen(t)
	decl := declared(false, [3]string{"silent", "1000", wrongMD5})
	for what, said := range map[string][]byte{
		"ahead of a byte":          nil,
		"in the length":            {0},
		"in the login":             frame(loginB0b)[:20],
		"ahead of the declaration": frame(loginB0b),
		"in the declaration":       frame(loginB0b, decl)[:len(frame(loginB0b))+10],
		"ahead of the data":        frame(loginB0b, decl),
		"in the data":              append(frame(loginB0b, decl), "some"...),
		"ahead of an upload":       frame(loginB0b + "&tupkg=2"),
		"in a frame":               append(frame(loginB0b+"&tupkg=2"), 'U', 0, 0, 1),
		"in an upload's data":      append(upload2(t, map[string]any{"name": "s2", "size": 10, "sha256": sha256Of(nil)}), frame2('D', []byte("\x00\x00\x00\x01\x00\x00\x00\x00ab"))...),
	} {
		conn, err := dialTCP(addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(said); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
		if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
			t.Errorf("silent %s: still served", what)
		}
		_ = conn.Close()
	}
	stop()
}

// TestHolePasswordGuessing: 1,600 guesses a second were answered. Here ten of one name
// are looked at, then one in thirty seconds; the rest cost nothing.
func TestHolePasswordGuessing(t *testing.T) {
	t.Parallel()
	users := access.NewAuthenticator(usersFile(), access.Stamp{}, access.Options{})
	w := worldOn(t, newDisk(t, arch), users)
	addr, stop := w.listen(t)
	const guesses = 400
	from := time.Now()
	var all sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for worker := range 8 {
		all.Go(func() {
			for i := range guesses / 8 {
				guess := fmt.Sprintf("guess%d-%d", worker, i)
				if worker == 7 && i > 40 {
					guess = "B0b%2B50%25" // found at last, and too late
				}
				conn, err := dialTCP(addr)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = conn.Write(frame("username=" + bfinch + "&password=" + guess))
				_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
				answer := make([]byte, 13)
				_, err = io.ReadFull(conn, answer)
				_ = conn.Close()
				mu.Lock()
				if err != nil || string(answer[2:]) != "result=FAIL" {
					passed++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	took := time.Since(from)
	stop()
	looked, limited := 0, 0
	for line := range strings.Lines(w.log.String()) {
		if !strings.Contains(line, `msg="login refused"`) {
			continue
		}
		if strings.Contains(line, "wrong password") {
			looked++
		} else if strings.Contains(line, "too many failed logins") {
			limited++
		}
	}
	if most := 10 + int(took/(30*time.Second)) + 1; looked > most || looked == 0 || passed > 0 {
		t.Errorf("%d of %d guesses were looked at in %s, want at most %d; %d passed", looked, guesses, took, most, passed)
	}
	if looked+limited != guesses {
		t.Errorf("%d looked at, %d limited, of %d", looked, limited, guesses)
	}
}
