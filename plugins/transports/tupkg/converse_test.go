package tupkg_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// scripted is a server that says what the test wants.
type scripted struct {
	declare error
	verdict wire.Verdict
	broken  error
	seen    wire.Declaration
}

func (s *scripted) Declare(_ context.Context, d wire.Declaration) (wire.Intake, error) {
	s.seen = d
	if s.declare != nil {
		return nil, s.declare
	}
	return s, nil
}

func (s *scripted) Held() []int64 { return make([]int64, len(s.seen.Files)) }
func (s *scripted) Close() error  { return nil }

func (s *scripted) Receive(_ context.Context, _ int, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func (s *scripted) Verdict(context.Context, func(wire.Progress)) (wire.Verdict, error) {
	v := s.verdict
	if v.Files == nil {
		v.Files = make([]wire.FileVerdict, len(s.seen.Files))
	}
	return v, s.broken
}

// converse has one conversation with it, as over SSH.
func (s *scripted) converse(t *testing.T, o transport.Options) (report.Report, error) {
	t.Helper()
	client, far := net.Pipe()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wire.ServeSession(context.Background(), far, s, wire.Options{})
	}()
	once := func(context.Context) (io.ReadWriteCloser, error) { return client, nil }
	rep, err := tupkg.Resume(t.Context(), once, open(t, twoPackages()), tupkg.Options{
		Patience: tupkg.Patience{For: -1}, Options: o, Login: wire.ConnectOptions{Start: wire.StartSession}, Target: "far",
	})
	<-over
	return rep, err
}

// TestWordsOfAServer: each of a server's words has its exit code, and what to do next.
func TestWordsOfAServer(t *testing.T) {
	t.Parallel()
	type want struct {
		kind report.Kind
		code report.Code
	}
	for code, w := range map[wire.Code]want{
		wire.CodeDenied:   {report.KindDenied, report.CodeRights},
		wire.CodeRefused:  {report.KindRejected, report.CodeServer},
		wire.CodeLimit:    {report.KindRejected, report.CodeServer},
		wire.CodeBusy:     {report.KindBusy, report.CodeBusy},
		wire.CodeReplaced: {report.KindBusy, report.CodeBusy},
		wire.CodeShutdown: {report.KindTransport, report.CodeConnection},
		wire.CodeProtocol: {report.KindTransport, report.CodeProtocol},
		wire.CodeInternal: {report.KindInternal, report.CodeServer},
		"tomorrow":        {report.KindRejected, report.CodeServer},
	} {
		_, err := (&scripted{declare: &wire.Refusal{Code: code, Reason: "because"}}).converse(t, transport.Options{})
		e, ok := errors.AsType[*report.Error](err)
		if !ok || e.Kind != w.kind || e.Code != w.code || e.File != "far" || !strings.Contains(e.Error(), "because") {
			t.Errorf("%s: %#v", code, err)
		}
		if ok && e.Hint == "" && code != wire.CodeRefused && code != "tomorrow" {
			t.Errorf("%s: no hint", code)
		}
		_, err = (&scripted{declare: &wire.Refusal{Code: code, Hint: "the server's own"}}).converse(t, transport.Options{})
		if e, ok := errors.AsType[*report.Error](err); !ok || e.Hint != "the server's own" {
			t.Errorf("%s: %#v", code, err)
		}
	}
}

// TestAnswers: an answer that makes no sense is no success, and a rejection says why.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, result := range []report.Result{"", "done", report.Verified, report.Created, report.Planned} {
		_, err := (&scripted{verdict: wire.Verdict{Report: report.Report{Result: result}}}).converse(t, transport.Options{})
		if report.CodeOf(err) != report.CodeProtocol {
			t.Errorf("%q: %v", result, err)
		}
	}
	s := &scripted{verdict: wire.Verdict{Report: report.Report{Result: report.Rejected}}}
	rep, err := s.converse(t, transport.Options{})
	if err != nil || rep.Result != report.Rejected || !report.Refused(rep.Findings) || rep.Repository != "far" || rep.Schema != report.Schema {
		t.Errorf("%+v %v", rep, err)
	}
	// The declaration: the manifest last, its text with it, the wishes.
	rep, err = s.converse(t, transport.Options{Rebuild: true, Downgrade: true, TakeOver: true, DryRun: true})
	if last := len(s.seen.Files) - 1; err != nil || s.seen.ManifestFile != last || !strings.HasSuffix(s.seen.Files[last].Name, ".mmpack-manifest") ||
		int64(len(s.seen.Manifest)) != s.seen.Files[last].Size || !s.seen.DryRun || s.seen.Wishes != (wire.Wishes{Rebuild: true, Downgrade: true, TakeOver: true}) {
		t.Errorf("%+v %+v %v", s.seen, rep, err)
	}
}

