package tupkg

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// starts are the three ways into version 2, each with its server.
func starts(t *testing.T, h *memHost) map[Start]func(Conn) error {
	return map[Start]func(Conn) error{
		StartInBand: func(c Conn) error {
			o := quick()
			o.Version2 = true
			return Serve(t.Context(), c, h, o)
		},
		StartLogin:   func(c Conn) error { return Serve2(t.Context(), c, h, quick()) },
		StartSession: func(c Conn) error { return ServeSession(t.Context(), c, &memSession{h, testUser}, quick()) },
	}
}

func connectOptions(s Start) ConnectOptions {
	return ConnectOptions{Options: quick(), Credentials: Credentials{testUser, testPassword}, Start: s}
}

// session2 is a server without a login and a client that is connected to it.
func session2(t *testing.T, h *memHost, o Options) (*Client, func() error) {
	t.Helper()
	conn, wait := duplex(t, func(c Conn) error { return ServeSession(t.Context(), c, &memSession{h, testUser}, o) })
	c, err := Connect(t.Context(), conn, connectOptions(StartSession))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, wait
}

func TestVersion2(t *testing.T) {
	t.Parallel()
	for start := range starts(t, nil) {
		t.Run(fmt.Sprint(int(start)), func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			h.report.Findings = []report.Finding{{Code: report.CodeHealed, Severity: report.SeverityNote, Message: "a stanza was healed"}}
			h.onVerdict = func(_ context.Context, tell func(Progress)) error {
				tell(Progress{Stage: "verify", File: "a\x1bb", Done: 1, Total: 2})
				return nil
			}
			conn, wait := duplex(t, starts(t, h)[start])
			c, err := Connect(t.Context(), conn, connectOptions(start))
			if err != nil {
				t.Fatal(err)
			}
			var stages []string
			set := Set{Files: smallFiles(), Wishes: Wishes{Rebuild: true}, Progress: func(p Progress) { stages = append(stages, p.Stage+" "+p.File) }}
			result, err := c.Push(t.Context(), set)
			if err != nil || !result.Pass() || len(result.Files) != 3 || !reflect.DeepEqual(result.Report, h.report) || result.Sent != total(set.Files) {
				t.Errorf("%+v, %v", result, err)
			}
			if len(stages) != 4 || stages[3] != "verify ab" || stages[0] != "send " {
				t.Errorf("progress %q", stages)
			}
			if !h.declared[0].Wishes.Rebuild || h.declared[0].Wishes.TakeOver {
				t.Errorf("wishes %+v", h.declared[0].Wishes)
			}
			again, err := c.Push(t.Context(), set)
			if err != nil || again.Sent != 0 || again.Skipped != total(set.Files) || h.received != total(set.Files) {
				t.Errorf("the second time: %+v, %v", again, err)
			}
			_ = c.Close()
			if err := wait(); err != nil {
				t.Error(err)
			}
			if h.closed != 2 {
				t.Errorf("%d intakes closed", h.closed)
			}
		})
	}
}

func TestVersion2Logins(t *testing.T) {
	t.Parallel()
	for _, start := range []Start{StartInBand, StartLogin} {
		conn, wait := duplex(t, starts(t, newMemHost())[start])
		o := connectOptions(start)
		o.Password = "wrong"
		_, err := Connect(t.Context(), conn, o)
		if !errorsAre(err, ErrLogin) || !strings.Contains(err.Error(), "user or password is wrong") || !errorsAre(wait(), ErrLogin) {
			t.Errorf("%d: %v", start, err)
		}
	}
	// A server that was not told of version 2 takes the login in version 1, and says so.
	conn, wait := serveV1(t, newMemHost())
	if _, err := Connect(t.Context(), conn, connectOptions(StartInBand)); !errorsAre(err, ErrVersion) {
		t.Error(err)
	}
	if !errorsAre(wait(), ErrBroken) {
		t.Error("the server takes a hang-up for a session")
	}
}

// A dry run gives the verdict with no byte sent, and hands on the manifest.
func TestDryRun(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	c, _ := session2(t, h, quick())
	manifest := []byte("name: foo\n")
	files := append(smallFiles(), fileOf("foo.mmpack-manifest", manifest))
	result, err := c.Push(t.Context(), Set{Files: files, Manifest: manifest, ManifestFile: 3, DryRun: true})
	if err != nil || result.Sent != 0 || h.received != 0 || len(result.Files) != 4 {
		t.Errorf("%+v, %v", result, err)
	}
	if d := h.declared[0]; !d.DryRun || !bytes.Equal(d.Manifest, manifest) || d.ManifestFile != 3 {
		t.Errorf("declared %+v", d)
	}
}

