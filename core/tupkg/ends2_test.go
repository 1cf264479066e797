package tupkg

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// The end of the client's context cancels the upload; what came is kept, and both the
// server and the connection go on.
func TestCancel(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	o := quick()
	c, wait := session2(t, h, o)
	ctx, cancel := context.WithCancelCause(t.Context())
	big := File{Name: "big", Size: 1 << 35, SHA256: shaOf(nil), Content: endless{}}
	set := Set{Files: []File{big}, Progress: func(p Progress) {
		if p.Done > 1<<20 {
			cancel(errDisk)
		}
	}}
	result, err := c.Push(ctx, set)
	if !errorsAre(err, errDisk) || result.Sent < 1<<20 {
		t.Errorf("%v after %d bytes", err, result.Sent)
	}
	if kept := int64(len(h.content("big"))); kept != result.Sent {
		t.Errorf("%d bytes kept of %d", kept, result.Sent)
	}
	// While the server judges.
	ctx, cancel = context.WithCancelCause(t.Context())
	h.onVerdict = func(ctx context.Context, tell func(Progress)) error {
		cancel(errDisk)
		<-ctx.Done()
		return ctx.Err()
	}
	if _, err := c.Push(ctx, Set{Files: smallFiles()}); !errorsAre(err, errDisk) {
		t.Errorf("during the verdict: %v", err)
	}
	h.onVerdict = nil
	if result, err := c.Push(t.Context(), Set{Files: smallFiles()}); err != nil || !result.Pass() {
		t.Errorf("afterwards: %+v, %v", result, err)
	}
	_ = c.Close()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// A CANCEL that comes too late to change anything gets the verdict.
func TestCancelTooLate(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	c, _ := session2(t, h, quick())
	ctx, cancel := context.WithCancel(t.Context())
	h.onVerdict = func(ctx context.Context, _ func(Progress)) error {
		cancel()
		<-ctx.Done()
		return nil
	}
	if result, err := c.Push(ctx, Set{Files: smallFiles()}); err != nil || !result.Pass() {
		t.Errorf("%+v, %v", result, err)
	}
}

// A server that hangs does not hold a client that gives up.
func TestCancelOfHangingServer(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	c, wait := session2(t, h, quick())
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	h.onVerdict = func(context.Context, func(Progress)) error {
		cancel()
		<-release
		return nil
	}
	_, err := c.Push(ctx, Set{Files: smallFiles()})
	close(release)
	if !errorsAre(err, context.Canceled) {
		t.Error(err)
	}
	if !errorsAre(wait(), ErrBroken) {
		t.Error("the server has not noticed")
	}
}

// An upload that has arrived whole is judged although the client is gone.
func TestVerdictWithoutClient(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	judged := make(chan error, 1)
	u := uploadMessage{ID: 1, Files: []declaredFile{{Name: "a", Size: 1, SHA256: shaOf([]byte("x"))}}}
	body, _ := json.Marshal(u)
	said := appendMessage2(nil, kindUpload, body)
	said = appendMessage2(said, kindData, []byte("\x00\x00\x00\x01\x00\x00\x00\x00x"))
	h.onVerdict = func(ctx context.Context, _ func(Progress)) error {
		select {
		case <-ctx.Done():
			judged <- ctx.Err()
		case <-time.After(20 * time.Millisecond):
			judged <- nil
		}
		return nil
	}
	if err := ServeSession(t.Context(), connOf(said), &memSession{h, testUser}, quick()); err != nil {
		t.Error(err)
	}
	if err := <-judged; err != nil {
		t.Error(err)
	}
}

// Cut after any byte, resumed in the next connection: nothing is sent twice.
func TestVersion2CutAtEveryByte(t *testing.T) {
	t.Parallel()
	conn, wait := duplex(t, starts(t, newMemHost())[StartSession])
	rec := &recorder{Conn: conn}
	c, err := Connect(t.Context(), rec, connectOptions(StartSession))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Push(t.Context(), Set{Files: smallFiles()}); err != nil || c.Close() != nil || wait() != nil {
		t.Fatal(err)
	}
	whole := rec.said.Bytes()
	for k := range len(whole) + 1 {
		h := newMemHost()
		err := ServeSession(t.Context(), connOf(whole[:k]), &memSession{h, testUser}, quick())
		if ends := k == 0 || k == len(whole); ends != (err == nil) || err != nil && !errorsAre(err, ErrBroken) {
			t.Fatalf("cut at %d: %v", k, err)
		}
		arrived := h.received
		c, _ := session2(t, h, quick())
		result, err := c.Push(t.Context(), Set{Files: smallFiles()})
		if err != nil || !result.Pass() || result.Skipped != arrived || result.Sent != total(smallFiles())-arrived {
			t.Fatalf("cut at %d: %d of %d arrived; %+v, %v", k, arrived, total(smallFiles()), result, err)
		}
		_ = c.Close()
	}
}

// A TCP client that closes its half while the server judges gets its verdict.
func TestHalfClosedClient(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	h, done := newMemHost(), make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = ServeSession(t.Context(), conn, &memSession{h, testUser}, quick())
		}
		done <- err
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(t.Context(), conn, connectOptions(StartSession))
	if err != nil {
		t.Fatal(err)
	}
	h.onVerdict = func(context.Context, func(Progress)) error { return conn.(*net.TCPConn).CloseWrite() }
	if result, err := c.Push(t.Context(), Set{Files: smallFiles()}); err != nil || !result.Pass() {
		t.Errorf("%+v, %v", result, err)
	}
	_ = c.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A server that stops says so to whoever is connected, with or without an upload.
func TestShutdownIsTold(t *testing.T) {
	t.Parallel()
	for _, sending := range []bool{false, true} {
		ctx, stop := context.WithCancelCause(t.Context())
		h := newMemHost()
		conn, wait := duplex(t, func(c Conn) error { return ServeSession(ctx, c, &memSession{h, testUser}, quick()) })
		c, err := Connect(t.Context(), conn, connectOptions(StartSession))
		if err != nil {
			t.Fatal(err)
		}
		shutdown := &Refusal{Code: CodeShutdown, Reason: "the server stops"}
		set := Set{Files: smallFiles()}
		if sending {
			big := File{Name: "big", Size: 1 << 35, SHA256: shaOf(nil), Content: endless{}}
			set = Set{Files: []File{big}, Progress: func(p Progress) {
				if p.Done > 1<<20 {
					stop(shutdown)
				}
			}}
		} else {
			stop(shutdown)
		}
		_, err = c.Push(t.Context(), set)
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Code != CodeShutdown || r.Reason != shutdown.Reason {
			t.Errorf("sending %v: %v", sending, err)
		}
		_ = c.Close()
		if err := wait(); !errorsAre(err, ErrRefused) {
			t.Errorf("sending %v: the server's end: %v", sending, err)
		}
	}
}

// Who is told to go while the Host still looks at the declaration hears why.
func TestAbortedDeclaration(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	h.onDeclare = func(d Declaration) error {
		d.Abort(&Refusal{Code: CodeReplaced, Reason: "a newer session"})
		return context.Canceled
	}
	c, _ := session2(t, h, quick())
	_, err := c.Push(t.Context(), Set{Files: smallFiles()})
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Code != CodeReplaced {
		t.Errorf("version 2: %v", err)
	}
	conn, wait := serveV1(t, h)
	o := uploadOptions(Document)
	o.WantReason = true
	if _, err := Upload(t.Context(), conn, smallFiles(), o); !errorsAre(err, ErrRefused) || !strings.Contains(err.Error(), "a newer session") {
		t.Errorf("version 1: %v", err)
	}
	if err := wait(); !errorsAre(err, ErrRefused) {
		t.Errorf("version 1, the server: %v", err)
	}
}
