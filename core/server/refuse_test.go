package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestRights: without rights the answer is the same whatever is published; and those
// over another source's packages are judged on the plan.
func TestRights(t *testing.T) {
	t.Parallel()
	empty, full := newWorld(t), newWorld(t)
	foo := built("foo", "1.0")
	r, err := full.v2(t, bfinch, tupkg.Set{}, foo...)
	mustPass(t, r, err)
	for _, user := range []string{"nobody", "librarian"} {
		for _, dry := range []bool{false, true} {
			var answers []string
			for _, w := range []*world{empty, full} {
				_, err := w.v2(t, user, tupkg.Set{DryRun: dry}, foo...)
				told, ok := errors.AsType[*tupkg.Refusal](err)
				if !ok || told.Code != tupkg.CodeDenied {
					t.Fatalf("%s: %v", user, err)
				}
				text, _ := json.Marshal(told)
				answers = append(answers, string(text))
			}
			if answers[0] != answers[1] {
				t.Errorf("%s: %s and %s", user, answers[0], answers[1])
			}
		}
	}
	if _, err := full.v1(t, "nobody", tupkg.Document, foo...); !errors.Is(err, tupkg.ErrRefused) {
		t.Errorf("version 1: %v", err)
	}
	// libfoo brings a binary of the name foo.
	theft := mpktest.Upload{Name: "libfoo", Version: "2.0", Packages: []mpktest.Package{{Name: "foo"}}}.Build().Files()
	r, err = full.v2(t, "librarian", tupkg.Set{Wishes: tupkg.Wishes{TakeOver: true}}, theft...)
	if err != nil || r.Report.Result != report.Rejected || !hasCode(r.Report, report.CodeRights) {
		t.Errorf("take-over of another's package: %+v %v", r.Report, err)
	}
	if got := full.published(t); !slices.Equal(got, []string{"foo 1.0"}) {
		t.Errorf("published %q", got)
	}
	r, err = full.v2(t, bfinch, tupkg.Set{Wishes: tupkg.Wishes{TakeOver: true}}, theft...)
	mustPass(t, r, err)
	// A rebuild needs its own right, asked for or not.
	r, err = full.v2(t, "other", tupkg.Set{}, mpktest.Upload{Name: "bar"}.Build().Files()...)
	mustPass(t, r, err)
	r, err = full.v2(t, "other", tupkg.Set{Wishes: tupkg.Wishes{Rebuild: true}}, mpktest.Upload{Name: "bar", Salt: "x"}.Build().Files()...)
	if err != nil || !hasCode(r.Report, report.CodeRights) {
		t.Errorf("rebuild without the right: %+v %v", r.Report, err)
	}
}

// TestQuotaOfFiles: what lies here already is counted once when it is declared again, so
// that a set which was cut can be finished.
func TestQuotaOfFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.UserFiles = 3 })
	file := func(name string) mpktest.File { return mpktest.File{Name: name, Data: []byte("text " + name)} }
	for range 2 {
		r, err := w.v2(t, bfinch, tupkg.Set{}, file("a"), file("b"))
		mustPass(t, r, err)
	}
	begun := fmt.Sprintf("%s-%d", sha256Of(file("c").Data), len(file("c").Data))
	if err := vfs.CreateSynced(w.disk, w.path("partial", bfinch, begun), 0o600, []byte("te")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.v2(t, bfinch, tupkg.Set{}, file("d")); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "3 lie here, 1 more") {
		t.Errorf("one too many: %v", err)
	}
	r, err := w.v2(t, bfinch, tupkg.Set{}, file("a"), file("b"), file("c"))
	mustPass(t, r, err)
}

func TestQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.UserBytes = 1000 })
	file := func(name string, n int) mpktest.File {
		return mpktest.File{Name: name, Data: []byte(strings.Repeat(name, n))}
	}
	r, err := w.v2(t, bfinch, tupkg.Set{}, file("a", 600))
	mustPass(t, r, err)
	for n, code := range map[int]tupkg.Code{500: tupkg.CodeBusy, 5000: tupkg.CodeLimit} {
		_, err := w.v2(t, bfinch, tupkg.Set{}, file("b", n))
		if told, ok := errors.AsType[*tupkg.Refusal](err); !ok || told.Code != code {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := w.v1(t, bfinch, tupkg.Document, file("b", 500)); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "quota") {
		t.Errorf("version 1: %v", err)
	}
	r, err = w.v2(t, "other", tupkg.Set{}, file("b", 500))
	mustPass(t, r, err)
	if w.reserved != 0 {
		t.Errorf("%d bytes stay reserved", w.reserved)
	}
	small := newWorld(t, func(o *Options) { o.Free = func() (int64, error) { return 1<<30 + 100, nil } })
	if _, err := small.v2(t, bfinch, tupkg.Set{}, file("b", 500)); !errors.Is(err, tupkg.ErrRefused) || !strings.Contains(err.Error(), "no room") {
		t.Errorf("a full disk: %v", err)
	}
}

