package tupkg

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var errDisk = errors.New("the disk is on fire")

// What the server says when its Host does not do what it was asked for, and what the
// caller gets to know.
func TestHostFailures(t *testing.T) {
	t.Parallel()
	refusal := &Refusal{Code: CodeBusy, Reason: "the quota is used up"}
	body := decl("a", "3", md5Of([]byte("abc")))
	tests := []struct {
		name  string
		host  func(*memHost)
		want  []string
		isErr error
	}{
		{"declaration refused", func(h *memHost) { h.onDeclare = func(Declaration) error { return refusal } }, []string{passed, failed}, ErrRefused},
		{"declaration broken", func(h *memHost) { h.onDeclare = func(Declaration) error { return errDisk } }, []string{passed, failed}, errDisk},
		{"data refused", func(h *memHost) { h.onReceive = func(int, io.Reader) error { return refusal } }, []string{passed, "offers", "np=1&m1=FAIL"}, ErrRefused},
		{"data broken", func(h *memHost) { h.onReceive = func(int, io.Reader) error { return errDisk } }, []string{passed, "offers", "np=1&m1=FAIL"}, errDisk},
		{"verdict refused", func(h *memHost) {
			h.onVerdict = func(context.Context, func(Progress)) error { return refusal }
		}, []string{passed, "offers", "np=1&m1=FAIL"}, ErrRefused},
		{"verdict broken", func(h *memHost) {
			h.onVerdict = func(context.Context, func(Progress)) error { return errDisk }
		}, []string{passed, "offers", "np=1&m1=FAIL"}, errDisk},
		{"more held than there is", func(h *memHost) { h.held = func([]int64) []int64 { return []int64{4} } }, []string{passed, failed}, nil},
		{"less than nothing held", func(h *memHost) { h.held = func([]int64) []int64 { return []int64{-1} } }, []string{passed, failed}, nil},
		{"too few offers", func(h *memHost) { h.held = func([]int64) []int64 { return nil } }, []string{passed, failed}, nil},
		{"data not read", func(h *memHost) { h.onReceive = func(int, io.Reader) error { return errLazy } }, []string{passed, "offers", "np=1&m1=FAIL"}, nil},
		{"aborted", func(h *memHost) {
			h.onReceive = func(int, io.Reader) error {
				h.declared[0].Abort(&Refusal{Code: CodeReplaced, Reason: "a newer session took over"})
				return nil
			}
		}, []string{passed, "offers", "np=1&m1=FAIL"}, ErrRefused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			tt.host(h)
			got, err := serveBytes(t, h, slices.Concat(framed(loginOK, body), []byte("abc"), framed(ack)))
			messages := frames(t, []byte(got))
			if i := slices.Index(tt.want, "offers"); i >= 0 {
				tt.want[i] = "numpkgs=1&name1=a&size1=0"
			}
			if !slices.Equal(messages, tt.want) {
				t.Errorf("answers %q, want %q", messages, tt.want)
			}
			if err == nil || tt.isErr != nil && !errors.Is(err, tt.isErr) {
				t.Errorf("error %v", err)
			}
			if strings.Contains(got, "fire") {
				t.Errorf("the client is told the server's own troubles: %q", got)
			}
			if len(h.declared) == 1 && h.onDeclare == nil && h.closed != 1 {
				t.Errorf("the intake was closed %d times", h.closed)
			}
		})
	}
}

// After its last word the server reads on for a while before it closes: a close with
// unread bytes would throw the word away.
func TestDrainsAfterRefusal(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	h.onReceive = func(int, io.Reader) error { return &Refusal{Code: CodeBusy, Reason: "the disk is full"} }
	for _, said := range [][]byte{
		framed("nonsense", "and more"),
		framed(loginOK, "nonsense", "and more"),
		slices.Concat(framed(loginOK, decl("a", "300000", zeroMD5)), make([]byte, 300_000)),
	} {
		in := bytes.NewReader(said)
		if err := Serve(t.Context(), &memConn{in: in}, h, quick()); err == nil || in.Len() > 0 {
			t.Errorf("%d bytes were not read, %v", in.Len(), err)
		}
	}
}

// A client that has sent an unknown key is told why; nobody else is.
func TestReason(t *testing.T) {
	t.Parallel()
	got, _ := serveBytes(t, newMemHost(), framed("username=x&password=y&want=reason"))
	if want := "result=FAIL&reason=user%20or%20password%20is%20wrong"; !slices.Equal(frames(t, []byte(got)), []string{want}) {
		t.Errorf("login: %q", got)
	}
	said := slices.Concat(framed(loginOK, decl("a", "3", zeroMD5)+wantReasonKey), []byte("abc"), framed(ack))
	got, err := serveBytes(t, newMemHost(), said)
	if messages := frames(t, []byte(got)); err != nil || messages[2] != "np=1&m1=FAIL&reason=a:%20the%20hash%20differs" {
		t.Errorf("results: %q, %v", messages, err)
	}
	got, _ = serveBytes(t, newMemHost(), framed(loginOK, decl("../x", "3", zeroMD5)+wantReasonKey))
	if strings.Contains(got, "reason") {
		t.Errorf("a declaration that could not be read: %q", got)
	}
	h := newMemHost()
	h.onDeclare = func(Declaration) error { return &Refusal{Reason: strings.Repeat("é", 40_000)} }
	got, _ = serveBytes(t, h, framed(loginOK, decl("a", "3", zeroMD5)+wantReasonKey))
	if messages := frames(t, []byte(got)); !strings.HasPrefix(messages[1], "result=FAIL&reason=%C3%A9") {
		t.Errorf("a long reason: %q", messages)
	}
}

