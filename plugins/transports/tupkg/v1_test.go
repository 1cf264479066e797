package tupkg_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// oldHost is a server of version 1 that keeps files in memory and, like the historical
// one, continues whatever it has under a name.
type oldHost struct {
	mu       sync.Mutex
	held     map[string][]byte
	sessions []int
	logins   int
	reason   string
}

func (h *oldHost) Authenticate(_ context.Context, l wire.Login) (wire.Session, error) {
	if l.User != user || !slices.Contains(l.Passwords, wire.Password(password)) {
		return nil, &wire.Refusal{Code: wire.CodeDenied, Reason: "no"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.logins++
	return h, nil
}

func (h *oldHost) Declare(_ context.Context, d wire.Declaration) (wire.Intake, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions = append(h.sessions, len(d.Files))
	return &oldIntake{h, d}, nil
}

type oldIntake struct {
	h *oldHost
	d wire.Declaration
}

func (in *oldIntake) Held() (held []int64) {
	in.h.mu.Lock()
	defer in.h.mu.Unlock()
	for _, f := range in.d.Files {
		held = append(held, int64(len(in.h.held[f.Name])))
	}
	return held
}

func (in *oldIntake) Receive(_ context.Context, i int, r io.Reader) error {
	text, err := io.ReadAll(r)
	in.h.mu.Lock()
	defer in.h.mu.Unlock()
	name := in.d.Files[i].Name
	in.h.held[name] = append(in.h.held[name], text...)
	return err
}

func (in *oldIntake) Verdict(context.Context, func(wire.Progress)) (v wire.Verdict, err error) {
	in.h.mu.Lock()
	defer in.h.mu.Unlock()
	for _, f := range in.d.Files {
		sum := md5.Sum(in.h.held[f.Name])
		pass := hex.EncodeToString(sum[:]) == f.MD5
		if !pass {
			delete(in.h.held, f.Name)
		}
		result := wire.FileVerdict{Pass: pass}
		if in.h.reason != "" && strings.HasSuffix(f.Name, "manifest") {
			result = wire.FileVerdict{Reason: in.h.reason}
		}
		v.Files = append(v.Files, result)
	}
	return v, nil
}

func (in *oldIntake) Close() error { return nil }

// listen serves version 1 only; with a certificate over TLS that chooses nothing.
func (h *oldHost) listen(t *testing.T, c *tls.Certificate) tupkg.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := tupkg.Server{Host: "127.0.0.1", Port: portOf(l)}
	if c != nil {
		s.TLS, s.Fingerprint = true, fingerprint(c)
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{*c}})
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { _ = wire.Serve(context.Background(), conn, h, wire.Options{}) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return s
}

func newOldHost() *oldHost { return &oldHost{held: map[string][]byte{}} }

func twoPackages() mpktest.Upload {
	return mpktest.Upload{Packages: []mpktest.Package{{Payload: 3000}, {Name: "second", Payload: 50}}}
}

// large is an upload of many chunks.
func large() mpktest.Upload {
	return mpktest.Upload{Packages: []mpktest.Package{{Payload: 8 << 20}}}
}

// TestVersion1: on request, in both dialects, with the manifest last; the result does
// not claim what nobody can know.
func TestVersion1(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"", "document", "code"} {
		h := newOldHost()
		s := h.listen(t, nil)
		s.Version1 = true
		if d, err := wire.ParseDialect(dialect); err == nil {
			s.Dialect = &d
		}
		u := open(t, twoPackages())
		way := transportTo(s, transport.Options{})
		for range 2 {
			rep, err := way.Push(t.Context(), u)
			if err != nil || rep.Result != report.Accepted || len(rep.Findings) > 0 {
				t.Fatalf("%q: %+v %v", dialect, rep, err)
			}
		}
		for _, f := range u.Files {
			if sumOf(h.held[f.Name]) != f.SHA256 {
				t.Errorf("%q: %s is not what was sent", dialect, f.Name)
			}
		}
		// One session asks for the dialect, if nobody says it; the answer is remembered.
		want := 3
		if dialect != "" {
			want = 2
		}
		if h.logins != want || !slices.Equal(h.sessions, []int{4, 4}) {
			t.Errorf("%q: %d logins, want %d; sessions of %v files", dialect, h.logins, want, h.sessions)
		}
	}
}

