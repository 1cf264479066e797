package upload

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/vfs"
)

// swaps are what somebody can do to the uploader's file while it is staged.
func swaps() map[string]func(name string) error {
	edit := func(name string, flags int, change func(*os.File) error) error {
		f, err := os.OpenFile(name, os.O_WRONLY|flags, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		return change(f)
	}
	return map[string]func(name string) error{
		"removed":  os.Remove,
		"renamed":  func(name string) error { return os.Rename(name, name+".away") },
		"replaced": func(name string) error { return os.Rename(filepath.Join(filepath.Dir(name), "other"), name) },
		"linked": func(name string) error {
			return os.Rename(filepath.Join(filepath.Dir(name), "link"), name)
		},
		"written in place": func(name string) error {
			return edit(name, 0, func(f *os.File) error {
				for off := int64(0); off < 40_000; off += 4096 {
					if _, err := f.WriteAt([]byte("another"), off); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"appended to": func(name string) error {
			return edit(name, os.O_APPEND, func(f *os.File) error {
				_, err := f.Write(make([]byte, 50_000))
				return err
			})
		},
		"cut short": func(name string) error { return os.Truncate(name, 20_000) },
		"emptied":   func(name string) error { return os.Truncate(name, 0) },
	}
}

// Whatever happens to the original at whatever call: the staged bytes are the
// hashed bytes are the bytes that were looked into, and never too many.
func TestSwaps(t *testing.T) {
	t.Parallel()
	b := mpktest.Upload{Name: "big", Packages: []mpktest.Package{{Payload: 40_000}}}.Build()
	other := mpktest.Package{Name: "other"}.Bytes()
	for name, swap := range swaps() {
		for _, clones := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, clones), func(t *testing.T) {
				t.Parallel()
				for k, fired := 1, true; fired; k++ {
					fired = swapAt(t, b, other, swap, clones, k)
				}
			})
		}
	}
}

// swapAt stages b with the swap before the k-th call; false if there are fewer.
func swapAt(t *testing.T, b mpktest.Built, other []byte, swap func(string) error, clones bool, k int) (fired bool) {
	t.Helper()
	root, err := os.MkdirTemp(t.TempDir(), "")
	check(t, err)
	defer os.RemoveAll(root)
	in := filepath.Join(root, "in")
	check(t, os.Mkdir(in, 0o755))
	check(t, os.Mkdir(filepath.Join(root, stageFolder), 0o700))
	for _, f := range b.Files() {
		check(t, os.WriteFile(filepath.Join(in, f.Name), f.Data, 0o644))
	}
	check(t, os.WriteFile(filepath.Join(in, "other"), other, 0o644))
	check(t, os.Symlink("other", filepath.Join(in, "link")))
	dir, err := vfs.OpenDir(root)
	check(t, err)
	defer dir.Close()

	file := b.Packages[0].File
	var one sync.Mutex
	n := 0
	act := func() {
		one.Lock()
		defer one.Unlock()
		if n++; n == k {
			fired = true
			check(t, swap(filepath.Join(in, file.Name)))
		}
	}
	var below vfs.FS = dir
	if clones {
		below = cloning{dir, act}
	}
	u := open(t, dir, "in", b.Manifest.Name)
	u.FS = vfs.Observe(dir, func(vfs.Op) error { act(); return nil })
	to := vfs.Observe(below, func(vfs.Op) error { act(); return nil })
	r := newReader(u, Options{})
	r.to, r.folder, r.buffers.size = to, stageFolder, 8<<10
	received, err := r.all(t.Context(), []string{arch})
	check(t, err)
	checkSwapped(t, dir, received[1], file.SHA256, clones)
	return fired
}

func checkSwapped(t *testing.T, dir vfs.FS, r Received, declared string, clones bool) {
	t.Helper()
	name := stageFolder + "/" + r.Name
	if !r.Found || r.ActualSHA256 == "" {
		if r.Package != nil {
			t.Errorf("looked into %+v", r)
		}
		if r.Found && r.ActualSize <= r.Size {
			t.Errorf("no hash of %+v", r)
		}
		// A clone is of any size at no cost.
		if info, err := dir.Lstat(name); err == nil && info.Size > r.Size+1 && !clones {
			t.Errorf("%d bytes were staged, %d are declared", info.Size, r.Size)
		}
		return
	}
	staged := read(t, dir, name)
	if sum(staged) != r.ActualSHA256 || int64(len(staged)) != r.ActualSize {
		t.Errorf("staged %.8s, hashed %.8s", sum(staged), r.ActualSHA256)
	}
	if good := r.ActualSHA256 == declared; good != (len(r.Findings) == 0 && r.Package.Info.Name == "big") {
		t.Errorf("hash is right: %v; looked into %+v, %v", good, r.Package.Info, r.Findings)
	}
}
