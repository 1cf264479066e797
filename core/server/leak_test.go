package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	bignumber "math/big"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestNothingIsLeft: after a server on a real disk, with TCP and TLS, and with clients
// that stop in every phase, no goroutine and no descriptor is left. It is alone while it
// runs: what others have open would be counted.
func TestNothingIsLeft(t *testing.T) {
	config := selfSigned(t)
	sharedUsers()
	busyServer(t, config) // the first one opens what stays open, such as the poller
	runtime.GC()
	others := goleak.IgnoreCurrent()
	before := descriptors(t)
	busyServer(t, config)
	goleak.VerifyNone(t, others)
	runtime.GC()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors were open, and now %d", before, after)
	}
}

// descriptors is how many are open; 0 where that cannot be seen.
func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// busyServer runs a server, has all kinds of sessions with it, and stops it.
func busyServer(t *testing.T, config *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	if _, _, err := repo.Init(t.Context(), folder, dir, pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	w := &world{users: sharedUsers()}
	w.start(t, func(o *Options) {
		o.State, o.Open = folder, func() (*repo.Repo, error) { return pipeline.Open(folder, dir) }
		o.Limits.Drain = 50 * time.Millisecond
	})
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, plain, tls.NewListener(secure, config)) }()
	var open []net.Conn
	for _, said := range endings() {
		for _, l := range []net.Listener{plain, secure} {
			for _, hold := range []bool{false, true} {
				conn, err := dialTCP(l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				_, _ = conn.Write(said)
				if hold {
					open = append(open, conn)
				} else {
					_ = conn.Close()
				}
			}
		}
	}
	for _, version2 := range []bool{false, true} {
		if r, err := pushTCP(plain.Addr().String(), bfinch, version2, built("foo", "1.0")...); err != nil || !r.Pass() {
			t.Errorf("%+v %v", r, err)
		}
	}
	conn, err := tls.Dial("tcp", secure.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{ALPN}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tupkg.Connect(t.Context(), conn, tupkg.ConnectOptions{Start: tupkg.StartLogin, Credentials: credentials(bfinch)})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Push(t.Context(), setOf(tupkg.Set{}, built("bar", "1.0"))); err != nil || !r.Pass() {
		t.Errorf("%+v %v", r, err)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	_ = c.Close()
	for _, conn := range open {
		_ = conn.Close()
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// endings are the beginnings of sessions that go no further.
func endings() [][]byte {
	login := "username=" + bfinch + "&password=B0b%2B50%25"
	decl := declared(false, [3]string{"a", "100000", wrongMD5})
	return [][]byte{
		nil, {0}, frame(login)[:9], frame(login), frame("username=x&password=y"), frame(login, decl), append(frame(login, decl), bytes.Repeat([]byte("x"), 5000)...),
		frame(login, "nonsense"), frame(login + "&tupkg=2"), append(frame(login+"&tupkg=2"), "U\x00\x00"...), []byte("GET / HTTP/1.1\r\n\r\n"), {0x16, 3, 1, 2, 0, 1},
	}
}

// selfSigned is a configuration for TLS that chooses version 2.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: bignumber.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{ALPN}, MinVersion: tls.VersionTLS13}
}

// TestDrainMeetsADeclaration: a session whose declaration is being looked at when the
// time of the drain is over does not go on to receive for as long as it likes.
func TestDrainMeetsADeclaration(t *testing.T) {
	t.Parallel()
	inside, goOn := make(chan struct{}), make(chan struct{})
	disk := newDisk(t, arch)
	var armed atomic.Bool
	w := worldOn(t, disk, sharedUsers(), func(o *Options) {
		o.Limits.Drain = 10 * time.Millisecond
		o.Open = func() (*repo.Repo, error) {
			if armed.CompareAndSwap(true, false) {
				close(inside)
				<-goOn
			}
			return pipeline.Open(disk, "/repo")
		}
	})
	addr, stop := w.listen(t)
	conn, err := dialTCP(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	manifest := built("foo", "1.0")[2]
	said := append(frame("username="+bfinch+"&tupkg=2&password=B0b%2B50%25"), frame2('U', fmt.Appendf(nil, `{"id":1,"files":[{"name":%q,"size":%d,"sha256":"%s"}],"manifest":"%s","manifest_file":0}`,
		manifest.Name, len(manifest.Data), manifest.SHA256, base64.StdEncoding.EncodeToString(manifest.Data)))...)
	armed.Store(true)
	if _, err := conn.Write(said); err != nil {
		t.Fatal(err)
	}
	<-inside
	go func() {
		defer close(goOn)
		for over := false; !over; runtime.Gosched() {
			w.mu.Lock()
			over = w.drained
			w.mu.Unlock()
		}
	}()
	began := time.Now()
	stop()
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the server took %s to stop", took)
	}
}
