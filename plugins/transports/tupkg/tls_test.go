package tupkg_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// TestTrust: who is trusted, and that nothing is said to who is not.
func TestTrust(t *testing.T) {
	t.Parallel()
	c := certificate(t)
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.serve(t, tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, Certificates: []tls.Certificate{c}}))
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return at
	}
	own := write("own.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	other := certificate(t)
	foreign := write("foreign.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate[0]}))
	for name, tt := range map[string]struct {
		change func(*tupkg.Server)
		code   report.Code
		kind   report.Kind
		told   string
	}{
		"pinned":            {func(s *tupkg.Server) { s.Fingerprint = fingerprint(&c) }, "", 0, ""},
		"its CA":            {func(s *tupkg.Server) { s.CAFile = own }, "", 0, ""},
		"its CA by name":    {func(s *tupkg.Server) { s.CAFile, s.Host = own, "localhost" }, "", 0, ""},
		"pinned and CA":     {func(s *tupkg.Server) { s.Fingerprint, s.CAFile = fingerprint(&c), foreign }, "", 0, ""},
		"unknown":           {func(s *tupkg.Server) {}, report.CodeCertificate, report.KindTransport, "?fingerprint=sha256:"},
		"another CA":        {func(s *tupkg.Server) { s.CAFile = foreign }, report.CodeCertificate, report.KindTransport, "not trusted"},
		"another pin":       {func(s *tupkg.Server) { s.Fingerprint = fingerprint(&other) }, report.CodeCertificate, report.KindTransport, "is pinned"},
		"CA is no file":     {func(s *tupkg.Server) { s.CAFile = dir + "/none" }, report.CodeCertificate, report.KindUsage, "none"},
		"CA is no PEM":      {func(s *tupkg.Server) { s.CAFile = write("x", []byte("x")) }, report.CodeCertificate, report.KindUsage, "holds no certificate"},
		"not TLS after all": {func(s *tupkg.Server) { s.TLS = false }, report.CodeConnection, report.KindTransport, "login"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tupkg.Server{Host: "127.0.0.1", Port: portOf(l), TLS: true}
			tt.change(&s)
			rep, err := transportTo(s, transport.Options{DryRun: true}).Push(t.Context(), open(t, twoPackages()))
			if tt.code == "" {
				if err != nil || rep.Result != report.Planned {
					t.Fatalf("%+v %v", rep, err)
				}
				return
			}
			e, ok := errors.AsType[*report.Error](err)
			if !ok || e.Code != tt.code || e.Kind != tt.kind || e.Hint == "" || !strings.Contains(e.Error()+e.Hint, tt.told) {
				t.Errorf("%#v", err)
			}
			if strings.Contains(err.Error(), password) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

// farAway is a connection whose other end is another machine.
type farAway struct {
	net.Conn
	wrote *atomic.Int64
}

func (f farAway) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1034} }

func (f farAway) Write(p []byte) (int, error) {
	f.wrote.Add(int64(len(p)))
	return f.Conn.Write(p)
}

// TestPlaintext: no password goes over a connection that others can read, in no
// version, unless that is asked for.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.listen(t, false)
	for _, version1 := range []bool{false, true} {
		var wrote atomic.Int64
		way := transportTo(s, transport.Options{})
		way.Server.Version1 = version1
		way.Wrap = func(n net.Conn) net.Conn { return farAway{n, &wrote} }
		u := open(t, twoPackages())
		_, err := way.Push(t.Context(), u)
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Kind != report.KindUsage || !strings.Contains(e.Hint, "tupkgs://") || !strings.Contains(e.Hint, "--allow-plaintext-passwords") || wrote.Load() > 0 {
			t.Errorf("version 1 %v: %#v, %d bytes written", version1, err, wrote.Load())
		}
		way.AllowPlaintext = true
		if rep, err := way.Push(t.Context(), u); err != nil || rep.Result == report.Rejected || wrote.Load() == 0 {
			t.Errorf("version 1 %v: %+v %v", version1, rep, err)
		}
	}
}

// TestNoLoginWithoutPassword: an empty password is sent to nobody.
func TestNoLoginWithoutPassword(t *testing.T) {
	t.Parallel()
	way := transportTo(tupkg.Server{Host: "127.0.0.1", Port: "1"}, transport.Options{})
	for _, c := range []wire.Credentials{{}, {User: user}, {Password: password}} {
		way.Credentials = c
		if _, err := way.Push(t.Context(), open(t, twoPackages())); report.KindOf(err) != report.KindDenied {
			t.Errorf("%v", err)
		}
	}
}

// TestServerStops: what a server that stops says reaches the user, whether it is tried
// again or not.
func TestServerStops(t *testing.T) {
	t.Parallel()
	for name, patience := range map[string]tupkg.Patience{
		"not tried again": {For: -1}, "tried again": {First: 1, Longest: 1, For: 20_000_000},
	} {
		for _, secure := range []bool{false, true} {
			w := newWorld(t, shortDrain)
			ctx, stop := context.WithCancel(t.Context())
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := tupkg.Server{Host: "127.0.0.1", Port: portOf(l), TLS: secure}
			var listener net.Listener = l
			if secure {
				c := certificate(t)
				s.Fingerprint = fingerprint(&c)
				listener = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, Certificates: []tls.Certificate{c}})
			}
			over := make(chan error, 1)
			go func() { over <- w.Serve(ctx, listener) }()
			way := transportTo(s, transport.Options{})
			way.Patience = patience
			var notices []string
			way.Options.Notice = func(text string) { notices = append(notices, text) }
			way.Wrap = func(n net.Conn) net.Conn {
				return &stopping{Conn: n, after: 300_000, ctx: ctx, stop: stop, spoke: make(chan struct{})}
			}
			_, err = way.Push(t.Context(), open(t, large()))
			e, ok := errors.AsType[*report.Error](err)
			if !ok || e.Kind != report.KindTransport || e.Code != report.CodeConnection || !strings.Contains(e.Error(), "the server stops") || e.Hint == "" {
				t.Errorf("%s, TLS %v: %v; notices %q", name, secure, err, notices)
			}
			if told := strings.Join(notices, "\n"); strings.Contains(told, "the server stops") != (patience.For > 0) {
				t.Errorf("%s, TLS %v: notices %q", name, secure, notices)
			}
			stop()
			if err := <-over; err != nil {
				t.Error(err)
			}
		}
	}
}

