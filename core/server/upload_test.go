package server

import (
	"context"
	"errors"
	"fmt"
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

const bfinch = "bfinch@example.net"

// TestSeed: a package without a manifest is kept for its user, and not published.
func TestSeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p1 := mpktest.File{Name: "p1.pkg.tar.gz", Data: []byte("123 bytes or so")}
	p2 := mpktest.File{Name: "p2.pkg.tar.gz", Data: []byte("abc")}
	r, err := w.v1(t, bfinch, tupkg.Document, p1, p2)
	mustPass(t, r, err)
	want := []string{bfinch + "/" + sumOf(string(p1.Data)) + "/" + p1.Name, bfinch + "/" + sumOf(string(p2.Data)) + "/" + p2.Name}
	slices.Sort(want)
	if got := w.files(t, "area"); !slices.Equal(got, want) || len(w.published(t)) > 0 || len(w.files(t, "partial")) > 0 {
		t.Errorf("area %q, published %q", got, w.published(t))
	}
	// Once more: nothing need be sent.
	if r, err := w.v1(t, bfinch, tupkg.HistoricalCode, p1, p2); err != nil || !r.Pass() || r.Sent != 0 {
		t.Errorf("again: %+v %v", r, err)
	}
}

func TestPublishes(t *testing.T) {
	t.Parallel()
	for _, d := range []tupkg.Dialect{tupkg.Document, tupkg.HistoricalCode} {
		w := newWorld(t)
		r, err := w.v1(t, bfinch, d, genuine(t, "uploads/01-foo-1.0.0")...)
		mustPass(t, r, err)
		if got := w.published(t); len(got) != 4 || len(w.files(t, "area")) > 0 {
			t.Errorf("%s: published %q, area %q", d, got, w.files(t, "area"))
		}
		r, err = w.v2(t, bfinch, tupkg.Set{}, genuine(t, "uploads/01-foo-1.0.0")...)
		mustPass(t, r, err)
		if r.Report.Result != report.Unchanged || r.Sent != int64(len(genuine(t, "uploads/01-foo-1.0.0")[0].Data)) {
			t.Errorf("again: %s, %d bytes sent", r.Report.Result, r.Sent)
		}
	}
}

// TestAcrossSessions: a manifest is run when the last of its files comes, in whatever
// session.
func TestAcrossSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := genuine(t, "uploads/01-foo-1.0.0")
	r, err := w.v1(t, bfinch, tupkg.Document, files[:2]...)
	if err != nil || r.Files[0].Pass || !r.Files[1].Pass || !strings.Contains(r.Reason, "has not arrived") {
		t.Fatalf("%+v %v", r, err)
	}
	// Somebody else's files do not complete it.
	if r, err = w.v1(t, "other", tupkg.Document, files[2:]...); err != nil || !r.Pass() || len(w.published(t)) > 0 {
		t.Fatalf("%+v %v", r, err)
	}
	r, err = w.v1(t, bfinch, tupkg.HistoricalCode, files[2:]...)
	mustPass(t, r, err)
	if got := w.published(t); len(got) != 4 {
		t.Errorf("published %q", got)
	}
	if strings.Contains(strings.Join(w.files(t, "area"), " "), bfinch) {
		t.Errorf("area: %q", w.files(t, "area"))
	}
}

func TestVersion2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.v2(t, bfinch, tupkg.Set{}, genuine(t, "uploads/06-foo-1.1.0")...)
	mustPass(t, r, err)
	if r.Report.Result != report.Published || r.Report.Generation != 1 || r.Report.Repository != "" {
		t.Errorf("%+v", r.Report)
	}
	rebuild := genuine(t, "uploads/07-foo-1.1.0-rebuild")
	r, err = w.v2(t, bfinch, tupkg.Set{DryRun: true}, rebuild...)
	if err != nil || r.Report.Result != report.Rejected || r.Sent > 0 || !hasCode(r.Report, report.CodeConflict) {
		t.Errorf("dry run of a rebuild: %+v %v", r.Report, err)
	}
	r, err = w.v2(t, bfinch, tupkg.Set{}, rebuild...)
	if err != nil || r.Report.Result != report.Rejected || r.Pass() || !hasCode(r.Report, report.CodeConflict) {
		t.Errorf("rebuild: %+v %v", r.Report, err)
	}
	if got := w.files(t, "refused"); len(got) != 2 || !strings.HasSuffix(got[1], "/report.json") {
		t.Errorf("refused: %q", got)
	}
	before := len(w.files(t, "area"))
	r, err = w.v2(t, bfinch, tupkg.Set{Wishes: tupkg.Wishes{Rebuild: true}}, rebuild...)
	mustPass(t, r, err)
	if r.Report.Result != report.Published || r.Sent != int64(len(rebuild[0].Data)) || before == 0 || len(w.files(t, "area")) > 0 {
		t.Errorf("%s, %d bytes sent; area %d, then %q", r.Report.Result, r.Sent, before, w.files(t, "area"))
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.v2(t, bfinch, tupkg.Set{DryRun: true}, genuine(t, "uploads/01-foo-1.0.0")...)
	if err != nil || r.Report.Result != report.Planned || len(r.Report.Packages) != 5 || r.Sent > 0 || len(w.files(t, "area")) > 0 {
		t.Errorf("%+v %v", r.Report, err)
	}
}

