package transporttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// Arch is the architecture of the repository that a Ground has.
const Arch = "amd64-debian"

// testPatience is how long a pusher waits for the others.
const testPatience = time.Minute

// Ground is one empty repository and the way to it.
type Ground struct {
	// Repo is the published folder.
	Repo vfs.FS
	// Kind is what the repository publishes; empty is [upload.Mmpack]. One of pacman's
	// is called [PacmanName].
	Kind upload.Kind
	// New returns a transport to it.
	New func(t *testing.T, o transport.Options) transport.Transport
	// Cut is nil if no connection lies between. Else it returns a transport to the
	// same repository whose first connection breaks when that many bytes of the
	// pusher's have gone through; the later ones hold. sent is how many bytes went
	// through over all of them.
	Cut func(t *testing.T, o transport.Options, after int64) (way transport.Transport, sent func() int64)
	// Chunk is how many bytes a lost connection may cost again.
	Chunk int64
	// Alone means that the other side goes on without a connection, as a drop folder
	// does: what was cut at its very end may have been taken from there, and its verdict
	// not be there yet, when the pusher is back, who then sends everything again.
	Alone bool
}

// Suite runs the suite; lay returns a new ground for each of its tests.
func Suite(t *testing.T, lay func(t *testing.T) Ground) {
	tests := []struct {
		name string
		run  func(t *testing.T, g Ground)
	}{
		{"push", testPush},
		{"push twice", testTwice},
		{"new version", testNewVersion},
		{"refusal changes nothing", testRefusal},
		{"conflict needs a request", testConflict},
		{"downgrade needs a request", testDowngrade},
		{"dry run changes nothing", testDryRun},
		{"two pushers at once", testTwoPushers},
		{"one version, two contents, at once", testRace},
		{"one upload, twice at once", testSameTwice},
		{"cancelled", testCancelled},
		{"resume", testResume},
		{"cut anywhere", testCutAnywhere},
		{"dry run sends no file", testDryRunSends},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, lay(t))
		})
	}
}

// made is an upload in a folder of its own.
type made struct {
	upload.Upload
	dir, version string
}

func (g Ground) build(t *testing.T, u mpktest.Upload) made {
	t.Helper()
	if g.Kind == upload.Pacman {
		return buildPackages(t, u)
	}
	dir := t.TempDir()
	manifest := u.In(t, dir)
	d, err := vfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	up, findings, err := upload.Open(context.Background(), d, ".", filepath.Base(manifest))
	if err != nil || report.Refused(findings) {
		t.Fatalf("%v %v", findings, err)
	}
	return made{up, dir, up.Manifest.Version}
}

func push(t *testing.T, g Ground, o transport.Options, u made) report.Report {
	t.Helper()
	before := bytesOf(t, u.dir)
	rep, err := g.New(t, o).Push(context.Background(), u.Upload)
	if err != nil {
		t.Fatal(err)
	}
	if bytesOf(t, u.dir) != before {
		t.Error("the uploader's files were changed")
	}
	return rep
}

// bytesOf is a hash over names and contents of a folder.
func bytesOf(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// published is what the repository has, "name version" each. Each file has to be there with
// its bytes.
func (g Ground) published(t *testing.T) []string {
	t.Helper()
	if g.Kind == upload.Pacman {
		return servedPackages(t, g)
	}
	view, err := index.Open(g.Repo)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for b, err := range view.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.Name+" "+b.Version)
		checkFile(t, g, b.Filename, b.SHA256)
	}
	return got
}

// serves checks that exactly these versions are published, "name version" each.
func serves(t *testing.T, g Ground, want ...string) {
	t.Helper()
	if got := g.published(t); strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("published: %q, want %q", got, want)
	}
}

// sources is how many source packages a report names.
func (g Ground) sources() int {
	if g.Kind == upload.Pacman {
		return 0
	}
	return 1
}

// plans reports whether a dry run tells about so many binary packages, or about none, where
// only the packages themselves could tell, and a server has not seen them.
func (g Ground) plans(rep report.Report, binaries int) bool {
	n := len(rep.Packages)
	return rep.Result == report.Planned && rep.Generation == 0 && (n == binaries+g.sources() || g.Kind == upload.Pacman && g.Cut != nil && n == 0)
}

func wantResult(t *testing.T, rep report.Report, want report.Result) {
	t.Helper()
	if rep.Result != want {
		t.Fatalf("result %q, want %q; findings %v", rep.Result, want, rep.Findings)
	}
}

func testPush(t *testing.T, g Ground) {
	rep := push(t, g, transport.Options{}, g.build(t, mpktest.Upload{Packages: []mpktest.Package{{Name: "foo"}, {Name: "libfoo"}}}))
	wantResult(t, rep, report.Published)
	if rep.Generation == 0 || len(rep.Packages) != 2+g.sources() || rep.Schema != report.Schema {
		t.Errorf("report: %+v", rep)
	}
	serves(t, g, "foo 1.0.0", "libfoo 1.0.0")
}