// raw sends frames of version 1 and returns what comes.
func (w *world) raw(t *testing.T, messages ...string) string {
	t.Helper()
	client, done := w.dial(t)
	go func() {
		for _, m := range messages {
			if _, err := client.Write(append([]byte{byte(len(m) >> 8), byte(len(m))}, m...)); err != nil {
				return
			}
		}
	}()
	_ = client.SetReadDeadline(time.Now().Add(3 * time.Second))
	got, _ := io.ReadAll(client)
	_ = client.Close()
	done()
	return string(got)
}

func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	login := "username=" + bfinch + "&password=B0b+50%25"
	for _, name := range []string{"../x", "/etc/x", "..", ".", "a/b", "..%2Fx", "-x", ".x", "a%00", "%2e%2e%2fx"} {
		got := w.raw(t, login, "numpkgs=1&name1="+name+"&size1=1&md5sum1="+strings.Repeat("0", 32), "x")
		if !strings.Contains(got, "result=PASS") || !strings.Contains(got, "result=FAIL") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if len(w.files(t, "partial"))+len(w.files(t, "area")) > 0 {
		t.Error("something was stored")
	}
}

// TestBadLogins: wrong passwords are refused, after some of them without a look, and
// nothing secret is logged.
func TestBadLogins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 14 {
		if got := w.raw(t, "username=other&password=wr0ngsecret"); !strings.Contains(got, "result=FAIL") {
			t.Errorf("%q", got)
		}
	}
	if got := w.raw(t, "username=hunter2secret&password=x"); !strings.Contains(got, "result=FAIL") {
		t.Errorf("%q", got)
	}
	log := w.log.String()
	for _, secret := range []string{"wr0ngsecret", "hunter2secret", password} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
	if !strings.Contains(log, "too many failed logins") {
		t.Errorf("never limited:\n%s", log)
	}
}

// faraway is a connection from another machine.
type faraway struct{ net.Conn }

func (faraway) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711} }

func TestPlaintextPasswords(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{false, true} {
		w := newWorld(t, func(o *Options) { o.AllowPlaintextPasswords = allowed })
		client, server := net.Pipe()
		over := make(chan struct{})
		go func() { defer close(over); w.ServeConn(context.Background(), faraway{server}) }()
		_, err := tupkg.Upload(t.Context(), client, wire([]mpktest.File{{Name: "a"}}), tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch)})
		if (err == nil) != allowed {
			t.Errorf("allowed %v: %v", allowed, err)
		}
		<-over
	}
}

// TestDrain: a server that stops hangs up on the idle, tells those that send, and keeps
// what they sent.
func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Drain = 50 * time.Millisecond })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, l) }()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	idle := dial()
	defer idle.Close()
	data := mpktest.File{Name: "big", Data: []byte(strings.Repeat("x", 1<<20))}
	stalled := wire([]mpktest.File{data})
	pause := slow{stalled[0].Content, 512 << 10, make(chan struct{}), make(chan struct{}), &sync.Once{}}
	stalled[0].Content = pause
	told := make(chan error, 1)
	go func() {
		_, err := tupkg.Upload(context.Background(), dial(), stalled, tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch), WantReason: true})
		told <- err
	}()
	<-pause.there
	until(t, func() bool {
		_, came, err := w.Partials()
		return err == nil && came >= 256<<10
	})
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	close(pause.until)
	if err := <-told; err == nil || !strings.Contains(err.Error(), "the server stops") {
		t.Errorf("told: %v", err)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil {
		t.Error("the idle one is told something")
	}
	w.start(t)
	if r, err := w.v1(t, bfinch, tupkg.Document, data); err != nil || !r.Pass() || r.Skipped < 256<<10 {
		t.Errorf("after it: %+v %v", r, err)
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Connections, o.Limits.Login = 1, time.Second })
	first, _ := w.dial(t)
	if _, err := first.Write([]byte{0}); err != nil {
		t.Fatal(err)
	}
	second, done := w.dial(t)
	if _, err := second.Read(make([]byte, 1)); err == nil {
		t.Error("the second is served")
	}
	done()
}
