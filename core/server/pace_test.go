package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	number "math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/tupkg"
)

// short is a limit that a test waits for; never one that it never does.
const (
	short = 50 * time.Millisecond
	never = time.Hour
)

// said is one message of version 1.
func said(text string) string {
	return string([]byte{byte(len(text) >> 8), byte(len(text))}) + text
}

// TestDeadlines: whoever does not go on in time is hung up on, in each phase; and only by
// the limit of that phase.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	login := said("username=" + bfinch + "&password=B0b+50%25")
	declared := login + said("numpkgs=1&name1=a&size1=1000000&md5sum1="+strings.Repeat("0", 32))
	for name, c := range map[string]struct {
		limits Limits
		sent   string
		drip   bool
	}{
		"login":       {Limits{Login: short, Idle: never, RateGrace: never}, "", false},
		"half login":  {Limits{Login: short, Idle: never, RateGrace: never}, login[:10], false},
		"declaration": {Limits{Login: never, Idle: short, RateGrace: never}, login, false},
		"data":        {Limits{Login: never, Idle: short, RateGrace: never}, declared + "abc", false},
		"min rate":    {Limits{Login: never, Idle: never, RateGrace: short, Rate: 1 << 30}, declared, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *Options) { o.Limits = c.limits })
			client, done := w.dial(t)
			go func() {
				_, err := client.Write([]byte(c.sent))
				for c.drip && err == nil {
					_, err = client.Write([]byte("x"))
				}
			}()
			_, _ = io.Copy(io.Discard, client)
			done()
			if !strings.Contains(w.log.String(), "timeout") && !strings.HasSuffix(name, "login") {
				t.Errorf("another end:\n%s", w.log.String())
			}
		})
	}
}

// TestSlowReader: who does not read what the server says is hung up on.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Idle = short })
	client, done := w.dial(t)
	if _, err := client.Write([]byte(said("username=" + bfinch + "&password=B0b+50%25"))); err != nil {
		t.Fatal(err)
	}
	done()
}

// TestInTime: a slow but steady client is served to its end.
func TestInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) {
		o.Limits.Login, o.Limits.Idle, o.Limits.RateGrace, o.Limits.Rate = 20*time.Second, 20*time.Second, short, 1000
	})
	r, err := w.v2(t, bfinch, tupkg.Set{}, big("big"))
	mustPass(t, r, err)
}

// certificate is one that nobody trusts.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: number.NewInt(1), NotAfter: time.Now().Add(never)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		NextProtos: []string{ALPN}, InsecureSkipVerify: true, MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
}

// TestHandshakeTime: who does not go on with TLS is hung up on.
func TestHandshakeTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Login, o.Limits.Idle = short, never })
	client, server := net.Pipe()
	defer client.Close()
	over := make(chan struct{})
	go func() { defer close(over); w.ServeConn(context.Background(), tls.Server(server, certificate(t))) }()
	_, _ = client.Write([]byte{22, 3, 1})
	<-over
}

// TestTooManyAreTold: one connection too many hears why, in each version; when very many
// come, they are closed at once.
func TestTooManyAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Connections, o.Limits.Login = 1, never })
	w.dial(t)
	until(t, func() bool { return w.connections() == 1 })
	client, done := w.dial(t)
	_, err := tupkg.Upload(t.Context(), client, nil, tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch), WantReason: true})
	if !errors.Is(err, tupkg.ErrLogin) {
		t.Errorf("version 1: %v", err)
	}
	done()
	config, over := certificate(t), make(chan struct{})
	client, server := tcpPipe(t)
	go func() { defer close(over); w.ServeConn(context.Background(), tls.Server(server, config)) }()
	_, err = tupkg.Connect(t.Context(), tls.Client(client, config), tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch), Start: tupkg.StartLogin})
	told, ok := errors.AsType[*tupkg.Refusal](err)
	if !ok || told.Code != tupkg.CodeBusy || !strings.Contains(told.Reason, "has its 1 connections already") {
		t.Errorf("version 2: %v", err)
	}
	<-over
	for range turnedAway {
		w.dial(t)
	}
	until(t, func() bool { return w.connections() == 1+turnedAway })
	client, done = w.dial(t)
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	done()
	// The limit of one address does not depend on the others.
	w = newWorld(t, func(o *Options) { o.Limits.AddressConnections = 1 })
	w.dial(t)
	until(t, func() bool { return w.connections() == 1 })
	client, server = net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, client) }()
	w.AllowPlaintextPasswords = true
	go func() { fmt.Fprint(client, said("username="+bfinch+"&password=x"), "") }()
	w.ServeConn(context.Background(), faraway{server})
	if strings.Contains(w.log.String(), "your address has") {
		t.Errorf("%s", w.log.String())
	}
}

// tcpPipe are the two ends of a real connection.
func tcpPipe(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err == nil {
		server, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

func (w *world) connections() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.conns)
}

// until waits for what another goroutine is about to do.
func until(t testing.TB, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !true(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("it never happens")
		}
	}
}

// TestDrainTells: a client of version 2 that waits for the next upload hears that the
// server stops, and why.
func TestDrainTells(t *testing.T) {
	t.Parallel()
	for _, encrypted := range []bool{false, true} {
		w := newWorld(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config := certificate(t)
		listener, start := l, tupkg.StartInBand
		if encrypted {
			listener, start = tls.NewListener(l, config), tupkg.StartLogin
		}
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- w.Serve(ctx, listener) }()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if encrypted {
			conn = tls.Client(conn, config)
		}
		c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch), Start: start})
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Push(t.Context(), setOf(tupkg.Set{}, built("foo", "1.0")))
		mustPass(t, r, err)
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		_, err = c.Push(t.Context(), setOf(tupkg.Set{}, built("bar", "1.0")))
		if told, ok := errors.AsType[*tupkg.Refusal](err); !ok || told.Code != tupkg.CodeShutdown {
			t.Errorf("encrypted %v: %v", encrypted, err)
		}
		_ = c.Close()
	}
}
