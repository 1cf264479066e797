//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/tupkg"
)

// TestServeListeners: one server listens at a port and at a socket, where a killed one
// has left its own.
func TestServeListeners(t *testing.T) {
	t.Parallel()
	repo, users := newRepo(t), filepath.Join(t.TempDir(), "users")
	writeUsers(t, users, "first")
	socket := filepath.Join(t.TempDir(), "s")
	stale, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, repo, users, "--listen", "unix:"+socket)
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v %v", info, err)
	}
	for network, addr := range map[string]string{"tcp": s.addr, "unix": socket} {
		conn, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		o := tupkg.UploadOptions{Credentials: tupkg.Credentials{User: "first", Password: servePassword}}
		if r, err := tupkg.Upload(t.Context(), conn, wireFiles(t, "uploads/03-greet-0.9.0"), o); err != nil || !r.Pass() {
			t.Errorf("%s: %+v %v", network, r, err)
		}
	}
	second := (shell{}).run("serve", "-R", repo, "--users", users, "--listen", "unix:"+socket)
	if second.code != exitUsage || !strings.Contains(second.stderr, "somebody else listens there") {
		t.Errorf("a second one: exit %d, %s", second.code, second.stderr)
	}
	s.stop(t, syscall.SIGTERM, exitDone)
	if exists(socket) {
		t.Error("the socket is left")
	}
}

// writeCertificate makes a new certificate and key.
func writeCertificate(t *testing.T, cert, key string) (fingerprintOf string) {
	t.Helper()
	text, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{cert, key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		t.Fatal(err)
	}
	return fingerprint(pair)
}

// TestServeHangup: SIGHUP reads the certificate again; one that cannot be read leaves the
// old one at work.
func TestServeHangup(t *testing.T) {
	t.Parallel()
	repo, dir := newRepo(t), t.TempDir()
	users, cert, key := filepath.Join(dir, "users"), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	writeUsers(t, users, "first")
	writeCertificate(t, cert, key)
	s := startServing(t, repo, users, "--tls-cert", cert, "--tls-key", key)
	presented := func() string {
		var seen *x509.Certificate
		conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{server.ALPN}})
		if err == nil {
			seen = conn.ConnectionState().PeerCertificates[0]
			_ = conn.Close()
		}
		if seen == nil {
			t.Fatalf("no certificate: %v", err)
		}
		return fingerprint(tls.Certificate{Certificate: [][]byte{seen.Raw}})
	}
	next := writeCertificate(t, cert, key)
	if presented() == next {
		t.Error("read without a signal")
	}
	hangup := func(told string) {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		until(t, told, func() bool { return strings.Contains(s.stderr.String(), told) })
	}
	hangup("certificate read again")
	if presented() != next {
		t.Error("not read at the signal")
	}
	if err := os.WriteFile(key, []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangup("the certificate cannot be read; the old one stays")
	if presented() != next {
		t.Error("the old one is gone")
	}
	s.stop(t, syscall.SIGTERM, exitDone)
}
