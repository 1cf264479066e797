package tupkg_test

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// TestFallBack: version 1 is taken from a server that never spoke version 2, with a
// warning, and from no other.
func TestFallBack(t *testing.T) {
	t.Parallel()
	c := certificate(t)
	for name, certificate := range map[string]*tls.Certificate{"tupkg": nil, "tupkgs": &c} {
		h := newOldHost()
		s := h.listen(t, certificate)
		u := open(t, twoPackages())
		way := transportTo(s, transport.Options{})
		var notices []string
		way.Options.Notice = func(text string) { notices = append(notices, text) }
		rep, err := way.Push(t.Context(), u)
		if err != nil || rep.Result != report.Accepted || len(rep.Findings) != 1 || rep.Findings[0].Severity != report.SeverityWarning || len(notices) != 1 {
			t.Errorf("%s: %+v %v, notices %q", name, rep, err, notices)
		}
		// The same server, once it is known to speak version 2: by its address, or its
		// certificate.
		known := []string{s.String()}
		if certificate != nil {
			known = append(known, hex.EncodeToString(s.Fingerprint))
		}
		for _, server := range known {
			way := transportTo(s, transport.Options{})
			if err := way.Memory.Keep(tupkg.Record{Server: server, Version: 2}); err != nil {
				t.Fatal(err)
			}
			sessions := len(h.sessions)
			_, err := way.Push(t.Context(), u)
			if report.CodeOf(err) != report.CodeProtocol || report.KindOf(err) != report.KindTransport || !strings.Contains(err.Error(), "has spoken version 2 before") {
				t.Errorf("%s, known by %s: %v", name, server, err)
			}
			if len(h.sessions) > sessions {
				t.Errorf("%s: files were declared nevertheless", name)
			}
			way.Server.Version1 = true
			if rep, err := way.Push(t.Context(), u); err != nil || rep.Result != report.Accepted {
				t.Errorf("%s, on request: %+v %v", name, rep, err)
			}
		}
	}
}

// TestSpeakingVersion2IsRemembered: what a push has learned, the next one knows.
func TestSpeakingVersion2IsRemembered(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		w := newWorld(t)
		s := w.listen(t, secure)
		way := transportTo(s, transport.Options{DryRun: true})
		if _, err := way.Push(t.Context(), open(t, twoPackages())); err != nil {
			t.Fatal(err)
		}
		known := []string{s.String()}
		if secure {
			known = append(known, hex.EncodeToString(s.Fingerprint))
		}
		for _, server := range known {
			if r, err := way.Memory.Recall(server); err != nil || r.Version != 2 || r.Since.IsZero() {
				t.Errorf("%s: %+v %v", server, r, err)
			}
		}
	}
}

// TestWrongServer: what answers is no tupkg server.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	for said, code := range map[string]report.Code{
		"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n": report.CodeConnection,
		"\x00\x0bresult=WHAT":     report.CodeProtocol,
		"SSH-2.0-OpenSSH_9.2\r\n": report.CodeConnection,
		"":                        report.CodeConnection,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, said)
				_ = conn.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			}
		}()
		for _, secure := range []bool{false, true} {
			s := tupkg.Server{Host: "127.0.0.1", Port: portOf(l), TLS: secure}
			_, err := transportTo(s, transport.Options{}).Push(t.Context(), open(t, twoPackages()))
			e, ok := errors.AsType[*report.Error](err)
			if !ok || e.Kind != report.KindTransport || e.Hint == "" || !secure && e.Code != code {
				t.Errorf("%q, TLS %v: %#v", said, secure, err)
			}
		}
		_ = l.Close()
	}
}
