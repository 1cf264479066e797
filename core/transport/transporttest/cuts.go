package transporttest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
)

// talk bounds what a conversation sends besides the bytes of the files: declarations
// with the manifest in them, frames, a login.
const talk = 16 << 10

// sized is the n-th of a row of uploads of the same sizes.
func (g Ground) sized(t *testing.T, n int, payload int64) made {
	t.Helper()
	return g.build(t, mpktest.Upload{Version: fmt.Sprintf("1.%04d", n), Packages: []mpktest.Package{{Payload: payload}, {Name: "second", Payload: 100}}})
}

// size is the sum of the sizes of an upload's files.
func (m made) size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// pushCut pushes over a connection that is cut, and again if the transport gives up,
// until the upload is published. It returns what was sent in all.
func pushCut(t *testing.T, g Ground, u made, after int64) int64 {
	t.Helper()
	const tries = 4
	way, sent := g.Cut(t, transport.Options{}, after)
	before := bytesOf(t, u.dir)
	for range tries {
		rep, err := way.Push(context.Background(), u.Upload)
		if bytesOf(t, u.dir) != before {
			t.Error("the uploader's files were changed")
		}
		if err == nil {
			if rep.Result != report.Published && rep.Result != report.Unchanged {
				t.Fatalf("cut after %d: result %q, %v", after, rep.Result, rep.Findings)
			}
			return sent()
		}
		if report.KindOf(err) != report.KindTransport {
			t.Fatalf("cut after %d: %v", after, err)
		}
	}
	t.Fatalf("cut after %d: not published by %d pushes", after, tries)
	return 0
}

// testResume: cut at nothing, one byte, the edges of chunks, all but one, and all.
func testResume(t *testing.T, g Ground) {
	if g.Cut == nil {
		return
	}
	payload := 2*g.Chunk + g.Chunk/3
	all := pushCut(t, g, g.sized(t, 0, payload), math.MaxInt64)
	places := []int64{0, 1, all / 2, all - 1, all}
	for edge := g.Chunk; edge < all; edge += g.Chunk {
		places = append(places, edge-1, edge, edge+1)
	}
	for i, after := range g.some(places) {
		u := g.sized(t, i+1, payload)
		got := pushCut(t, g, u, after)
		most := u.size() + g.Chunk + 3*talk
		if g.Alone && after >= all-talk {
			most += u.size()
		}
		if got > most {
			t.Errorf("cut after %d of %d bytes: %d were sent for %d bytes of files; at most %d were to be expected", after, all, got, u.size(), most)
		}
		serves(t, g, "foo "+u.version, "second "+u.version)
	}
}

// some are every fourth of the places where each publish waits for the next second, by which
// pacman's databases are dated.
func (g Ground) some(places []int64) (list []int64) {
	for i, p := range places {
		if g.Kind != upload.Pacman || i%4 == 0 || os.Getenv("MMPUSH_LONG") != "" {
			list = append(list, p)
		}
	}
	return list
}

// testCutAnywhere: a small upload, cut at places that nobody has chosen.
func testCutAnywhere(t *testing.T, g Ground) {
	if g.Cut == nil {
		return
	}
	all := pushCut(t, g, g.sized(t, 0, 2000), math.MaxInt64)
	var places []int64
	for range 12 {
		places = append(places, rand.Int64N(all))
	}
	for i, after := range g.some(places) {
		u := g.sized(t, i+1, 2000)
		pushCut(t, g, u, after)
		serves(t, g, "foo "+u.version, "second "+u.version)
	}
}

// testDryRunSends: the plan comes before the bytes.
func testDryRunSends(t *testing.T, g Ground) {
	if g.Cut == nil {
		return
	}
	u := g.sized(t, 0, 100_000)
	way, sent := g.Cut(t, transport.Options{DryRun: true}, math.MaxInt64)
	rep, err := way.Push(context.Background(), u.Upload)
	if err != nil || !g.plans(rep, 2) {
		t.Fatalf("%+v %v", rep, err)
	}
	if sent() > talk {
		t.Errorf("%d bytes were sent", sent())
	}
	serves(t, g)
}

// testSameTwice: two builds that push one upload both succeed, and it is there once.
func testSameTwice(t *testing.T, g Ground) {
	u := g.sized(t, 0, 300_000)
	var mu sync.Mutex
	var results []report.Result
	var all sync.WaitGroup
	for range 2 {
		way := g.New(t, transport.Options{LockWait: testPatience})
		all.Go(func() {
			rep, err := way.Push(context.Background(), u.Upload)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			results = append(results, rep.Result)
		})
	}
	all.Wait()
	for _, r := range results {
		if r != report.Published && r != report.Unchanged {
			t.Errorf("results %q", results)
		}
	}
	if !slices.Contains(results, report.Published) {
		t.Errorf("results %q: nobody has published", results)
	}
	serves(t, g, "foo 1.0000", "second 1.0000")
}