func testTwice(t *testing.T, g Ground) {
	u := g.build(t, mpktest.Upload{})
	wantResult(t, push(t, g, transport.Options{}, u), report.Published)
	wantResult(t, push(t, g, transport.Options{}, u), report.Unchanged)
	serves(t, g, "foo 1.0.0")
}

func testNewVersion(t *testing.T, g Ground) {
	push(t, g, transport.Options{}, g.build(t, mpktest.Upload{}))
	wantResult(t, push(t, g, transport.Options{}, g.build(t, mpktest.Upload{Version: "1.1.0"})), report.Published)
	serves(t, g, "foo 1.1.0")
}

func testRefusal(t *testing.T, g Ground) {
	push(t, g, transport.Options{}, g.build(t, mpktest.Upload{}))
	bad := g.build(t, mpktest.Upload{Name: "bar", Packages: []mpktest.Package{{Name: "bar", Metadata: "name: other\n"}}})
	rep := push(t, g, transport.Options{}, bad)
	wantResult(t, rep, report.Rejected)
	if !report.Refused(rep.Findings) || rep.Findings[0].Code == "" || rep.Findings[0].File == "" {
		t.Errorf("findings: %+v", rep.Findings)
	}
	serves(t, g, "foo 1.0.0")
}

func testConflict(t *testing.T, g Ground) {
	push(t, g, transport.Options{}, g.build(t, mpktest.Upload{}))
	rebuilt := g.build(t, mpktest.Upload{Salt: "again"})
	wantResult(t, push(t, g, transport.Options{}, rebuilt), report.Rejected)
	serves(t, g, "foo 1.0.0")
	if g.Kind == upload.Pacman {
		// What is published there never changes, and nobody can ask for it.
		return
	}
	wantResult(t, push(t, g, transport.Options{Rebuild: true}, rebuilt), report.Published)
	wantResult(t, push(t, g, transport.Options{}, rebuilt), report.Unchanged)
	serves(t, g, "foo 1.0.0")
}

func testDowngrade(t *testing.T, g Ground) {
	push(t, g, transport.Options{}, g.build(t, mpktest.Upload{Version: "2.0"}))
	older := g.build(t, mpktest.Upload{Version: "1.9"})
	wantResult(t, push(t, g, transport.Options{}, older), report.Rejected)
	serves(t, g, "foo 2.0")
	wantResult(t, push(t, g, transport.Options{Downgrade: true}, older), report.Published)
	serves(t, g, "foo 1.9")
}

func testDryRun(t *testing.T, g Ground) {
	u := g.build(t, mpktest.Upload{})
	rep := push(t, g, transport.Options{DryRun: true}, u)
	if !g.plans(rep, 1) {
		t.Errorf("report: %+v", rep)
	}
	serves(t, g)
}

func testTwoPushers(t *testing.T, g Ground) {
	names := []string{"aa", "bb", "cc", "dd"}
	var all sync.WaitGroup
	for _, name := range names {
		u := g.build(t, mpktest.Upload{Name: name})
		way := g.New(t, transport.Options{LockWait: testPatience})
		all.Go(func() {
			if rep, err := way.Push(context.Background(), u.Upload); err != nil || rep.Result != report.Published {
				t.Errorf("%s: %v %v %v", name, rep.Result, rep.Findings, err)
			}
		})
	}
	all.Wait()
	if got := g.published(t); strings.Join(slices.Sorted(slices.Values(got)), ", ") != "aa 1.0.0, bb 1.0.0, cc 1.0.0, dd 1.0.0" {
		t.Errorf("published: %q", got)
	}
}

func testRace(t *testing.T, g Ground) {
	var mu sync.Mutex
	results := map[report.Result]int{}
	var all sync.WaitGroup
	for _, salt := range []string{"one", "two", "three"} {
		u := g.build(t, mpktest.Upload{Salt: salt})
		way := g.New(t, transport.Options{LockWait: testPatience})
		all.Go(func() {
			rep, err := way.Push(context.Background(), u.Upload)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			results[rep.Result]++
		})
	}
	all.Wait()
	if results[report.Published] != 1 || results[report.Rejected] != 2 {
		t.Errorf("results: %v, want one winner", results)
	}
	serves(t, g, "foo 1.0.0")
}

func testCancelled(t *testing.T, g Ground) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	rep, err := g.New(t, transport.Options{}).Push(ctx, g.build(t, mpktest.Upload{}).Upload)
	if err == nil {
		t.Errorf("no error, but %v", rep.Result)
	}
	serves(t, g)
}