func TestPhases(t *testing.T) {
	t.Parallel()
	var server, client []Phase
	conn, wait := duplex(t, func(c Conn) error {
		o := quick()
		o.Phase = func(p Phase) { server = append(server, p) }
		return Serve(t.Context(), c, newMemHost(), o)
	})
	o := uploadOptions(Document)
	o.Phase = func(p Phase) { client = append(client, p) }
	_, err := Upload(t.Context(), conn, smallFiles(), o)
	if err != nil || wait() != nil {
		t.Fatal(err)
	}
	want := []Phase{PhaseLogin, PhaseMetadata, PhaseOffers, PhaseData, PhaseVerdict, PhaseAck, PhaseClose}
	if !slices.Equal(server, want) || !slices.Equal(client, want[:len(want)-1]) {
		t.Errorf("server %v, client %v", server, client)
	}
}

// Who never sends the ack, or never reads a refusal, holds the server a bounded time.
func TestServerWaitsAreBounded(t *testing.T) {
	t.Parallel()
	conn, wait := serveV1(t, newMemHost())
	_, _ = conn.Write(framed(loginOK))
	_, _ = readFrame(conn, MaxMessage)
	_, _ = conn.Write(framed("numpkgs=0"))
	_, _ = readFrame(conn, MaxMessage)
	_, _ = readFrame(conn, MaxMessage)
	if err := wait(); !errorsAre(err, ErrBroken) || !strings.Contains(err.Error(), "the ack") {
		t.Errorf("no ack: %v", err)
	}
	conn, wait = serveV1(t, newMemHost())
	_, _ = conn.Write(framed("nonsense"))
	if err := wait(); !errorsAre(err, ErrProtocol) {
		t.Errorf("refusal not read: %v", err)
	}
}

// The end of the context ends the conversation wherever it is.
func TestContextEndsServer(t *testing.T) {
	t.Parallel()
	steps := [][]byte{nil, framed(loginOK), framed("numpkgs=1&name1=a&size1=3&md5sum1=" + zeroMD5), []byte("ab")}
	for n := range steps {
		ctx, cancel := context.WithCancelCause(t.Context())
		conn, wait := duplex(t, func(c Conn) error { return Serve(ctx, c, newMemHost(), quick()) })
		for i, step := range steps[:n+1] {
			_, _ = conn.Write(step)
			if i == 1 || i == 2 {
				_, _ = readFrame(conn, MaxMessage)
			}
		}
		cancel(errDisk)
		if err := wait(); !errorsAre(err, ErrBroken, errDisk) {
			t.Errorf("after step %d: %v", n, err)
		}
	}
}

// A newer session takes over while the older waits for data: the older is told.
func TestTakeOverWakesOlder(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	conn, wait := serveV1(t, h)
	_, _ = conn.Write(framed(loginOK))
	_, _ = readFrame(conn, MaxMessage)
	_, _ = conn.Write(framed(decl("a", "3", zeroMD5)))
	_, _ = readFrame(conn, MaxMessage)
	_, _ = conn.Write([]byte("a"))
	h.declared[0].Abort(&Refusal{Code: CodeReplaced, Reason: "a newer session took over"})
	body, err := readFrame(conn, MaxMessage)
	if string(body) != "np=1&m1=FAIL" {
		t.Errorf("%q, %v", body, err)
	}
	_ = conn.Close()
	if err := wait(); !errorsAre(err, ErrRefused) || !strings.Contains(err.Error(), "a newer session") {
		t.Error(err)
	}
	if string(h.content("a")) != "a" {
		t.Errorf("the byte that came is lost: %q", h.content("a"))
	}
}

// Over TCP a refusal arrives although the client is still sending.
func TestRefusalArrivesOverTCP(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	h := newMemHost()
	h.onReceive = func(int, io.Reader) error { return &Refusal{Code: CodeBusy, Reason: "the disk is full"} }
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = Serve(t.Context(), conn, h, quick())
		}
		done <- err
	}()
	conn, err := net.DialTimeout("tcp", listener.Addr().String(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	o := uploadOptions(Document)
	o.WantReason = true
	_, err = Upload(t.Context(), conn, []File{fileOf("big", make([]byte, 8<<20))}, o)
	if !errorsAre(err, ErrRefused) || !strings.Contains(err.Error(), "the disk is full") {
		t.Error(err)
	}
	if err := <-done; !errorsAre(err, ErrRefused) {
		t.Error(err)
	}
}
