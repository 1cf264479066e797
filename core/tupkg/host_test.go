package tupkg

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// TestMain fails when a test leaves a goroutine of this package behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines waits for those that are about to end.
func leftGoroutines() string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(3 * time.Second); ; runtime.Gosched() {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "core/tupkg.") && !strings.Contains(g, "tupkg.TestMain") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

const (
	testUser     = "bfinch@example.net"
	testPassword = "B0b"
)

// errLazy makes a memHost receive nothing and call that a success.
var errLazy = errors.New("no bytes were read")

// memHost keeps everything in memory. Its partials are keyed by user, name, size and
// hash, so that other content never continues one.
type memHost struct {
	mu       sync.Mutex
	users    map[string]string
	store    map[string][]byte
	attempts int
	// declared are all declarations, received the bytes that came in.
	declared []Declaration
	received int64
	closed   int
	// What a test wants to happen.
	onDeclare func(Declaration) error
	onReceive func(i int, r io.Reader) error
	onVerdict func(context.Context, func(Progress)) error
	held      func([]int64) []int64
	report    report.Report
}

func newMemHost() *memHost {
	return &memHost{users: map[string]string{testUser: testPassword}, store: map[string][]byte{}, report: report.Report{Schema: report.Schema, Result: report.Published}}
}

func (h *memHost) Authenticate(_ context.Context, l Login) (Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempts++
	want, ok := h.users[l.User]
	if !ok || !slices.Contains(l.Passwords, Password(want)) {
		return nil, &Refusal{Code: CodeDenied, Reason: "user or password is wrong"}
	}
	return &memSession{h, l.User}, nil
}

type memSession struct {
	h    *memHost
	user string
}

func (s *memSession) Declare(_ context.Context, d Declaration) (Intake, error) {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.declared = append(s.h.declared, d)
	if s.h.onDeclare != nil {
		if err := s.h.onDeclare(d); err != nil {
			return nil, err
		}
	}
	return &memIntake{s, d}, nil
}

type memIntake struct {
	s *memSession
	d Declaration
}

func storeKey(user string, f Declared) string {
	return fmt.Sprintf("%s/%s/%d/%s%s", user, f.Name, f.Size, f.MD5, f.SHA256)
}

func (in *memIntake) key(i int) string { return storeKey(in.s.user, in.d.Files[i]) }

func (in *memIntake) Held() []int64 {
	in.s.h.mu.Lock()
	defer in.s.h.mu.Unlock()
	held := make([]int64, len(in.d.Files))
	for i := range held {
		held[i] = int64(len(in.s.h.store[in.key(i)]))
	}
	if in.s.h.held != nil {
		return in.s.h.held(held)
	}
	return held
}

func (in *memIntake) Receive(_ context.Context, i int, r io.Reader) error {
	if in.s.h.onReceive != nil {
		if err := in.s.h.onReceive(i, r); errors.Is(err, errLazy) {
			return nil
		} else if err != nil {
			return err
		}
	}
	data, err := io.ReadAll(r)
	in.s.h.mu.Lock()
	defer in.s.h.mu.Unlock()
	in.s.h.received += int64(len(data))
	in.s.h.store[in.key(i)] = append(in.s.h.store[in.key(i)], data...)
	return err
}

func (in *memIntake) Verdict(ctx context.Context, tell func(Progress)) (Verdict, error) {
	if in.s.h.onVerdict != nil {
		if err := in.s.h.onVerdict(ctx, tell); err != nil {
			return Verdict{}, err
		}
	}
	in.s.h.mu.Lock()
	defer in.s.h.mu.Unlock()
	v := Verdict{Report: in.s.h.report}
	for i, f := range in.d.Files {
		data := in.s.h.store[in.key(i)]
		ok := f.MD5 == md5Of(data) || f.SHA256 == shaOf(data)
		r := FileVerdict{Pass: ok}
		if !ok {
			r.Reason = "the hash differs"
			delete(in.s.h.store, in.key(i))
		}
		v.Files = append(v.Files, r)
	}
	return v, nil
}

func (in *memIntake) Close() error {
	in.s.h.mu.Lock()
	defer in.s.h.mu.Unlock()
	in.s.h.closed++
	return nil
}

// content is what the host holds of a file, by its name.
func (h *memHost) content(name string) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, data := range h.store {
		if strings.Contains(key, "/"+name+"/") {
			return data
		}
	}
	return nil
}

func md5Of(b []byte) string { s := md5.Sum(b); return hex.EncodeToString(s[:]) }
func shaOf(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func fileOf(name string, data []byte) File {
	return File{Name: name, Size: int64(len(data)), MD5: md5Of(data), SHA256: shaOf(data), Content: bytes.NewReader(data)}
}

// memConn is a connection whose other side has said all it will say, and then closed.
type memConn struct {
	in  io.Reader
	out bytes.Buffer
}

func connOf(said []byte) *memConn              { return &memConn{in: bytes.NewReader(said)} }
func (c *memConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *memConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *memConn) Close() error                { return nil }

// frames takes a stream of version 1 messages apart.
func frames(t *testing.T, b []byte) []string {
	t.Helper()
	var all []string
	for r := bytes.NewReader(b); ; {
		body, err := readFrame(r, MaxMessage)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("not a stream of messages: %q: %v", b, err)
		}
		all = append(all, string(body))
	}
}

// framed is a stream of version 1 messages.
func framed(messages ...string) []byte {
	var b bytes.Buffer
	for _, m := range messages {
		if err := writeFrame(&b, m); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

const (
	loginOK = "username=bfinch@example.net&password=B0b"
	passed  = "result=PASS"
	failed  = "result=FAIL"
)

// quick are options whose waits are short.
func quick() Options {
	return Options{DrainTime: 200 * time.Millisecond, AckTime: 200 * time.Millisecond}
}

// serveBytes has a whole conversation with a client that has said all it will say.
func serveBytes(t *testing.T, h Host, said []byte) (string, error) {
	t.Helper()
	conn := connOf(said)
	err := Serve(t.Context(), conn, h, quick())
	return conn.out.String(), err
}

// duplex starts a server on one end of a pipe and gives the other end. wait gives the
// server's error.
func duplex(t *testing.T, serve func(Conn) error) (client net.Conn, wait func() error) {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- serve(server) }()
	t.Cleanup(func() { _ = client.Close() })
	return client, func() error {
		t.Helper()
		select {
		case err := <-done:
			return err
		case <-time.After(10 * time.Second):
			t.Fatal("the server hangs")
			return nil
		}
	}
}

// serveV1 is duplex for a version 1 server of this host.
func serveV1(t *testing.T, h Host) (net.Conn, func() error) {
	return duplex(t, func(c Conn) error { return Serve(t.Context(), c, h, quick()) })
}

func uploadOptions(d Dialect) UploadOptions {
	return UploadOptions{Options: quick(), Credentials: Credentials{testUser, testPassword}, Dialect: d}
}
