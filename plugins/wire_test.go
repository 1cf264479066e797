//go:build unix

package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/pluginpb"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

type (
	pbUpload = pluginpb.Upload
	pbError  = pluginpb.Error
)

// connect serves in this process and returns the connection.
func connect(t testing.TB, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	s := newServer(nil)
	register(s)
	go func() { _ = s.Serve(l) }()
	conn, err := grpc.NewClient("passthrough:", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }),
		callLimits())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		s.Stop()
	})
	return conn
}

// inProcess is a plugin without a process: all of the wire, and nothing else.
func inProcess(t testing.TB, s *server) *Plugin {
	t.Helper()
	folder, err := newRunFolder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(folder.remove)
	p := &Plugin{pin: Pin{Name: s.info.Name, Path: "p"}, options: Options{}.withDefaults(), folder: folder, services: &services{id: 1}, printed: &tail{}}
	p.process = &process{exited: make(chan struct{})}
	conn := connect(t, s.register)
	if _, err := p.services.GRPCClient(t.Context(), nil, conn); err != nil {
		t.Fatal(err)
	}
	s.repository.dial = func(uint32) (*grpc.ClientConn, error) {
		return connect(t, func(at *grpc.Server) { pluginpb.RegisterRepositoryServer(at, &p.services.views) }), nil
	}
	if err := p.introduce(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// asks is a verifier of functions.
type asks struct {
	upload func(context.Context, upload.Upload) ([]report.Finding, error)
	plan   func(context.Context, index.View, plan.Plan) ([]report.Finding, error)
}

func (a asks) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	return a.upload(ctx, u)
}
func (a asks) VerifyPlan(ctx context.Context, v index.View, p plan.Plan) ([]report.Finding, error) {
	return a.plan(ctx, v, p)
}

func wired(t testing.TB, a asks) *Verifier {
	p := inProcess(t, &server{info: Info{Name: "wire", Version: "1"}, verifier: a})
	return &Verifier{keeper{plugin: p, pin: p.pin, kind: KindVerifier}}
}

// A plugin gets the upload that the host has, with the same files.
func TestWireUpload(t *testing.T) {
	t.Parallel()
	want := inspected(t, mpktest.Upload{Packages: []mpktest.Package{{Name: "foo"}, {Name: "libfoo", Depends: "foo (>= 1)"}}})
	want.Signatures = []upload.Signature{{Name: want.Name + ".sig", Text: []byte("a signature")}}
	files := map[string]string{want.Name: sumOf(want.Text), want.Name + ".sig": sumOf(want.Signatures[0].Text)}
	for _, r := range want.Received {
		files[r.Name] = r.ActualSHA256
	}
	v := wired(t, asks{upload: func(_ context.Context, got upload.Upload) ([]report.Finding, error) {
		list, err := readAll(got)
		if len(list) != len(files) || err != nil {
			t.Errorf("%v %v", list, err)
		}
		for _, f := range list {
			if files[f.File] == "" || !strings.Contains(f.Actual, files[f.File]) {
				t.Errorf("%+v", f)
			}
		}
		got.FS, got.Dir, got.Origin = want.FS, want.Dir, want.Origin
		for i := range got.Received {
			got.Received[i].Origin = want.Received[i].Origin
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		return nil, nil
	}})
	if findings, err := v.Verify(t.Context(), want); err != nil || len(findings) > 0 {
		t.Error(findings, err)
	}
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// What has changed since it was read is not shown.
func TestChangedSinceItWasRead(t *testing.T) {
	t.Parallel()
	u := inspected(t, mpktest.Upload{})
	u.Received[1].ActualSHA256 = strings.Repeat("0", 64)
	_, err := wired(t, asks{}).Verify(t.Context(), u)
	if err == nil || !strings.Contains(err.Error(), "has changed since it was read") {
		t.Error(err)
	}
}

// brokenView cannot be read.
type brokenView struct{ index.View }

func (brokenView) Binary(string) (index.Binary, bool, error) {
	return index.Binary{}, false, errors.New("the disk is on fire")
}

// Each question about what is published has the same answer on both sides.
func TestWireView(t *testing.T) {
	t.Parallel()
	var binaries, sources strings.Builder
	for range 3 * partSize / 2 {
		binaries.WriteString("name: bulk\nversion: 1\nsource: bulk\nsrcsha256: aa\nfilename: bulk\n\n")
	}
	binaries.WriteString("name: foo\nversion: 1.0\nsource: foo\nsrcsha256: bb\nfilename: pool/foo\ndescription: caf\xe9\n\n")
	sources.WriteString("name: foo\nversion: 1.0\nsha256: bb\nfilename: foo.tar\n\nname: bulk\nversion: 1\nsha256: aa\n\n")
	view, err := index.NewView([]byte(binaries.String()), []byte(sources.String()))
	if err != nil {
		t.Fatal(err)
	}
	questions := map[string]func(index.View) (any, error){
		"binary": func(v index.View) (any, error) { b, ok, err := v.Binary("foo"); return []any{b, ok}, err },
		"none":   func(v index.View) (any, error) { b, ok, err := v.Binary("bar"); return []any{b, ok}, err },
		"of":     func(v index.View) (any, error) { return v.BinariesOf("bulk", "aa") },
		"ofnone": func(v index.View) (any, error) { return v.BinariesOf("bulk", "bb") },
		"source": func(v index.View) (any, error) { return v.Sources(index.Selector{Name: "foo"}) },
		"all":    func(v index.View) (any, error) { return collect(v.All()) },
		"danger": func(v index.View) (any, error) { return v.Dangerous() },
		"names":  func(v index.View) (any, error) { return v.Names("pool/foo") },
		"first": func(v index.View) (any, error) {
			for b, err := range v.All() {
				return b, err
			}
			return nil, nil
		},
	}
	want := plan.Plan{Result: report.Published, Edit: index.Edit{DropBinaries: []string{"x"}}}
	var kept index.View
	v := wired(t, asks{plan: func(_ context.Context, got index.View, p plan.Plan) ([]report.Finding, error) {
		kept = got
		if !reflect.DeepEqual(p, want) {
			t.Errorf("%+v", p)
		}
		for name, ask := range questions {
			a, errA := ask(view)
			b, errB := ask(got)
			if !reflect.DeepEqual(a, b) || errA != nil || errB != nil {
				t.Errorf("%s: %+v %v\nwant %+v %v", name, b, errB, a, errA)
			}
		}
		return nil, nil
	}})
	if _, err := v.VerifyPlan(t.Context(), view, want); err != nil {
		t.Error(err)
	}
	if _, _, err := kept.Binary("foo"); err == nil {
		t.Error("a view outlives its call")
	}
	broken := wired(t, asks{plan: func(_ context.Context, got index.View, _ plan.Plan) ([]report.Finding, error) {
		_, _, err := got.Binary("foo")
		return nil, err
	}})
	if _, err := broken.VerifyPlan(t.Context(), brokenView{}, want); err == nil || !strings.Contains(err.Error(), "on fire") {
		t.Error(err)
	}
}

// wiredTransport is the transport to a folder, over the wire.
func wiredTransport(t testing.TB) *Transport {
	p := inProcess(t, &server{info: Info{Name: "folder", Version: "1"}, open: func(_ context.Context, to transport.Target, o transport.Options) (transport.Transport, error) {
		return openFolder{to.URL.Path, o}, nil
	}})
	return &Transport{keeper{plugin: p, pin: p.pin, kind: KindTransport}}
}

type openFolder struct {
	path string
	o    transport.Options
}

func (f openFolder) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	d, err := dir.OpenFolder(f.path, false)
	if err != nil {
		return report.Report{}, err
	}
	defer d.Close()
	return (&dir.Transport{FS: d, Path: f.path, Options: f.o}).Push(ctx, u)
}

func TestWireTransport(t *testing.T) {
	t.Parallel()
	transporttest.Suite(t, conformance(func(t *testing.T) *Transport { return wiredTransport(t) }))
}

// conformance lays the ground for the suite of all transports.
func conformance(newTransport func(t *testing.T) *Transport) func(t *testing.T) transporttest.Ground {
	return func(t *testing.T) transporttest.Ground {
		path := t.TempDir()
		folder, err := dir.OpenFolder(path, false)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { folder.Close() })
		if _, _, err := repo.Init(t.Context(), folder, path, pipeline.Mmpack{}, repo.InitOptions{Arch: transporttest.Arch}); err != nil {
			t.Fatal(err)
		}
		way := newTransport(t)
		return transporttest.Ground{Repo: folder, New: func(_ *testing.T, o transport.Options) transport.Transport {
			return way.To("folder://"+filepath.ToSlash(path), o)
		}}
	}
}

// Progress and waiting cross; what makes no sense does not.
func TestWireProgress(t *testing.T) {
	t.Parallel()
	u := opened(t, mpktest.Upload{})
	real := upload.Progress{File: "a", Done: 1, Total: 2, Number: 1, Files: 1, AllDone: 1, AllTotal: 2}
	sent := transport.Sending{File: "a", Done: 1, Total: 2}
	p := inProcess(t, &server{info: Info{Name: "p", Version: "1"}, open: func(_ context.Context, _ transport.Target, o transport.Options) (transport.Transport, error) {
		if !o.Rebuild || !o.Downgrade || !o.TakeOver || !o.DryRun || o.LockWait != time.Second || o.Program != "me" {
			t.Errorf("%+v", o)
		}
		o.Progress(real)
		o.Progress(upload.Progress{AllDone: 7, AllTotal: 2})
		o.Waiting("somebody")
		o.Sending(sent)
		o.Notice("again")
		return nil, errors.New("enough")
	}})
	var told []any
	sending := func(n transport.Sending) { told = append(told, n) }
	way := (&Transport{keeper{plugin: p, pin: p.pin, kind: KindTransport}}).To("p://x", transport.Options{
		Rebuild: true, Downgrade: true, TakeOver: true, DryRun: true, LockWait: time.Second, Program: "me",
		Progress: func(p upload.Progress) { told = append(told, p) }, Waiting: func(h string) { told = append(told, h) }, Notice: func(n string) { told = append(told, n) }, Sending: sending,
	})
	_, err := way.Push(t.Context(), u)
	if err == nil || !strings.Contains(err.Error(), "enough") || !reflect.DeepEqual(told, []any{real, "somebody", sent, "again"}) {
		t.Errorf("%v %v", told, err)
	}
}