// TestRejects: each refused upload of the corpus is refused here, with findings, and
// nothing is published.
func TestRejects(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"wrong-sha-mpk", "not-yaml", "empty-manifest", "missing-mpk", "traversal", "srcsha-mismatch", "name-mismatch-bin", "wrong-arch", "wrong-size"} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			files := genuine(t, "uploads-bad/"+bad)
			r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
			if err != nil || r.Report.Result != report.Rejected || len(r.Report.Findings) == 0 || r.Files[0].Pass || r.Files[0].Reason == "" {
				t.Errorf("version 2: %+v %v", r, err)
			}
			if r, err := w.v1(t, "other", tupkg.HistoricalCode, files...); err != nil || r.Files[0].Pass || r.Reason == "" {
				t.Errorf("version 1: %+v %v", r, err)
			}
			if got := w.published(t); len(got) > 0 {
				t.Errorf("published %q", got)
			}
		})
	}
}

func hasCode(r report.Report, code report.Code) bool {
	return slices.ContainsFunc(r.Findings, func(f report.Finding) bool { return f.Code == code })
}

// TestWrongHash: a file that is not what was declared is deleted, and only that one.
func TestWrongHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := wire([]mpktest.File{{Name: "a", Data: []byte("aaa")}, {Name: "b", Data: []byte("bbb")}, {Name: "empty"}})
	files[0].MD5 = strings.Repeat("0", 32)
	client, done := w.dial(t)
	r, err := tupkg.Upload(t.Context(), client, files, tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch)})
	done()
	if err != nil || r.Files[0].Pass || !r.Files[1].Pass || !r.Files[2].Pass {
		t.Errorf("%+v %v", r, err)
	}
	if got := w.files(t, "area"); len(got) != 2 || len(w.files(t, "partial")) > 0 {
		t.Errorf("area %q, partial %q", got, w.files(t, "partial"))
	}
}

// TestMany: two hundred small uploads at once are all published.
func TestMany(t *testing.T) {
	t.Parallel()
	const many = 200
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- w.Serve(ctx, l) }()
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			user := []string{bfinch, "other"}[i%2]
			files := built(fmt.Sprintf("foo%d", i), "1.0")
			if i%3 == 0 {
				r, err := tupkg.Upload(context.Background(), conn, wire(files), tupkg.UploadOptions{Credentials: credentials(user), Dialect: tupkg.HistoricalCode})
				if err != nil || !r.Pass() {
					t.Errorf("%d: %+v %v", i, r, err)
				}
				return
			}
			c, err := tupkg.Connect(context.Background(), conn, tupkg.ConnectOptions{Credentials: credentials(user)})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if r, err := c.Push(context.Background(), setOf(tupkg.Set{}, files)); err != nil || r.Report.Result != report.Published {
				t.Errorf("%d: %+v %v", i, r.Report, err)
			}
		})
	}
	all.Wait()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := w.published(t); len(got) != many || len(w.files(t, "area")) > 0 {
		t.Errorf("%d published, area %q", len(got), w.files(t, "area"))
	}
}

// TestExpiry: what is old goes, what is at work stays.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.v1(t, bfinch, tupkg.Document, mpktest.File{Name: "p1.pkg.tar.gz", Data: []byte("x")})
	mustPass(t, r, err)
	if err := errors.Join(w.Sweep(t.Context()), vfs.CreateSynced(w.disk, w.path("partial", bfinch, "key"), 0o600, nil)); err != nil {
		t.Fatal(err)
	}
	w.skip = 6 * 24 * time.Hour
	if err := w.Sweep(t.Context()); err != nil || len(w.files(t, "area")) != 1 || len(w.files(t, "partial")) != 1 {
		t.Errorf("too early: %v", err)
	}
	w.skip = 8 * 24 * time.Hour
	if err := w.Sweep(t.Context()); err != nil || len(w.files(t, "area"))+len(w.files(t, "partial"))+len(w.files(t, "trash")) > 0 {
		t.Errorf("%v: %q", err, w.files(t, "area"))
	}
}