// stopping stops the server when so many bytes were written, and then holds each write
// until the other side has spoken or hung up.
type stopping struct {
	net.Conn
	after int
	ctx   context.Context
	stop  func()
	spoke chan struct{}
	told  bool
}

func (s *stopping) Write(p []byte) (int, error) {
	if s.after -= len(p); s.after < 0 {
		s.stop()
		<-s.spoke
	}
	return s.Conn.Write(p)
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if stopped := s.ctx.Err() != nil; stopped && !s.told {
		s.told = true
		close(s.spoke)
	}
	return n, err
}

// TestRefusedWithoutRights: who may nothing is told, before a byte is sent.
func TestRefusedWithoutRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.listen(t, false)
	for _, dry := range []bool{false, true} {
		way := transportTo(s, transport.Options{DryRun: dry})
		way.Credentials.User = "nobody"
		_, err := way.Push(t.Context(), open(t, twoPackages()))
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Kind != report.KindDenied || e.Code != report.CodeRights || e.Hint == "" {
			t.Errorf("dry run %v: %#v", dry, err)
		}
	}
}

// hung is a server that takes the connection and says nothing.
func hung(t *testing.T) tupkg.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-over })
	return tupkg.Server{Host: "127.0.0.1", Port: portOf(l)}
}

// TestDeadlines: a server that says nothing is not waited for without end.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		for _, version1 := range []bool{false, true} {
			s := hung(t)
			s.TLS, s.Version1 = secure, version1
			way := transportTo(s, transport.Options{})
			way.Deadlines = tupkg.Deadlines{Dial: 50_000_000, Login: 50_000_000}
			_, err := way.Push(t.Context(), open(t, twoPackages()))
			if report.CodeOf(err) != report.CodeConnection || report.KindOf(err) != report.KindTransport {
				t.Errorf("TLS %v, version 1 %v: %v", secure, version1, err)
			}
		}
	}
}
