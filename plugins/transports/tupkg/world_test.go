package tupkg_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// TestMain fails when a test leaves a goroutine of ours behind.
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
	buf := make([]byte, 4<<20)
	for deadline := time.Now().Add(3 * time.Second); ; runtime.Gosched() {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if (strings.Contains(g, "core/tupkg.") || strings.Contains(g, "core/server.") || strings.Contains(g, "transports/tupkg.")) && !strings.Contains(g, "TestMain") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}

const (
	user     = "bfinch@example.net"
	password = "B0b+50%"
)

// users: bfinch may publish everything, nobody nothing.
var users = sync.OnceValue(func() *access.Authenticator {
	hash, err := access.NewHash(access.NewSecret(password))
	if err != nil {
		panic(err)
	}
	all, err := access.ParseRight("*:*:publish,rebuild,downgrade,take-over")
	if err != nil {
		panic(err)
	}
	f, err := access.New("users").Add(user, hash, []access.Right{all})
	if err == nil {
		f, err = f.Add("nobody", hash, nil)
	}
	if err != nil {
		panic(err)
	}
	return access.NewAuthenticator(f, access.Stamp{}, access.Options{})
})

// logged is a log that may be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a repository in memory and a server of it.
type world struct {
	*server.Server
	disk *vfs.Mem
	log  logged
}

func newWorld(t testing.TB, change ...func(*server.Options)) *world {
	t.Helper()
	w := &world{disk: vfs.NewMem(time.Now)}
	if _, _, err := repo.Init(context.Background(), w.disk, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: transporttest.Arch}); err != nil {
		t.Fatal(err)
	}
	o := server.Options{
		Open:  func() (*repo.Repo, error) { return pipeline.Open(w.disk, "/repo") },
		Users: users(), State: w.disk, Dir: repo.MetaDir,
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&o)
	}
	s, err := server.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Server = s
	t.Cleanup(func() {
		_ = w.Close()
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	return w
}

// dial is a connection to the server that no network lies between.
func (w *world) dial(t testing.TB) net.Conn {
	t.Helper()
	client, far := net.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		w.ServeConn(context.Background(), far)
	}()
	t.Cleanup(func() { _ = client.Close(); <-over })
	return client
}

func (w *world) dialer(t testing.TB) tupkg.Dial {
	return func(context.Context) (io.ReadWriteCloser, error) { return w.dial(t), nil }
}

// login begins a conversation as a user, in band.
func login(name string) wire.ConnectOptions {
	return wire.ConnectOptions{
		Options:     wire.Options{DrainTime: 500 * time.Millisecond},
		Credentials: wire.Credentials{User: name, Password: password}, Start: wire.StartInBand,
	}
}

func quickly() tupkg.Patience {
	return tupkg.Patience{First: time.Millisecond, Longest: 10 * time.Millisecond, For: 10 * time.Second}
}

// listen serves on a port of this machine until the test ends; with a certificate over
// TLS.
func (w *world) listen(t testing.TB, secure bool) tupkg.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := tupkg.Server{Host: host, Port: port, TLS: secure}
	if secure {
		c := certificate(t)
		sum := sha256.Sum256(c.Certificate[0])
		s.Fingerprint = sum[:]
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{wire.ALPN}, Certificates: []tls.Certificate{c}})
	}
	w.serve(t, l)
	return s
}

// serve serves on a listener until the test ends.
func (w *world) serve(t testing.TB, l net.Listener) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- w.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// shortDrain is a server that stops soon when it is told to.
func shortDrain(o *server.Options) { o.Limits.Drain = time.Millisecond }

// certificate is a self-signed one.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	text, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}
}

// transportTo pushes to a server of this machine.
func transportTo(s tupkg.Server, o transport.Options) *tupkg.Transport {
	return &tupkg.Transport{
		Server: s, Credentials: wire.Credentials{User: user, Password: password}, Options: o, Patience: quickly(), Agent: "mmpush/test",
		Memory: tupkg.Memory{FS: vfs.NewMem(time.Now)},
	}
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func fingerprint(c *tls.Certificate) []byte {
	sum := sha256.Sum256(c.Certificate[0])
	return sum[:]
}
