package sftp_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/watch"
)

func build(t *testing.T, u mpktest.Upload) upload.Upload {
	t.Helper()
	dir := t.TempDir()
	manifest := u.In(t, dir)
	d, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	up, findings, err := upload.Open(t.Context(), d, ".", filepath.Base(manifest))
	if err != nil || report.Refused(findings) {
		t.Fatalf("%v %v", findings, err)
	}
	return up
}

// names are the files in the drop folder.
func (p *place) names(t *testing.T) string {
	t.Helper()
	list, err := os.ReadDir(p.drop)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, " ")
}

// TestAccepted: without a wait, or without a watcher, the upload is there and nobody
// knows more; pushed again, it is the same one.
func TestAccepted(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	u := build(t, mpktest.Upload{})
	for _, wait := range []time.Duration{0, 300 * time.Millisecond, 0} {
		way := p.transport(t, transport.Options{})
		way.Wait = wait
		rep, err := way.Push(t.Context(), u)
		if err != nil || rep.Result != report.Accepted || rep.Findings[0].Code != report.CodeLater {
			t.Fatalf("%+v %v", rep, err)
		}
		if got := p.names(t); got != "foo_1.0.0_amd64-debian.mmpack-manifest "+u.Files[1].Name+" "+u.Files[0].Name {
			t.Errorf("in the folder: %s", got)
		}
	}
	p.watch(t, plan.Requests{})
	way := p.transport(t, transport.Options{})
	if rep, err := way.Push(t.Context(), u); err != nil || rep.Result != report.Published && rep.Result != report.Unchanged {
		t.Errorf("%+v %v", rep, err)
	}
}

// TestDeadClaim: who has died while putting files into place does not stop others.
func TestDeadClaim(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.watch(t, plan.Requests{})
	u := build(t, mpktest.Upload{})
	if err := os.WriteFile(filepath.Join(p.drop, watch.ClaimFile(u.Name)), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	rep, err := p.transport(t, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Published {
		t.Errorf("%+v %v", rep, err)
	}
	if got := p.names(t); got != "" {
		t.Errorf("in the folder: %s", got)
	}
}

// TestHoles: the end of a part is not believed, since packets may have been written in
// another order.
func TestHoles(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.watch(t, plan.Requests{})
	u := build(t, mpktest.Upload{Packages: []mpktest.Package{{Payload: 3 << 20}}})
	text, err := vfs.ReadFile(u.FS, u.Files[1].Name, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(text) - 2<<20 + 1; i < len(text)-1000; i++ {
		text[i] = 0
	}
	if err := os.WriteFile(filepath.Join(p.drop, watch.PartFile(u.Files[1].SHA256)), text, 0o644); err != nil {
		t.Fatal(err)
	}
	before := p.Received.Load()
	rep, err := p.transport(t, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Published {
		t.Errorf("%+v %v", rep, err)
	}
	if sent := p.Received.Load() - before; sent > 2<<20+100<<10 {
		t.Errorf("%d bytes were sent", sent)
	}
}

// TestFailures: each way to fail has its kind, and its cause.
func TestFailures(t *testing.T) {
	t.Parallel()
	u := build(t, mpktest.Upload{})
	for _, tt := range []struct {
		name  string
		wrong func(t *testing.T, p *place)
		path  string
		o     transport.Options
		kind  report.Kind
		says  string
	}{
		{name: "no folder", path: "/no/such/folder", kind: report.KindUsage, says: "no such folder"},
		{name: "a file", path: "/etc/passwd", kind: report.KindUsage, says: "not a folder"},
		{name: "rebuild", o: transport.Options{Rebuild: true}, kind: report.KindUsage, says: "cannot be asked"},
		{name: "nobody there", wrong: func(_ *testing.T, p *place) { p.Port = 1 }, kind: report.KindTransport, says: "Connection refused"},
		{name: "wrong key", wrong: func(t *testing.T, p *place) { p.Authorize(t, "stranger", "") }, kind: report.KindDenied, says: "Permission denied"},
		{name: "no sftp", wrong: func(t *testing.T, p *place) { p.Authorize(t, "client", `restrict,command="exit 1"`) }, kind: report.KindUsage, says: "exit code 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			if tt.wrong != nil {
				tt.wrong(t, p)
			}
			way := p.transport(t, tt.o)
			if tt.path != "" {
				way.Target.Path = tt.path
			}
			rep, err := way.Push(t.Context(), u)
			if err == nil || report.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%+v %v (kind %d)", rep, err, report.KindOf(err))
			}
		})
	}
}

// TestOtherArchitecture: what the repository does not take is not sent.
func TestOtherArchitecture(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.watch(t, plan.Requests{})
	u := build(t, mpktest.Upload{Packages: []mpktest.Package{{Name: "here"}, {Name: "there", Arch: "arm64-debian"}}})
	rep, err := p.transport(t, transport.Options{}).Push(t.Context(), u)
	if err != nil || rep.Result != report.Published || p.names(t) != "" {
		t.Errorf("%+v %v; left: %s", rep, err, p.names(t))
	}
}

// TestCancelInTheMiddle: a push that is stopped says so, and leaves nothing but parts.
func TestCancelInTheMiddle(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := transport.Options{Sending: func(s transport.Sending) {
		if s.Done > 1<<20 {
			cancel()
		}
	}}
	u := build(t, mpktest.Upload{Packages: []mpktest.Package{{Payload: 5 << 20}}})
	_, err := p.transport(t, o).Push(ctx, u)
	if !errors.Is(err, context.Canceled) || strings.Contains(p.names(t), "manifest") {
		t.Errorf("%v; in the folder: %s", err, p.names(t))
	}
}