// TestVersion1Limits: what version 1 cannot do is refused or said.
func TestVersion1Limits(t *testing.T) {
	t.Parallel()
	h := newOldHost()
	s := h.listen(t, nil)
	s.Version1 = true
	u := open(t, twoPackages())
	for _, o := range []transport.Options{{Rebuild: true}, {Downgrade: true}, {TakeOver: true}} {
		if _, err := transportTo(s, o).Push(t.Context(), u); report.KindOf(err) != report.KindUsage || !strings.Contains(err.Error(), "cannot ask for --") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	rep, err := transportTo(s, transport.Options{DryRun: true}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Planned || len(rep.Findings) != 1 || len(h.held) > 0 {
		t.Errorf("dry run: %+v %v", rep, err)
	}
	h.reason = "the package is too old [MP-DOWNGRADE]"
	rep, err = transportTo(s, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Rejected || len(rep.Findings) != 1 || rep.Findings[0].Message != h.reason || rep.Findings[0].File != u.Name {
		t.Errorf("reason: %+v %v", rep, err)
	}
	// The login is tried before anything else.
	way := transportTo(s, transport.Options{})
	way.Credentials.Password = "wrong"
	if _, err := way.Push(t.Context(), u); report.KindOf(err) != report.KindDenied || report.CodeOf(err) != report.CodeLogin || strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong password: %v", err)
	}
}

// TestStalePartial: the beginning of another file of that name makes the first attempt
// fail; the second passes.
func TestStalePartial(t *testing.T) {
	t.Parallel()
	h := newOldHost()
	s := h.listen(t, nil)
	s.Version1 = true
	u := open(t, twoPackages())
	h.held[u.Files[1].Name] = bytes.Repeat([]byte("x"), 100)
	rep, err := transportTo(s, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Accepted {
		t.Fatalf("%+v %v", rep, err)
	}
	if sumOf(h.held[u.Files[1].Name]) != u.Files[1].SHA256 {
		t.Error("the file is wrong")
	}
	// More than the file has is not what the protocol allows.
	h.held[u.Files[1].Name] = bytes.Repeat([]byte("x"), int(u.Files[1].Size)+1)
	if _, err := transportTo(s, transport.Options{}).Push(t.Context(), u); report.CodeOf(err) != report.CodeServer || report.KindOf(err) != report.KindRejected {
		t.Errorf("too much held: %v", err)
	}
}

// TestManySessions: a set that one message cannot declare is split, the manifest last.
func TestManySessions(t *testing.T) {
	t.Parallel()
	const n = wire.SplitFiles + 20
	set := mpktest.Upload{}
	for i := range n {
		set.Packages = append(set.Packages, mpktest.Package{Name: "p" + strings.Repeat("x", 20) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)})
	}
	h := newOldHost()
	s := h.listen(t, nil)
	s.Version1 = true
	u := open(t, set)
	rep, err := transportTo(s, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Accepted {
		t.Fatalf("%v %v %v", rep.Result, rep.Findings, err)
	}
	if !slices.Equal(h.sessions, []int{wire.SplitFiles, n + 2 - wire.SplitFiles}) || len(h.held) != n+2 {
		t.Errorf("sessions of %v files, %d held", h.sessions, len(h.held))
	}
}

// TestVersion1ToOurs: our own server publishes what comes by version 1, cut or not.
func TestVersion1ToOurs(t *testing.T) {
	t.Parallel()
	for after := int64(0); after < 9000; after += 700 {
		w := newWorld(t)
		s := w.listen(t, false)
		s.Version1 = true
		u := open(t, twoPackages())
		c := &transporttest.Cutter{After: after}
		way := transportTo(s, transport.Options{})
		way.Wrap = func(n net.Conn) net.Conn { return c.Conn(n) }
		rep, err := way.Push(t.Context(), u)
		if err != nil && report.KindOf(err) == report.KindTransport {
			rep, err = way.Push(t.Context(), u)
		}
		if err != nil || rep.Result != report.Accepted {
			t.Fatalf("cut after %d: %+v %v", after, rep, err)
		}
		sameBytes(t, w, u)
	}
}
