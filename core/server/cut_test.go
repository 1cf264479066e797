package server

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// long reports whether the tests that take minutes run in full.
func long() bool { return os.Getenv("MMPUSH_LONG") != "" }

// chunk2 is the most file data that a client of ours puts into one message of version 2;
// a message counts when it is whole.
const chunk2 = 256 << 10

// tally breaks a connection after so many bytes in one direction, and counts both.
type tally struct {
	net.Conn
	// said and heard are the bytes from and to the client that may pass; -1: all.
	said, heard int
	mu          sync.Mutex
	wrote, read int
}

func (c *tally) Write(p []byte) (int, error) {
	c.mu.Lock()
	n := len(p)
	if c.said >= 0 {
		n = min(n, c.said-c.wrote)
	}
	c.mu.Unlock()
	done, err := c.Conn.Write(p[:n])
	c.mu.Lock()
	c.wrote += done
	c.mu.Unlock()
	if err == nil && n < len(p) {
		_ = c.Close()
		err = io.ErrClosedPipe
	}
	return done, err
}

func (c *tally) Read(p []byte) (int, error) {
	c.mu.Lock()
	if c.heard >= 0 {
		p = p[:min(len(p), c.heard-c.read)]
	}
	c.mu.Unlock()
	if len(p) == 0 {
		_ = c.Close()
		return 0, io.ErrClosedPipe
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.read += n
	c.mu.Unlock()
	return n, err
}

// speak has one session over a connection that breaks where the tally says.
func (w *world) speak(t testing.TB, version int, c *tally, files []tupkg.File, manifest []byte) (tupkg.Result, error) {
	t.Helper()
	client, done := w.dial(t)
	defer done()
	defer client.Close()
	c.Conn = client
	if version == 1 {
		return tupkg.Upload(context.Background(), c, files, tupkg.UploadOptions{Options: quick(), Credentials: credentials(bfinch)})
	}
	v2, err := tupkg.Connect(context.Background(), c, tupkg.ConnectOptions{Options: quick(), Credentials: credentials(bfinch)})
	if err != nil {
		return tupkg.Result{}, err
	}
	defer v2.Close()
	set := tupkg.Set{Files: files, Manifest: manifest}
	for i, f := range files {
		if manifest != nil && isManifest(f.Name) {
			set.ManifestFile = i
		}
	}
	return v2.Push(context.Background(), set)
}

func everything() *tally { return &tally{said: -1, heard: -1} }

// cutCase is an upload that is cut.
type cutCase struct {
	name     string
	files    []mpktest.File
	manifest []byte
}

func cutCases() []cutCase {
	upload := built("foo", "1.0")
	return []cutCase{
		{"without a manifest", []mpktest.File{{Name: "a", Data: []byte("forty bytes of a file that has no manifest")}, {Name: "b", Data: []byte(strings.Repeat("b", 30))}, {Name: "empty"}}, nil},
		{"with a manifest", upload, upload[len(upload)-1].Data},
	}
}

// TestCutAtEveryByte cuts a session at each byte that the client says, and at each that
// it hears, the server started anew after it. The next session sends only what has not
// come, everything is there with its hash, and what was acknowledged stays so.
func TestCutAtEveryByte(t *testing.T) {
	t.Parallel()
	template := newDisk(t, arch)
	for _, c := range cutCases() {
		for version := 1; version <= 2; version++ {
			t.Run(fmt.Sprintf("%s, version %d", c.name, version), func(t *testing.T) {
				t.Parallel()
				whole := everything()
				w := worldOn(t, template.Clone(), sharedUsers())
				r, err := w.speak(t, version, whole, wire(c.files), c.manifest)
				mustPass(t, r, err)
				step := 1
				if c.manifest != nil && !long() {
					step = 41
				}
				cuts := 0
				for at := 0; at <= whole.wrote; at += step {
					c.cut(t, template.Clone(), version, &tally{said: at, heard: -1}, whole.wrote)
					cuts++
				}
				for at := 0; at <= whole.read; at += step {
					c.cut(t, template.Clone(), version, &tally{said: -1, heard: at}, whole.wrote)
					cuts++
				}
				t.Logf("%d cuts", cuts)
			})
		}
	}
}

// cut has a session that breaks, and one after a restart of the server.
func (c cutCase) cut(t *testing.T, disk *vfs.Mem, version int, broken *tally, whole int) {
	t.Helper()
	what := fmt.Sprintf("cut after %d bytes said, %d heard", broken.said, broken.heard)
	w := worldOn(t, disk, sharedUsers())
	first, err := w.speak(t, version, broken, wire(c.files), c.manifest)
	if err == nil && first.Pass() {
		if problem := c.missing(t, w); problem != "" {
			t.Errorf("%s: acknowledged, and %s", what, problem)
		}
	}
	w.start(t)
	var size int64
	for _, f := range c.files {
		size += int64(len(f.Data))
	}
	again := everything()
	second, err := w.speak(t, version, again, wire(c.files), c.manifest)
	if err != nil || !second.Pass() {
		t.Errorf("%s: the next session: %+v %v", what, second, err)
		return
	}
	if problem := c.missing(t, w); problem != "" {
		t.Errorf("%s: %s", what, problem)
	}
	// In version 1 each byte that has come counts, in version 2 each whole message.
	once := int64(0)
	if version == 2 {
		for _, f := range c.files {
			once = max(once, int64(len(f.Data)))
		}
	}
	head := int64(whole) - size - 5
	if came := min(size, int64(broken.wrote)-head); version == 1 && came > 0 && second.Sent > size-came {
		t.Errorf("%s: %d of %d bytes had come, and %d were sent again", what, came, size, second.Sent)
	}
	if manifest := int64(len(c.manifest)); first.Sent+second.Sent > size+once+manifest {
		t.Errorf("%s: %d and %d bytes were sent, of %d", what, first.Sent, second.Sent, size)
	}
}

// missing says what of the upload is not where it belongs.
func (c cutCase) missing(t *testing.T, w *world) string {
	t.Helper()
	if left := w.files(t, "partial"); len(left) > 0 {
		return fmt.Sprintf("partial files are left: %q", left)
	}
	if c.manifest != nil {
		list, err := shelves(w.disk)
		if err != nil || len(list) != 1 {
			return fmt.Sprintf("published is %q, %v", list, err)
		}
		return ""
	}
	stored := w.stored(t, bfinch)
	for _, f := range c.files {
		if !slices.Equal(stored[f.Name], []string{sha256Of(f.Data)}) {
			return fmt.Sprintf("%s is stored as %q", f.Name, stored[f.Name])
		}
	}
	return ""
}

// TestCutAtRandomPlaces cuts one large upload again and again, at random places, the
// server started anew each time: of each cut at most one chunk is sent twice.
func TestCutAtRandomPlaces(t *testing.T) {
	t.Parallel()
	cuts, size := 25, 3<<20
	if long() {
		cuts, size = 1000, 24<<20
	}
	template := newDisk(t, arch)
	data := make([]byte, size)
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	files := []mpktest.File{{Name: "first", Data: data[:size/3]}, {Name: "second", Data: data[size/3:]}}
	for version := 1; version <= 2; version++ {
		w := worldOn(t, template.Clone(), sharedUsers())
		var came int64
		for n := range cuts {
			c := &tally{said: int(random.Int64N(int64(2*size/cuts + 600))), heard: -1}
			r, err := w.speak(t, version, c, wire(files), nil)
			if err == nil && !r.Pass() {
				t.Fatalf("version %d, cut %d: %+v", version, n, r)
			}
			w.start(t)
			var kept int64
			for _, kind := range []string{"partial", "area"} {
				if err := w.walk(w.path(kind), 3, func(n int64) { kept += n }); err != nil {
					t.Fatal(err)
				}
			}
			if kept < came {
				t.Fatalf("version %d, cut %d: %d bytes lay there, now %d", version, n, came, kept)
			}
			lost := int64(c.wrote) - (kept - came)
			if most := int64(1000 + 13*(1+c.wrote/chunk2)); version == 1 && lost > most || lost > most+chunk2 {
				t.Errorf("version %d, cut %d: of %d bytes on the wire %d were kept", version, n, c.wrote, kept-came)
			}
			came = kept
		}
		r, err := w.speak(t, version, everything(), wire(files), nil)
		mustPass(t, r, err)
		if r.Skipped != came {
			t.Errorf("version %d: %d bytes had come, %d are not sent again", version, came, r.Skipped)
		}
		stored := w.stored(t, bfinch)
		for _, f := range files {
			if !slices.Equal(stored[f.Name], []string{sha256Of(f.Data)}) {
				t.Errorf("version %d: %s is stored as %q", version, f.Name, stored[f.Name])
			}
		}
	}
}