// TestCancel: who stops a push gets that as the answer, and nothing is published.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.listen(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	way := transportTo(s, transport.Options{Sending: func(p transport.Sending) {
		if p.Done > 1<<20 {
			cancel()
		}
	}})
	u := open(t, large())
	if _, err := way.Push(ctx, u); report.CodeOf(err) != report.CodeStopped || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	// What was sent before is not sent again.
	var first transport.Sending
	way.Options.Sending = func(p transport.Sending) {
		if first.Total == 0 {
			first = p
		}
	}
	if rep, err := way.Push(t.Context(), u); err != nil || rep.Result != report.Published || first.Skipped < 1<<20 {
		t.Errorf("%v %v, %+v", rep.Result, err, first)
	}
}

// TestOtherArchitectures: what the server does not publish is neither sent nor needed.
func TestOtherArchitectures(t *testing.T) {
	t.Parallel()
	set := mpktest.Upload{Packages: []mpktest.Package{{}, {Name: "foo", Arch: "amd64-windows"}, {Name: "bar", Arch: "amd64-windows"}}}
	w := newWorld(t)
	s := w.listen(t, false)
	for _, version1 := range []bool{false, true} {
		u := open(t, set)
		dir := u.FS.(interface{ Path() string }).Path()
		gone, err := filepath.Glob(filepath.Join(dir, "*windows.mpk"))
		if err != nil || len(gone) != 2 {
			t.Fatal(gone, err)
		}
		for _, name := range gone {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		way := transportTo(s, transport.Options{})
		way.Server.Version1 = version1
		if rep, err := way.Push(t.Context(), u); err != nil || report.Refused(rep.Findings) {
			t.Errorf("version 1 %v: %+v %v", version1, rep, err)
		}
	}
	// Nothing at all for the server is the same finding as in a folder.
	u := open(t, mpktest.Upload{Packages: []mpktest.Package{{Arch: "amd64-windows"}}})
	rep, err := transportTo(s, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Rejected || rep.Findings[0].Code != report.CodeArch {
		t.Errorf("%+v %v", rep, err)
	}
}

// TestManifestOfAnyName: a server knows manifests by their suffix; the user's name for
// it comes back.
func TestManifestOfAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"foo.yaml", ".mmpack-manifest", "-x.mmpack-manifest"} {
		w := newWorld(t)
		u := open(t, twoPackages())
		dir := u.FS.(interface{ Path() string }).Path()
		if err := os.Rename(filepath.Join(dir, u.Name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		rep, err := transportTo(w.listen(t, false), transport.Options{}).Push(t.Context(), openAt(t, filepath.Join(dir, name)))
		if err != nil || rep.Result != report.Published || rep.Manifest != name {
			t.Errorf("%s: %+v %v", name, rep, err)
		}
	}
}

// TestFileThatChanges: bytes that are others than those that were verified are found
// out by the server; a file that shrinks, here.
func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string, size int64) error{
		"shrinks": func(path string, size int64) error { return os.Truncate(path, size-1) },
		"other bytes": func(path string, size int64) error {
			return os.WriteFile(path, make([]byte, size), 0o644)
		},
	} {
		w := newWorld(t)
		u := open(t, twoPackages())
		dir := u.FS.(interface{ Path() string }).Path()
		last := u.Files[len(u.Files)-1]
		once := false
		way := transportTo(w.listen(t, false), transport.Options{Sending: func(p transport.Sending) {
			if !once {
				once = true
				if err := change(filepath.Join(dir, last.Name), last.Size); err != nil {
					t.Error(err)
				}
			}
		}})
		rep, err := way.Push(t.Context(), u)
		switch {
		case name == "shrinks" && (report.CodeOf(err) != report.CodeDisk || !strings.Contains(err.Error(), last.Name)):
			t.Errorf("%s: %+v %v", name, rep, err)
		case name == "other bytes" && (err != nil || rep.Result != report.Rejected || !report.Refused(rep.Findings)):
			t.Errorf("%s: %+v %v", name, rep, err)
		}
	}
}
