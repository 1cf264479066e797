package watch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	arch   = "amd64-debian"
	corpus = "../../testdata/mmpack"
)

// clock stands still unless somebody lets time pass.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) skip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// world is a drop folder and a repository, each on a disk of its own, and time.
type world struct {
	*clock
	drop, disk *vfs.Mem
	// ahead, if not nil, is called ahead of each call to either disk; disk is "drop"
	// or "repo". The line's goroutines call it one after the other; it may replace
	// itself, but not make such a call.
	ahead   func(disk string, op vfs.Op) error
	looking sync.Mutex
	log     bytes.Buffer
	// filmed is when the crash tests have filmed it.
	filmed time.Time
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c := &clock{at: time.Unix(1_700_000_000, 0)}
	w := &world{clock: c, drop: vfs.NewMem(c.now), disk: vfs.NewMem(c.now)}
	if _, _, err := repo.Init(context.Background(), w.disk, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	w.disk.SyncAll()
	return w
}

// seen is a disk through the world's eyes.
func (w *world) seen(name string, fsys vfs.FS) vfs.FS {
	return vfs.Observe(fsys, func(op vfs.Op) error {
		w.looking.Lock()
		defer w.looking.Unlock()
		if w.ahead == nil {
			return nil
		}
		return w.ahead(name, op)
	})
}

func (w *world) options() Options {
	return Options{
		Drop: w.seen("drop", w.drop), Path: "/drop", Settle: DefaultSettle, Now: w.now,
		Log:     slog.New(slog.NewTextHandler(&w.log, nil)),
		Request: pipeline.Request{Options: pipeline.Options{Who: "tester", Transport: "watch", LockWait: time.Second}},
		Open: func() (*repo.Repo, func(), error) {
			r, err := pipeline.Open(w.seen("repo", w.disk), "/repo")
			if err == nil {
				r.Now, r.Sleep = w.now, w.skip
			}
			return r, func() {}, err
		},
	}
}

// watch starts a watcher.
func (w *world) watch(t testing.TB) *Scanner {
	t.Helper()
	s, err := New(w.options())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put writes a file into the drop folder, in place of another one.
func (w *world) put(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := w.drop.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := vfs.CreateSynced(w.drop, name, 0o644, data); err != nil {
		t.Fatal(err)
	}
}

// add appends to a file in the drop folder.
func (w *world) add(t testing.TB, name string, data []byte) {
	t.Helper()
	f, err := w.drop.Append(name, 0o644)
	if err == nil {
		_, err = f.Write(data)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) bring(t testing.TB, files []mpktest.File) {
	t.Helper()
	for _, f := range files {
		w.put(t, f.Name, f.Data)
	}
}

// scan looks once.
func (w *world) scan(t testing.TB, s *Scanner) time.Time {
	t.Helper()
	next, err := s.Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// run looks again and again, whenever the watcher wants to, for some time.
func (w *world) run(t testing.TB, s *Scanner, d time.Duration) {
	t.Helper()
	end := w.now().Add(d)
	for next := w.scan(t, s); w.now().Before(end); next = w.scan(t, s) {
		if soon := w.now().Add(gatherTime); next.Before(soon) {
			next = soon
		}
		if next.After(end) {
			next = end
		}
		w.set(next)
	}
}

// files lists the ordinary files of the drop folder that are not the watcher's.
func (w *world) files(t testing.TB) []string {
	t.Helper()
	return filesIn(t, w.drop, ".")
}

func filesIn(t testing.TB, fsys vfs.FS, dir string) []string {
	t.Helper()
	list, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list {
		if i.IsRegular() {
			names = append(names, i.Name)
		}
	}
	return names
}

// rejected lists the folders of refused uploads.
func (w *world) rejected(t testing.TB) []string {
	t.Helper()
	list, err := w.drop.ReadDir(RejectedDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list {
		names = append(names, i.Name)
	}
	return names
}

// told is the verdict on a manifest; the zero one if there is none.
func (w *world) told(t testing.TB, manifest string) Verdict {
	t.Helper()
	text, err := vfs.ReadFile(w.drop, VerdictFile(manifest), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return Verdict{}
	}
	var v Verdict
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// expect wants a result for a manifest.
func (w *world) expect(t testing.TB, manifest string, want report.Result) Verdict {
	t.Helper()
	v := w.told(t, manifest)
	if v.Result != want {
		t.Fatalf("%s: %q, want %q\n%+v\n%s", manifest, v.Result, want, v, w.log.String())
	}
	return v
}

// published is what the repository's index has: "name version".
func (w *world) published(t testing.TB) []string {
	t.Helper()
	view, err := index.Open(w.disk)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for b, err := range view.All() {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b.Name+" "+b.Version)
	}
	slices.Sort(list)
	return list
}

func (w *world) generation(t testing.TB) uint64 {
	t.Helper()
	r, err := pipeline.Open(w.disk, "/repo")
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := r.LastGeneration()
	if err != nil {
		t.Fatal(err)
	}
	return g.Number
}

func equal(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// uploadOf is an upload with these packages.
func uploadOf(name, version string, packages ...string) mpktest.Built {
	u := mpktest.Upload{Name: name, Version: version}
	for _, p := range packages {
		u.Packages = append(u.Packages, mpktest.Package{Name: p})
	}
	return u.Build()
}

// genuine reads an upload of the corpus: its files by name, the manifest last.
func genuine(t testing.TB, dir string) []mpktest.File {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(corpus, dir))
	if err != nil {
		t.Fatal(err)
	}
	var files []mpktest.File
	for _, e := range list {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(corpus, dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, mpktest.File{Name: e.Name(), Data: data, Size: int64(len(data))})
	}
	slices.SortStableFunc(files, func(a, b mpktest.File) int {
		return cmp.Compare(fmt.Sprint(isManifest(a.Name)), fmt.Sprint(isManifest(b.Name)))
	})
	return files
}

// isManifest tells manifests from the files that they name.
func isManifest(name string) bool { return declares(name, manifestSuffix) }

func hasCode(v Verdict, c report.Code) bool {
	return slices.ContainsFunc(v.Findings, func(f report.Finding) bool { return f.Code == c })
}

func (w *world) logged(text string) int { return strings.Count(w.log.String(), text) }
