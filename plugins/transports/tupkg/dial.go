package tupkg

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// Deadlines bound the waits of one connection. A zero field takes its default.
type Deadlines struct {
	// Dial is for the connection and TLS: 30 seconds.
	Dial time.Duration
	// Login is for the login: 1 minute; a busy server lets logins wait.
	Login time.Duration
	// Silence is how long a server may say nothing while its answer is waited for:
	// 30 minutes. It may have to read what it holds, or to wait for others.
	Silence time.Duration
	// Write is how long it may take nothing of one chunk: 5 minutes.
	Write time.Duration
}

func (d Deadlines) withDefaults() Deadlines {
	for field, value := range map[*time.Duration]time.Duration{
		&d.Dial: 30 * time.Second, &d.Login: time.Minute, &d.Silence: 30 * time.Minute, &d.Write: 5 * time.Minute,
	} {
		if *field <= 0 {
			*field = value
		}
	}
	return d
}

// link is a connection to a server and what is known of it.
type link struct {
	*timed
	// certificate is the fingerprint of the server's, in hexadecimal; empty without
	// TLS.
	certificate string
	// alpn: the server has chosen version 2.
	alpn bool
}

// dial connects, and with TLS sees who the server is. Nothing was said yet.
func (t *Transport) dial(ctx context.Context) (*link, error) {
	limits := t.Deadlines.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, limits.Dial)
	defer cancel()
	// A peer that has vanished is noticed after about a minute and a half.
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 15 * time.Second, Count: 4}}
	conn, err := d.DialContext(ctx, "tcp", t.Server.Address())
	if err != nil {
		return nil, err
	}
	if t.Wrap != nil {
		conn = t.Wrap(conn)
	}
	if !t.Server.TLS {
		if err := t.mayBeRead(conn.RemoteAddr()); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return &link{timed: newTimed(conn, limits)}, nil
	}
	secure, err := t.handshake(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	state := secure.ConnectionState()
	return &link{newTimed(secure, limits), fingerprintOf(state.PeerCertificates[0]), state.NegotiatedProtocol == wire.ALPN}, nil
}

// mayBeRead refuses a connection on which others can read the password.
func (t *Transport) mayBeRead(to net.Addr) error {
	if tcp, ok := to.(*net.TCPAddr); t.AllowPlaintext || ok && tcp.IP.IsLoopback() {
		return nil
	}
	return &report.Error{
		Stage: "connect", Code: report.CodeConnection, Kind: report.KindUsage, File: t.Server.String(),
		Err:  errors.New("the connection is not encrypted, and the password would cross the network in clear"),
		Hint: "use tupkgs:// if the server speaks TLS; else --allow-plaintext-passwords says that everybody on the way may read it",
	}
}

// handshake proves who the server is.
func (t *Transport) handshake(ctx context.Context, conn net.Conn) (*tls.Conn, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: t.Server.Host}
	if !t.Server.Version1 {
		config.NextProtos = []string{wire.ALPN}
	}
	if pin := t.Server.Fingerprint; pin != nil {
		// The pinned certificate is the server's, whatever name it has.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(s tls.ConnectionState) error { return checkPin(pin, s.PeerCertificates[0]) }
	}
	if t.Server.CAFile != "" {
		var err error
		if config.RootCAs, err = readRoots(t.Server.CAFile); err != nil {
			return nil, err
		}
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, t.explainTLS(err)
	}
	return secure, nil
}

// errPin says that another certificate is pinned.
type errPin struct{ got, want string }

func (e errPin) Error() string {
	return fmt.Sprintf("the server's certificate has the fingerprint sha256:%s; sha256:%s is pinned", e.got, e.want)
}

func checkPin(pin []byte, c *x509.Certificate) error {
	got := sha256.Sum256(c.Raw)
	if subtle.ConstantTimeCompare(got[:], pin) == 1 {
		return nil
	}
	return errPin{hex.EncodeToString(got[:]), hex.EncodeToString(pin)}
}

func fingerprintOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// explainTLS tells a certificate that is not trusted from a handshake that failed.
func (t *Transport) explainTLS(err error) error {
	e := &report.Error{Stage: "connect", Code: report.CodeCertificate, Kind: report.KindTransport, File: t.Server.String(), Err: err}
	if _, ok := errors.AsType[errPin](err); ok {
		e.Hint = "nothing was sent: either the server has a new certificate, then ask whoever runs it for its fingerprint, or somebody else answers in its place"
		return e
	}
	if v, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(v.UnverifiedCertificates) > 0 {
		e.Err = fmt.Errorf("the server's certificate is not trusted: %w", v.Err)
		e.Hint = "nothing was sent; if whoever runs the server confirms this fingerprint, add it to the target: ?fingerprint=sha256:" + fingerprintOf(v.UnverifiedCertificates[0])
		return e
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		e.Code, e.Err = report.CodeProtocol, fmt.Errorf("the server speaks TLS, but not TLS 1.3 with the tupkg protocol: %w", err)
		e.Hint = "check host and port of the target; is that a tupkg server?"
		return e
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		e.Code, e.Err = report.CodeProtocol, errors.New("the server does not speak TLS")
		e.Hint = "check host and port of the target; for a server without TLS it is tupkg://"
		return e
	}
	return err
}

// readRoots reads the certificates to trust.
func readRoots(file string) (*x509.CertPool, error) {
	const limit = 4 << 20
	fail := func(err error) error {
		return &report.Error{
			Stage: "connect", Code: report.CodeCertificate, Kind: report.KindUsage, File: file, Err: err, Hint: "name a file of certificates in PEM form",
		}
	}
	folder, err := vfs.OpenDir(filepath.Dir(file))
	if err != nil {
		return nil, fail(err)
	}
	defer folder.Close()
	text, err := vfs.ReadFile(folder, filepath.Base(file), limit)
	if err != nil {
		return nil, fail(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fail(errors.New("holds no certificate"))
	}
	return pool, nil
}

// timed is a connection whose waits end.
type timed struct {
	net.Conn
	limits Deadlines
	// silence is the bound of a Read now, in nanoseconds; 0 is none.
	silence atomic.Int64
	// welcome, if not nil, is called once, when the login has passed.
	welcome func()
}

func newTimed(conn net.Conn, limits Deadlines) *timed { return &timed{Conn: conn, limits: limits} }

// Enter implements [Phased].
func (c *timed) Enter(p wire.Phase) {
	if p != wire.PhaseLogin && c.welcome != nil {
		c.welcome()
		c.welcome = nil
	}
	var wait time.Duration
	switch p {
	case wire.PhaseLogin:
		wait = c.limits.Login
	case wire.PhaseOffers, wire.PhaseVerdict, wire.PhaseAck:
		wait = c.limits.Silence
	}
	c.silence.Store(int64(wait))
	c.extend()
}

// extend moves the deadline of reading.
func (c *timed) extend() {
	var until time.Time
	if wait := time.Duration(c.silence.Load()); wait > 0 {
		until = time.Now().Add(wait)
	}
	// One that cannot be set is on a connection that is gone: the next Read says so.
	_ = c.SetReadDeadline(until)
}

func (c *timed) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.silence.Load() > 0 {
		c.extend()
	}
	return n, err
}

func (c *timed) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.limits.Write))
	return c.Conn.Write(p)
}

// CloseWrite half-closes, where that can be done.
func (c *timed) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
