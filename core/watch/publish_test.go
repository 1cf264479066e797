package watch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

func TestPublishesAndDeletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := uploadOf("foo", "1.0", "foo", "libfoo1")
	w.bring(t, u.Files())
	w.put(t, "stranger.mpk", []byte("nobody names it"))
	s := w.watch(t)
	if next := w.scan(t, s); !next.Equal(w.now().Add(quietTime)) {
		t.Errorf("looks again in %s", next.Sub(w.now()))
	}
	equal(t, "published too early", w.published(t))
	w.skip(quietTime)
	w.scan(t, s)
	equal(t, "published", w.published(t), "foo 1.0", "libfoo1 1.0")
	equal(t, "left", w.files(t), "stranger.mpk")
	equal(t, "rejected", w.rejected(t))
	v := w.expect(t, u.Manifest.Name, report.Published)
	if v.Generation != 1 || v.ID == "" || v.ManifestSHA256 != u.Manifest.SHA256 || !v.Updated.Equal(w.now()) || len(v.Packages) != 3 || v.Left != nil {
		t.Errorf("verdict: %+v", v)
	}
	if w.logged("id="+v.ID) != 1 {
		t.Errorf("log:\n%s", &w.log)
	}
	if got := s.Totals(); got != (Totals{Published: 1}) {
		t.Errorf("totals: %+v", got)
	}
	equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), lockName)
}

// TestManifestLast: the manifest is the last of the files that leaves, so that a
// watcher that finds no manifest has nothing to finish.
func TestManifestLast(t *testing.T) {
	t.Parallel()
	for _, c := range scenes() {
		w, s := c.stage(t)
		var order []string
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "drop" && op.Kind == "rename" && !strings.Contains(op.Name, "/") {
				order = append(order, op.Name)
			}
			return nil
		}
		w.scan(t, s)
		// Uploads leave one after the other.
		for i, name := range order {
			ends := i == len(order)-1 || strings.Contains(order[i+1], "foo") != strings.Contains(name, "foo")
			if isManifest(name) != ends {
				t.Errorf("%s: %q", c.name, order)
			}
		}
	}
}

// TestTakesRenamedAtOnce: what was renamed into its place is whole.
func TestTakesRenamedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	for _, f := range u.Files() {
		w.put(t, "."+f.Name+".part", f.Data)
	}
	w.scan(t, s)
	w.skip(time.Millisecond)
	for _, f := range u.Files() {
		if err := w.drop.Rename("."+f.Name+".part", f.Name); err != nil {
			t.Fatal(err)
		}
	}
	w.scan(t, s)
	equal(t, "published", w.published(t), "foo 1.0")
	equal(t, "left", w.files(t))
}

// TestArrival brings an upload in pieces of any size, in any order, with any pauses
// that are shorter than the settle time and, within a file, than the quiet time.
func TestArrival(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo", "libfoo1")
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		s := w.watch(t)
		files := rapid.Permutation(u.Files()).Draw(r, "order")
		for i, f := range files {
			for rest := f.Data; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(r, "piece")
				w.add(t, f.Name, rest[:n])
				rest = rest[n:]
				pause := time.Duration(rapid.IntRange(1, 1900).Draw(r, "pause")) * time.Millisecond
				if len(rest) == 0 && i < len(files)-1 {
					pause *= 100
				}
				w.run(t, s, pause)
				if i < len(files)-1 || len(rest) > 0 {
					if got := w.published(t); len(got) > 0 {
						r.Fatalf("published before it was whole: %q", got)
					}
				}
			}
		}
		w.run(t, s, 2*quietTime)
		equal(t, "published", w.published(t), "foo 1.0", "libfoo1 1.0")
		equal(t, "left", w.files(t))
		equal(t, "rejected", w.rejected(t))
	})
}

// TestManifestInTwoPieces cuts the manifest at every byte, with everything else
// there, and pauses: for less than the quiet time; and for longer, where the first
// piece is no manifest of its own.
func TestManifestInTwoPieces(t *testing.T) {
	t.Parallel()
	u := uploadOf("foo", "1.0", "foo", "libfoo1")
	long := 0
	for cut := range len(u.Manifest.Data) {
		for _, pause := range []time.Duration{quietTime - time.Millisecond, time.Minute} {
			w := newWorld(t)
			s := w.watch(t)
			w.bring(t, u.Files())
			first := u.Manifest.Data[:cut]
			w.put(t, u.Manifest.Name, first)
			// It ends with an entry: nobody can tell it from a whole one.
			if pause > quietTime && bytes.HasSuffix(first, lastLine(u.Packages[0].File)) {
				continue
			} else if pause > quietTime && cut%4 > 0 {
				continue
			} else if pause > quietTime {
				long++
			}
			w.run(t, s, pause)
			equal(t, "published of a half manifest", w.published(t))
			w.add(t, u.Manifest.Name, u.Manifest.Data[cut:])
			w.run(t, s, time.Minute)
			equal(t, "published", w.published(t), "foo 1.0", "libfoo1 1.0")
			equal(t, "left", w.files(t))
		}
	}
	t.Logf("%d cuts, %d with a long pause", len(u.Manifest.Data), long)
}

func lastLine(f mpktest.File) []byte { return fmt.Appendf(nil, "      size: %d\n", f.Size) }

// TestGenuine publishes what mmpack-build made, all of it dropped at once.
func TestGenuine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	w.skip(time.Minute)
	for _, dir := range []string{"01-foo-1.0.0", "02-weather-data-2024.01", "03-greet-0.9.0", "04-pytide-0.3.1", "05-chain-3.2",
		"06-foo-1.1.0", "08-greet-1.0.0", "09-colon-1.0", "10-foo-2.0.0", "11-ghost-sysbell"} {
		w.bring(t, genuine(t, "uploads/"+dir))
		w.skip(time.Millisecond)
	}
	w.run(t, s, time.Minute)
	equal(t, "left", w.files(t))
	equal(t, "rejected", w.rejected(t))
	if g := w.generation(t); g != 10 {
		t.Errorf("%d generations", g)
	}
	if got := w.published(t); !slices.Contains(got, "foo 2.0.0") || !slices.Contains(got, "greet 1.0.0") {
		t.Errorf("published: %q", got)
	}
}

// TestOldestFirst: of two versions, the one that came first is published first.
func TestOldestFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	w.bring(t, uploadOf("foo", "1.9").Files())
	w.skip(time.Millisecond)
	w.bring(t, uploadOf("foo", "1.10").Files())
	w.run(t, s, time.Minute)
	equal(t, "published", w.published(t), "foo 1.10")
	equal(t, "rejected", w.rejected(t))
}

// TestAgain: what is published already leaves, too.
func TestAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0")
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	first := w.expect(t, u.Manifest.Name, report.Published)
	w.bring(t, u.Files())
	w.run(t, s, time.Minute)
	second := w.expect(t, u.Manifest.Name, report.Unchanged)
	equal(t, "left", w.files(t))
	if first.ID == second.ID {
		t.Error("two uploads have one id")
	}
	if got := s.Totals(); got != (Totals{Published: 1, Unchanged: 1}) {
		t.Errorf("totals: %+v", got)
	}
}
