package web

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a handler until stop is called.
func serve(t *testing.T, h http.Handler, l Limits) (addr string, stop func()) {
	t.Helper()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- Serve(ctx, h, l, slog.New(slog.DiscardHandler), Listeners(nil, at)...) }()
	t.Cleanup(cancel)
	return at.Addr().String(), func() {
		t.Helper()
		cancel()
		select {
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the server does not stop")
		}
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// ends waits until the other side hangs up, and returns what it has said.
func ends(t *testing.T, c net.Conn) string {
	t.Helper()
	text, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server does not hang up; it said %.100q", text)
	}
	return string(text)
}

// TestSlowReaders: who is slow with the head of a request, sends a body that nobody
// wants, says nothing, or does not read the answer, is hung up on; who reads fast enough
// gets all of it.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	const size = 48 << 20
	if err := os.WriteFile(filepath.Join(dir, "large.mpk"), make([]byte, size), 0o644); err != nil {
		t.Fatal(err)
	}
	h := &Files{FS: open(t, dir)}
	addr, stop := serve(t, h, Limits{Header: 100 * time.Millisecond, Idle: 100 * time.Millisecond, Rate: 8 << 20, RateGrace: 300 * time.Millisecond, Drain: 100 * time.Millisecond})
	defer stop()
	for name, said := range map[string]string{
		"half a head": "GET /foo_1.0.mpk HTT", "nothing": "", "a long head": "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10),
		"a body that does not come": "GET /foo_1.0.mpk HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			go func() { _, _ = io.WriteString(c, said) }()
			if got := ends(t, c); strings.Contains(name, "body") != strings.Contains(got, "0123456789") {
				t.Errorf("%q", got)
			}
		})
	}
	fetch := func(read func(c net.Conn) int64) int64 {
		c := dial(t, addr)
		_ = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		if _, err := io.WriteString(c, "GET /large.mpk HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return read(c)
	}
	if got := fetch(func(c net.Conn) int64 {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		n, _ := io.Copy(io.Discard, r.Body)
		return n
	}); got != size {
		t.Errorf("%d of %d bytes", got, size)
	}
	if got := fetch(func(c net.Conn) (n int64) {
		buf := make([]byte, 1<<10)
		for {
			time.Sleep(10 * time.Millisecond)
			k, err := c.Read(buf)
			if n += int64(k); err != nil || n > size/2 {
				return n
			}
			if n > 150<<10 {
				// By now the server has given up; the rest is what the system has kept.
				k, _ := io.Copy(io.Discard, c)
				return n + k
			}
		}
	}); got >= size {
		t.Errorf("a slow reader got all %d bytes", got)
	}
}

// TestTooMany: one more connection than allowed is closed; a closed one makes room.
func TestTooMany(t *testing.T) {
	t.Parallel()
	addr, stop := serve(t, &Files{FS: open(t, folder(t))}, Limits{AddressConnections: 3, Drain: 100 * time.Millisecond})
	defer stop()
	ask := func(c net.Conn) bool {
		if _, err := io.WriteString(c, "HEAD /foo_1.0.mpk HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return false
		}
		line, err := bufio.NewReader(c).ReadString('\n')
		return err == nil && strings.Contains(line, "200")
	}
	var open []net.Conn
	for range 3 {
		c := dial(t, addr)
		if !ask(c) {
			t.Fatal("not answered")
		}
		open = append(open, c)
	}
	if ask(dial(t, addr)) {
		t.Error("a fourth one is answered")
	}
	_ = open[0].Close()
	for deadline := time.Now().Add(10 * time.Second); !ask(dial(t, addr)); {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection makes no room")
		}
	}
}

// TestDrain: an answer that is under way when the server stops is sent to its end.
func TestDrain(t *testing.T) {
	t.Parallel()
	began, goOn := make(chan struct{}), make(chan struct{})
	addr, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-goOn
		_, _ = io.WriteString(w, "whole")
	}), Limits{})
	c := dial(t, addr)
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	close(goOn)
	if got := ends(t, c); !strings.HasSuffix(got, "whole") {
		t.Errorf("%q", got)
	}
	<-stopped
}

// TestStatus: health, and all the figures in the form that Prometheus reads.
func TestStatus(t *testing.T) {
	t.Parallel()
	var sick error
	m := NewMetrics(Current{
		Queue: func() int { return 3 }, Connections: func() int { return 4 },
		Partials: func() (int, int64, error) { return 5, 600, nil }, Retired: func() (int64, error) { return 0, fmt.Errorf("unreadable") },
	})
	m.Judged("published")
	m.Judged("published")
	m.Judged("rejected")
	m.Received(1000)
	m.Committed(7, 20*time.Millisecond)
	m.LoginFailed()
	h := Status(func() error { return sick }, m)
	if r, body := answer(h, "GET", "/healthz"); r.StatusCode != 200 || body != "ok\n" {
		t.Errorf("%d %q", r.StatusCode, body)
	}
	sick = errors.New("the settings have vanished")
	if r, body := answer(h, "GET", "/healthz"); r.StatusCode != 503 || body != "the settings have vanished\n" {
		t.Errorf("%d %q", r.StatusCode, body)
	}
	_, body := answer(h, "GET", "/metrics")
	for _, line := range []string{
		`mmpush_uploads_total{result="published"} 2`, `mmpush_uploads_total{result="rejected"} 1`, "mmpush_received_bytes_total 1000", `mmpush_commit_uploads_bucket{le="8"} 1`,
		"mmpush_commit_uploads_sum 7", "mmpush_commit_seconds_count 1", "mmpush_login_failures_total 1", "mmpush_queued_uploads 3", "mmpush_connections 4", "mmpush_partial_files 5",
		"mmpush_partial_bytes 600", "go_goroutines ", "process_open_fds ",
	} {
		if !bytes.Contains([]byte(body), []byte("\n"+line)) {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(body, "mmpush_retired_bytes") {
		t.Error("a figure that cannot be read is told")
	}
}

// TestSlowAnswer: who waits for us, for longer than he would have to read the answer, gets it;
// also as a second request on one connection.
func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	const grace = 100 * time.Millisecond
	answer := strings.Repeat("more than a buffer; ", 1<<13)
	addr, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(3 * grace / 2)
		_, _ = io.WriteString(w, answer)
	}), Limits{RateGrace: grace, Rate: 1})
	defer stop()
	c := dial(t, addr)
	answers := bufio.NewReader(c)
	for range 2 {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r.Body); err != nil || string(text) != answer {
			t.Errorf("%d bytes of %d, %v", len(text), len(answer), err)
		}
	}
}
