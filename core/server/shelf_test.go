package server

import (
	"context"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// onRealDisk is a world whose files have owners and link counts; nothing may be asked of
// its disk in memory.
func onRealDisk(t *testing.T) (*world, *vfs.Dir) {
	t.Helper()
	folder, err := vfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	if _, _, err := repo.Init(context.Background(), folder, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch}); err != nil {
		t.Fatal(err)
	}
	w := &world{users: sharedUsers()}
	w.start(t, onDisk(folder))
	t.Cleanup(func() { _ = w.Close() })
	return w, folder
}

// lies sends the files of an upload but for the manifest, and returns where they lie in
// the user's area, by name.
func (w *world) lies(t *testing.T, files []mpktest.File) map[string]string {
	t.Helper()
	r, err := w.v2(t, bfinch, tupkg.Set{}, files[:len(files)-1]...)
	mustPass(t, r, err)
	at := map[string]string{}
	for _, f := range files[:len(files)-1] {
		at[f.Name] = w.path("area", bfinch, sha256Of(f.Data), f.Name)
	}
	return at
}

func look(t *testing.T, fsys vfs.FS, name string) vfs.Info {
	t.Helper()
	info, err := fsys.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestPublishedAsItLies: the files that a server has received are the very files that it
// publishes, for the world to read and with no other name; those that somebody else may
// have open are copied.
func TestPublishedAsItLies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(fsys vfs.FS, at string) error
		same   bool
	}{
		"as it came":       {func(vfs.FS, string) error { return nil }, true},
		"open for a group": {func(fsys vfs.FS, at string) error { return fsys.Chmod(at, 0o660) }, false},
		"another name":     {func(fsys vfs.FS, at string) error { return fsys.(vfs.Linker).Link(at, "other") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, disk := onRealDisk(t)
			files := built("foo", "1.0")
			lay := map[string]vfs.Info{}
			for name, at := range w.lies(t, files) {
				if err := c.change(disk, at); err != nil {
					t.Fatal(err)
				}
				lay[name] = look(t, disk, at)
				_ = disk.Rename("other", "other-"+name)
			}
			r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
			mustPass(t, r, err)
			found := 0
			for name, was := range lay {
				got := look(t, disk, name)
				if got.Mode != 0o644 || got.Links != 1 || (got.Ino == was.Ino) != c.same {
					t.Errorf("%s was %+v, is %+v", name, was, got)
				}
				found++
			}
			if left, err := disk.ReadDir(w.path("area", bfinch)); err != nil || len(left) > 0 || found != 2 {
				t.Errorf("%d files, left over: %v %v", found, left, err)
			}
		})
	}
}

// TestRejectedStays: the files of a rejected upload are the user's, where they were.
func TestRejectedStays(t *testing.T) {
	t.Parallel()
	w, disk := onRealDisk(t)
	first := built("foo", "1.0")
	r, err := w.v2(t, bfinch, tupkg.Set{}, first...)
	mustPass(t, r, err)
	again := mpktest.Upload{Name: "foo", Version: "1.0", Salt: "other"}.Build().Files()
	at := w.lies(t, again)
	if r, err = w.v2(t, bfinch, tupkg.Set{}, again...); err != nil || r.Pass() {
		t.Fatalf("%+v %v", r, err)
	}
	for name, where := range at {
		text, err := vfs.ReadFile(disk, where, 1<<20)
		if err != nil || look(t, disk, where).Links != 1 {
			t.Errorf("%s: %v %+v", name, err, look(t, disk, where))
		}
		for _, f := range again {
			if f.Name == name && string(text) != string(f.Data) {
				t.Errorf("%s has other bytes", name)
			}
		}
	}
	if r, err = w.v2(t, bfinch, tupkg.Set{Wishes: tupkg.Wishes{Rebuild: true}}, again...); err != nil || !r.Pass() || r.Sent > 10_000 {
		t.Errorf("once more: %+v %v", r, err)
	}
}

// TestDetached: what another manifest keeps in the area is parted from what is published.
func TestDetached(t *testing.T) {
	t.Parallel()
	w, disk := onRealDisk(t)
	files := built("foo", "1.0")
	at := w.lies(t, files)
	var links []string
	for name, where := range at {
		link := "published-" + name
		if err := disk.Link(where, link); err != nil {
			t.Fatal(err)
		}
		links = append(links, link)
	}
	var sums []string
	for _, f := range files[:len(files)-1] {
		sums = append(sums, sha256Of(f.Data))
	}
	in := &intake{s: w.Server, acc: &account{name: bfinch}}
	if err := in.detach(context.Background(), sums); err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if got := look(t, disk, link); got.Links != 1 {
			t.Errorf("%+v", got)
		}
	}
	r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
	mustPass(t, r, err)
	if r.Sent > 10_000 {
		t.Errorf("%d bytes were sent again", r.Sent)
	}
}