// A refusal of one upload leaves the connection usable, and reaches a client that is
// in the middle of its data.
func TestRefusalInMidUpload(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	o := quick()
	o.DrainBytes = 64 << 20
	c, _ := session2(t, h, o)
	finding := report.Finding{Code: report.CodeHash, Severity: report.SeverityError, Message: "wrong"}
	h.onReceive = func(_ int, r io.Reader) error {
		_, _ = io.ReadFull(r, make([]byte, 1<<20))
		return &Refusal{Code: CodeBusy, Reason: "the quota is used up", Hint: "remove something", Findings: []report.Finding{finding}}
	}
	big := File{Name: "big", Size: 1 << 30, SHA256: shaOf(nil), Content: endless{}}
	result, err := c.Push(t.Context(), Set{Files: []File{big}})
	told, _ := err.(*Refusal)
	if told == nil || told.Code != CodeBusy || told.Hint != "remove something" || !reflect.DeepEqual(told.Findings, []report.Finding{finding}) {
		t.Fatalf("%v", err)
	}
	if result.Sent > 16<<20 {
		t.Errorf("%d bytes were sent after the refusal", result.Sent)
	}
	h.onReceive = nil
	if result, err := c.Push(t.Context(), Set{Files: smallFiles()}); err != nil || !result.Pass() {
		t.Errorf("the next upload: %+v, %v", result, err)
	}
	h.onDeclare = func(Declaration) error { return &Refusal{Code: CodeDenied, Reason: "no right to publish foo"} }
	if _, err := c.Push(t.Context(), Set{Files: smallFiles()}); !errorsAre(err, ErrRefused) || !strings.Contains(err.Error(), "no right to publish foo") {
		t.Errorf("%v", err)
	}
}

// A server that fails says so, without its own troubles, and ends the connection.
func TestVersion2HostFails(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*memHost){
		"declare": func(h *memHost) { h.onDeclare = func(Declaration) error { return errDisk } },
		"receive": func(h *memHost) { h.onReceive = func(int, io.Reader) error { return errDisk } },
		"verdict": func(h *memHost) { h.onVerdict = func(context.Context, func(Progress)) error { return errDisk } },
		"offers":  func(h *memHost) { h.held = func([]int64) []int64 { return []int64{-1, 0, 0} } },
	}
	for name, breaks := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newMemHost()
			breaks(h)
			c, wait := session2(t, h, quick())
			_, err := c.Push(t.Context(), Set{Files: smallFiles()})
			if !errorsAre(err, ErrRefused) || strings.Contains(err.Error(), "fire") {
				t.Errorf("client: %v", err)
			}
			if _, again := c.Push(t.Context(), Set{}); again == nil {
				t.Error("the connection is over, and takes another upload")
			}
			if err := wait(); err == nil || name != "offers" && !errorsAre(err, errDisk) {
				t.Errorf("server: %v", err)
			}
		})
	}
}

// A newer session takes over: the older client is told which of its uploads ended.
func TestVersion2TakeOver(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	var once sync.Once
	c, _ := session2(t, h, quick())
	big := File{Name: "big", Size: 1 << 35, SHA256: shaOf(nil), Content: endless{}}
	set := Set{Files: []File{big}, Progress: func(p Progress) {
		if p.Done > 1<<20 {
			once.Do(func() { h.declared[0].Abort(&Refusal{Code: CodeReplaced, Reason: "a newer session took over"}) })
		}
	}}
	_, err := c.Push(t.Context(), set)
	if told, _ := err.(*Refusal); told == nil || told.Code != CodeReplaced {
		t.Error(err)
	}
}

// A server that tells its progress instead of reading does not make both sides wait
// for each other.
func TestProgressWhileSending(t *testing.T) {
	t.Parallel()
	conn, wait := duplex(t, func(c Conn) error {
		defer c.Close()
		_, _ = c.Write(msg(kindWelcome, `{"version":2}`))
		_, _ = readMessage2(c, frameBytes, nil)
		_, _ = c.Write(msg(kindOffer, `{"id":1,"held":[0]}`))
		for range 100 {
			if _, err := c.Write(msg(kindProgress, `{"id":1,"stage":"receive"}`)); err != nil {
				return err
			}
		}
		_, _ = readMessage2(c, frameBytes, nil)
		_, err := c.Write(msg(kindVerdict, `{"id":1,"files":[{"pass":true}]}`))
		return err
	})
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	c, err := Connect(t.Context(), conn, connectOptions(StartSession))
	if err != nil {
		t.Fatal(err)
	}
	result, err := c.Push(t.Context(), Set{Files: []File{fileOf("a", []byte("abc"))}})
	if err != nil || !result.Pass() || wait() != nil {
		t.Errorf("%+v, %v", result, err)
	}
	_ = c.Close()
}

// 20,000 files are one upload; one more is too many.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	h := newMemHost()
	c, _ := session2(t, h, quick())
	files := make([]File, 20_000)
	for i := range files {
		files[i] = fileOf(fmt.Sprintf("a-package-with-a-rather-long-name-%05d_1.0-1_amd64-debian.mpk", i), nil)
	}
	result, err := c.Push(t.Context(), Set{Files: files})
	if err != nil || len(result.Files) != len(files) {
		t.Errorf("%d results, %v", len(result.Files), err)
	}
	files = append(files, fileOf("one-more", nil))
	if _, err := c.Push(t.Context(), Set{Files: files}); !errorsAre(err, ErrRefused) {
		t.Error(err)
	}
}
