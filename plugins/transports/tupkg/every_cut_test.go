package tupkg_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/transport/transporttest"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/tupkg"
)

// open is an upload in a folder of its own.
func open(t testing.TB, u mpktest.Upload) upload.Upload {
	t.Helper()
	dir := t.TempDir()
	path, err := u.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	return openAt(t, path)
}

func openAt(t testing.TB, manifest string) upload.Upload {
	t.Helper()
	d, err := vfs.OpenDir(filepath.Dir(manifest))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	up, findings, err := upload.Open(context.Background(), d, ".", filepath.Base(manifest))
	if err != nil || report.Refused(findings) {
		t.Fatalf("%v %v", findings, err)
	}
	return up
}

// long reports whether the long tier runs.
func long() bool { return os.Getenv("MMPUSH_LONG") != "" }

// sameBytes checks that the repository serves the upload with the declared hashes.
func sameBytes(t testing.TB, w *world, u upload.Upload) {
	t.Helper()
	view, err := index.Open(w.disk)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, a := range u.Manifest.Binary {
		for _, p := range a.Packages {
			b, ok, err := view.Binary(p.Name)
			if err != nil || !ok || b.SHA256 != p.File.SHA256 {
				t.Errorf("%s: %v %v, SHA-256 %s", p.Name, ok, err, b.SHA256)
				continue
			}
			text, err := vfs.ReadFile(w.disk, b.Filename, math.MaxInt32)
			if err != nil || sumOf(text) != p.File.SHA256 {
				t.Errorf("%s: other bytes are served (%v)", b.Filename, err)
			}
			n++
		}
	}
	if n == 0 {
		t.Error("nothing was looked at")
	}
}

// cutAt pushes over a connection that breaks after so many bytes, and again until it is
// published. It returns what was sent in all.
func (w *world) cutAt(t testing.TB, u upload.Upload, after int64) int64 {
	t.Helper()
	c := &transporttest.Cutter{After: after}
	p := w.piped(t, transport.Options{}, c)
	for try := range 3 {
		rep, err := p.Push(context.Background(), u)
		switch {
		case err == nil && (rep.Result == report.Published || rep.Result == report.Unchanged):
			sameBytes(t, w, u)
			return c.Sent()
		case err == nil || report.KindOf(err) != report.KindTransport || try > 0:
			t.Fatalf("cut after %d: %v %v, %v", after, rep.Result, rep.Findings, err)
		}
	}
	return 0
}

// TestCutAtEveryByte: a small upload, cut at each byte that the client sends (in the
// ordinary run: at each of the first ones and then at some).
func TestCutAtEveryByte(t *testing.T) {
	t.Parallel()
	small := mpktest.Upload{Packages: []mpktest.Package{{Payload: 300}}}
	step := int64(41)
	if long() {
		step = 1
	}
	u := open(t, small)
	all := newWorld(t).cutAt(t, u, math.MaxInt64)
	cuts := 0
	for after := int64(0); after <= all; cuts++ {
		got := newWorld(t).cutAt(t, u, after)
		if got > all+after+2000 {
			t.Errorf("cut after %d of %d: %d bytes were sent", after, all, got)
		}
		if after < 64 && cuts%8 != 7 || after >= all-4 {
			after++
		} else {
			after += step
		}
	}
	t.Logf("%d cuts in %d bytes", cuts, all)
}

// TestRandomCuts: a large upload, each time cut at a random place; at most one chunk is
// sent twice.
func TestRandomCuts(t *testing.T) {
	t.Parallel()
	n := 25
	if long() {
		n = 1000
	}
	const talk = 12 << 10
	u := open(t, mpktest.Upload{Packages: []mpktest.Package{{Payload: 700_000}, {Name: "more", Payload: 500_000}}})
	var size int64
	for _, f := range u.Files {
		size += f.Size
	}
	for range n {
		after := rand.Int64N(size)
		if got, most := newWorld(t).cutAt(t, u, after), size+chunk+talk; got > most {
			t.Errorf("cut after %d: %d bytes were sent for %d; at most %d were to be expected", after, got, size, most)
		}
	}
}

// TestPatienceEnds: a connection that always breaks is given up, with what to do.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.listen(t, false)
	u := open(t, mpktest.Upload{Packages: []mpktest.Package{{Payload: 50_000}}})
	way := transportTo(s, transport.Options{})
	way.Patience.For = 50_000_000
	var notices []string
	way.Options.Notice = func(text string) { notices = append(notices, text) }
	way.Wrap = func(n net.Conn) net.Conn { return (&transporttest.Cutter{After: 4000}).Conn(n) }
	_, err := way.Push(t.Context(), u)
	e, ok := errors.AsType[*report.Error](err)
	if !ok || e.Kind != report.KindTransport || e.Code != report.CodeConnection || e.Hint == "" || len(notices) == 0 {
		t.Errorf("%#v, notices %q", err, notices)
	}
	// What got through is not lost.
	way.Wrap = nil
	if rep, err := way.Push(t.Context(), u); err != nil || rep.Result != report.Published {
		t.Errorf("%v %v", rep.Result, err)
	}
}

// TestProgressOfAResumedUpload: what an earlier connection sent counts as sent; what
// was there before counts as skipped; the end is all of it.
func TestProgressOfAResumedUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := open(t, mpktest.Upload{Packages: []mpktest.Package{{Payload: 900_000}}})
	// A first run that is not tried again leaves a part.
	first := &transporttest.Cutter{After: 400_000}
	p := w.piped(t, transport.Options{}, first)
	p.o.Patience = tupkg.Patience{For: -1}
	if _, err := p.Push(t.Context(), u); err == nil {
		t.Fatal("not cut")
	}
	var told []transport.Sending
	second := &transporttest.Cutter{After: 300_000}
	p = w.piped(t, transport.Options{Sending: func(s transport.Sending) { told = append(told, s) }}, second)
	if rep, err := p.Push(t.Context(), u); err != nil || rep.Result != report.Published {
		t.Fatalf("%v %v", rep.Result, err)
	}
	var before, last transport.Sending
	for _, s := range told {
		if s.Stage != "" {
			continue
		}
		if s.Done < before.Done-chunk || before.Total > 0 && (s.Total != before.Total || s.Skipped != before.Skipped) {
			t.Errorf("%+v after %+v", s, before)
		}
		before, last = s, s
	}
	if last.Done != last.Total || last.Skipped < 100_000 || last.Skipped > 400_000 || last.Number == 0 || last.Files != len(u.Files)+1 {
		t.Errorf("at the end: %+v", last)
	}
	if len(told) < 3 {
		t.Error(fmt.Sprint(told))
	}
}
