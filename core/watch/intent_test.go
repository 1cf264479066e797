package watch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// push publishes an upload past the watcher.
func (w *world) push(t testing.TB, name, version string, packages ...string) {
	t.Helper()
	from := vfs.NewMem(w.now)
	u := uploadOf(name, version, packages...)
	for _, f := range u.Files() {
		must(t, vfs.CreateSynced(from, f.Name, 0o644, f.Data))
	}
	r, err := pipeline.Open(w.disk, "/repo")
	must(t, err)
	r.Now, r.Sleep = w.now, w.skip
	up, findings, err := upload.Open(context.Background(), from, ".", u.Manifest.Name)
	if err != nil || len(findings) > 0 {
		t.Fatal(err, findings)
	}
	rep, err := pipeline.Publish(context.Background(), r, pipeline.Request{Upload: up, Options: pipeline.Options{Who: "x", LockWait: time.Second}})
	if err != nil || rep.Result != report.Published {
		t.Fatal(err, rep)
	}
}

// TestNewerAfterAKill: somebody publishes a newer version after a watcher was killed,
// ahead of each call of its scan. What it had published by then is told to be
// published, and is never published over the newer one.
func TestNewerAfterAKill(t *testing.T) {
	t.Parallel()
	for _, everything := range []bool{false, true} {
		c := scenes()[0]
		w, moments := c.film(t)
		told := 0
		for k, m := range moments {
			killed := w.with(m.drop, m.disk)
			was := len(killed.published(t)) > 0
			killed.push(t, "foo", "2.0", "foo", "libfoo1")
			if !was && killed.generation(t) == 1 {
				// Not committed: what comes next is a downgrade.
				continue
			}
			told++
			opt := killed.options()
			if everything {
				opt.Request.Requests = plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true}
			}
			s, err := New(opt)
			must(t, err)
			killed.finish(t, s)
			equal(t, "published", killed.published(t), "foo 2.0", "libfoo1 2.0")
			equal(t, "rejected", killed.rejected(t))
			equal(t, "left", killed.files(t))
			equal(t, "the watcher's own", filesIn(t, killed.drop, privateDir), lockName)
			for _, f := range c.files {
				if isManifest(f.Name) && killed.expect(t, f.Name, report.Published).Generation != 1 {
					t.Errorf("killed ahead of call %d (%s %s): another generation", k, m.op.Kind, m.op.Name)
				}
			}
		}
		if told < 10 {
			t.Errorf("only %d kills behind the commit", told)
		}
	}
}

// TestOutcome: only a later generation that has all of an upload is its publish.
func TestOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push(t, "foo", "1.0", "foo", "libfoo1")
	w.push(t, "bar", "1.0", "bar")
	r, err := pipeline.Open(w.disk, "/repo")
	must(t, err)
	foo, bar := uploadOf("foo", "1.0", "foo", "libfoo1"), uploadOf("bar", "1.0", "bar")
	sum := func(p mpktest.PackageFile) string { return p.File.SHA256 }
	for _, c := range []struct {
		after    uint64
		packages []string
		want     uint64
	}{
		{0, []string{sum(foo.Packages[0]), sum(foo.Packages[1])}, 1},
		{0, []string{sum(bar.Packages[0])}, 2},
		{1, []string{sum(bar.Packages[0])}, 2},
		{1, []string{sum(foo.Packages[0])}, 0},
		{2, []string{sum(bar.Packages[0])}, 0},
		{0, []string{sum(foo.Packages[0]), sum(bar.Packages[0])}, 0},
		{0, []string{strings.Repeat("0", 64)}, 0},
		{0, nil, 0},
	} {
		rep, ok, err := intent{Generation: c.after, Packages: c.packages}.outcome(r)
		if err != nil || ok != (c.want > 0) || rep.Generation != c.want {
			t.Errorf("%+v: generation %d, %t, %v", c, rep.Generation, ok, err)
		}
	}
}

// TestIntentKeepsItsGeneration: an intent that is written once more is about the
// publish that was interrupted, too.
func TestIntentKeepsItsGeneration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.watch(t)
	u := uploadOf("foo", "1.0", "foo")
	w.bring(t, u.Files())
	w.scan(t, s)
	a := s.arrivals[u.Manifest.Name]
	for range 2 {
		r, done, err := s.openRepo()
		must(t, err)
		if it, err := s.intend(r, a, s.look(a)); err != nil || it.Generation != 0 {
			t.Errorf("generation %d, %v", it.Generation, err)
		}
		done()
		w.push(t, "bar", fmt.Sprint(w.generation(t)+1), "bar")
	}
}

// TestManifestOnceMore brings the same manifest again while its upload is published,
// and when its files have left: it leaves, too, and is not refused, also by the next
// watcher.
func TestManifestOnceMore(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		w := newWorld(t)
		s := w.watch(t)
		u := uploadOf("foo", "1.0", "foo")
		w.bring(t, u.Files())
		w.scan(t, s)
		w.skip(quietTime)
		w.ahead = func(disk string, op vfs.Op) error {
			if disk == "repo" && op == (vfs.Op{Kind: "trylock", Name: "lock"}) {
				w.ahead = nil
				w.skip(time.Millisecond)
				w.put(t, u.Manifest.Name, u.Manifest.Data)
			}
			return nil
		}
		w.scan(t, s)
		first := w.expect(t, u.Manifest.Name, report.Published)
		// The files stay for it.
		w.run(t, s, time.Minute)
		w.expect(t, u.Manifest.Name, report.Unchanged)
		equal(t, "left", w.files(t))
		w.put(t, u.Manifest.Name, u.Manifest.Data)
		w.run(t, s, time.Minute)
		w.expect(t, u.Manifest.Name, Waiting)
		if restart {
			must(t, s.Close())
			s = w.watch(t)
		}
		w.run(t, s, 2*DefaultSettle)
		if v := w.expect(t, u.Manifest.Name, report.Unchanged); v.ID == first.ID {
			t.Error("two uploads have one id")
		}
		equal(t, "left", w.files(t))
		equal(t, "rejected", w.rejected(t))
		equal(t, "published", w.published(t), "foo 1.0")
		// Another manifest of that name is another upload.
		w.put(t, u.Manifest.Name, append([]byte("# other\n"), u.Manifest.Data...))
		w.run(t, s, 2*DefaultSettle)
		w.expect(t, u.Manifest.Name, report.Rejected)
	}
}

// TestDamagedIntents: an intent that says nothing is dropped, and nothing is believed
// that it may not say.
func TestDamagedIntents(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("a", 64)
	for _, text := range []string{
		"", "null", `{"sha256":"b"}`, `{"sha256":"` + sum + `","manifest":"../x","id":"i"}`,
		`{"sha256":"` + sum + `","manifest":"x","id":"i","files":[{"name":"../victim"}]}`,
	} {
		w := newWorld(t)
		must(t, w.watch(t).Close())
		w.put(t, intentFile(sum), []byte(text))
		s := w.watch(t)
		w.scan(t, s)
		equal(t, "the watcher's own", filesIn(t, w.drop, privateDir), lockName)
		if w.logged("an intent is damaged") != 1 {
			t.Errorf("%q: log:\n%s", text, &w.log)
		}
	}
}
