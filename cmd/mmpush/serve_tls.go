package main

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/vfs"
)

// tls is the configuration of the listeners, nil without TLS, and how to read the
// certificate again.
func (c *serveCmd) tls(a *app, log *slog.Logger, state vfs.FS, dir string) (*tls.Config, func(), error) {
	load := c.givenCertificate
	switch {
	case c.TLSSelfSigned:
		load = func() (tls.Certificate, error) { return ownCertificate(state, path.Join(dir, "tls.pem")) }
	case c.TLSCert == "":
		return nil, func() {}, nil
	}
	var current atomic.Pointer[tls.Certificate]
	first, err := load()
	if err != nil {
		return nil, nil, certificateError(cmp.Or(c.TLSCert, "the server's own certificate"), err)
	}
	current.Store(&first)
	if c.TLSSelfSigned {
		a.out.line("fingerprint %s", fingerprint(first))
	}
	log.Info("certificate", "fingerprint", fingerprint(first))
	reload := func() {
		next, err := load()
		if err != nil {
			log.Error("the certificate cannot be read; the old one stays", "error", err)
			return
		}
		current.Store(&next)
		log.Info("certificate read again", "fingerprint", fingerprint(next))
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{server.ALPN},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
	}, reload, nil
}

// fingerprint is what a client pins.
func fingerprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return "sha256:" + hex.EncodeToString(sum[:])
}

// givenCertificate reads the files of the flags. A key that everybody can read is none.
func (c *serveCmd) givenCertificate() (tls.Certificate, error) {
	info, err := os.Stat(c.TLSKey)
	if err != nil {
		return tls.Certificate{}, certificateError(c.TLSKey, err)
	}
	if info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		e := certificateError(c.TLSKey, fmt.Errorf("everybody can read or write the key (mode %04o)", info.Mode().Perm()))
		e.Hint = "chmod o= " + quote(c.TLSKey)
		return tls.Certificate{}, e
	}
	return tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
}

func certificateError(file string, err error) *report.Error {
	if told, ok := errors.AsType[*report.Error](err); ok {
		return told
	}
	return &report.Error{Stage: "serve", Code: report.CodeUsage, Kind: report.KindUsage, File: file, Err: err}
}

// ownCertificate reads the server's own certificate and key, or makes them.
func ownCertificate(fsys vfs.FS, name string) (tls.Certificate, error) {
	const limit = 64 << 10
	text, err := vfs.ReadFile(fsys, name, limit)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = newCertificate(); err == nil {
			err = vfs.ReplaceFile(fsys, name, name+".new", 0o600, text)
		}
	}
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}

// newCertificate is a certificate for pinning: it names nobody and lasts.
func newCertificate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "mmpush"}, DNSNames: []string{"mmpush"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}); err != nil {
		return nil, err
	}
	err = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return text.Bytes(), err
}
