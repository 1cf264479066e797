package server

import (
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// filmed publishes files by version 2, and returns the disk as it was when the publish
// began, with what was called in the server's own folder until the end.
func filmed(t *testing.T, files []mpktest.File) (film *vfs.Mem, ops []vfs.Op) {
	t.Helper()
	w := newWorld(t)
	var mu sync.Mutex
	w.start(t, onDisk(vfs.Observe(w.disk, func(op vfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if film == nil && op.Kind == "mkdir" && strings.HasPrefix(op.Name, repo.StageDir+"/") {
			film = w.disk.Clone()
		}
		for _, kind := range []string{"partial", "area", "refused", "sent", "live"} {
			if strings.HasPrefix(op.Name, w.path(kind)) {
				ops = append(ops, op)
			}
		}
		return nil
	})))
	mu.Lock()
	ops = nil
	mu.Unlock()
	r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
	mustPass(t, r, err)
	mu.Lock()
	defer mu.Unlock()
	return film, ops
}

// TestPublishedFromTheHand: an upload that is published at once needs nothing durable of
// the server's own, and only its manifest comes to the area.
func TestPublishedFromTheHand(t *testing.T) {
	t.Parallel()
	_, ops := filmed(t, built("foo", "1.0"))
	folders := 0
	for _, op := range ops {
		switch {
		case op.Kind == "sync" || op.Kind == "syncdir":
			t.Errorf("%s %s", op.Kind, op.Name)
		case op.Kind == "mkdir" && strings.Contains(op.Name, "/area/"):
			folders++
		}
	}
	if folders != 2 {
		t.Errorf("%d folders were made in the area; those of the user and of the manifest are needed", folders)
	}
}

// TestLeftInHand: what a killed server had in hand is published when the next one starts.
// After a power loss it is, or it is asked for again, whatever is left of it.
func TestLeftInHand(t *testing.T) {
	t.Parallel()
	files := built("foo", "1.0")
	film, _ := filmed(t, files)
	for _, fate := range []vfs.Fate{vfs.Kept, vfs.Lost, vfs.Torn} {
		disk := film
		if fate != vfs.Kept {
			disk = film.PowerLoss(func(int) vfs.Fate { return fate })
		}
		w := worldOn(t, disk, sharedUsers())
		w.runLeft(t.Context())
		if got := w.published(t); fate == vfs.Kept && (len(got) != 1 || len(w.files(t, "partial"))+len(w.files(t, "area")) > 0) {
			t.Errorf("published %q, area %q, partial %q", got, w.files(t, "area"), w.files(t, "partial"))
		}
		if refused := w.files(t, "refused"); len(refused) > 0 {
			t.Errorf("%v: nobody has asked for %q", fate, refused)
		}
		r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
		if err == nil && !r.Pass() {
			r, err = w.v2(t, bfinch, tupkg.Set{}, files...)
		}
		mustPass(t, r, err)
	}
}

// TestGarbledInHand: nothing is run of a manifest that is not what its name says, or with
// a package that is not what the manifest says.
func TestGarbledInHand(t *testing.T) {
	t.Parallel()
	files := built("foo", "1.0")
	film, _ := filmed(t, files)
	for _, f := range files {
		w := worldOn(t, film.Clone(), sharedUsers())
		at := w.partialOf(f)
		if isManifest(f.Name) {
			at = w.path("area", bfinch, sha256Of(f.Data), f.Name)
		}
		file, err := w.disk.Append(at, 0o600)
		if err == nil {
			err = file.Truncate(0)
		}
		if err == nil {
			_, err = file.Write([]byte(strings.Repeat("x", len(f.Data))))
		}
		if err != nil {
			t.Fatal(err)
		}
		w.runLeft(t.Context())
		if got := w.published(t); len(got) > 0 || len(w.files(t, "refused")) > 0 {
			t.Errorf("%s: published %q, refused %q", f.Name, got, w.files(t, "refused"))
		}
		if _, err := w.disk.Lstat(at); err == nil {
			t.Errorf("%s is still there", at)
		}
		r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
		mustPass(t, r, err)
	}
}
