package upload

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/vfs"
)

// bytesRead counts what is read of one file.
type bytesRead struct {
	vfs.FS
	n *int64
}

type countedBytes struct {
	vfs.File
	n *int64
}

func (c bytesRead) Open(name string) (vfs.File, error) {
	f, err := c.FS.Open(name)
	return countedBytes{f, c.n}, err
}

func (c countedBytes) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	*c.n += int64(n)
	return n, err
}

// Not more than the declared size is read, and one byte.
func TestDeclaredSizeIsALimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		declared, actual int64
		// later is what the file grows by after it was opened.
		later      int64
		read, size int64
		hashed     bool
	}{
		{declared: 1000, actual: 1000, read: 1000, size: 1000, hashed: true},
		{declared: 1000, actual: 999, read: 999, size: 999, hashed: true},
		{declared: 1000, actual: 0, read: 0, size: 0, hashed: true},
		{declared: 1000, actual: 1001, read: 0, size: 1001},
		{declared: 1, actual: 5 << 20, read: 0, size: 5 << 20},
		{declared: 0, actual: 5 << 20, read: 0, size: 5 << 20},
		{declared: 1000, actual: 1000, later: 5 << 20, read: 1001, size: 1001},
		{declared: 3 << 20, actual: 3 << 20, later: 5 << 20, read: 3<<20 + 1, size: 3<<20 + 1},
		{declared: 1000, actual: 500, later: 100, read: 600, size: 600, hashed: true},
	}
	for _, tt := range tests {
		for _, file := range []string{colonSource, colonMPK} {
			t.Run(fmt.Sprintf("%d of %d+%d/%s", tt.declared, tt.actual, tt.later, file), func(t *testing.T) {
				t.Parallel()
				fsys, root := folder(t)
				name := filepath.Join(root, "in", file)
				check(t, os.WriteFile(name, make([]byte, tt.actual), 0o644))
				u := handful(fsys, "in", func(source, mpk *File) {
					for _, f := range []*File{source, mpk} {
						if f.Name == file {
							f.Size = tt.declared
						}
					}
				})
				n, other := int64(0), int64(560+807)
				u.FS = vfs.Observe(bytesRead{fsys, &n}, func(op vfs.Op) error {
					if op.Kind == "read" && filepath.Base(op.Name) == file && tt.later > 0 {
						check(t, os.WriteFile(name, make([]byte, tt.actual+tt.later), 0o644))
					}
					return nil
				})
				got, err := Stage(t.Context(), u, fsys, stageFolder, arch, Options{})
				check(t, err)
				for _, r := range got.Received {
					if r.Name != file {
						other = r.Size
						continue
					}
					if !r.Found || r.ActualSize != tt.size || (r.ActualSHA256 != "") != tt.hashed {
						t.Errorf("%+v", r)
					}
					if !tt.hashed && (r.Package != nil || len(r.Findings) > 0) {
						t.Errorf("looked into %+v", r)
					}
				}
				if n -= other; n != tt.read {
					t.Errorf("%d bytes read, want %d", n, tt.read)
				}
			})
		}
	}
}

// big writes an upload with one package of about that size and returns its folder.
func big(t testing.TB, payload int64) (fsys *vfs.Dir, manifest string) {
	t.Helper()
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, stageFolder), 0o700))
	name := mpktest.Upload{Name: "big", Packages: []mpktest.Package{{Payload: payload}}}.In(t, root)
	fsys, err := vfs.OpenDir(root)
	check(t, err)
	t.Cleanup(func() { fsys.Close() })
	return fsys, filepath.Base(name)
}

// It runs alone: other tests would be measured too.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	const payload, allowed = 64 << 20, 16 << 20
	fsys, name := big(t, payload)
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	inUse := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	base, peak := inUse(), uint64(0)
	var one sync.Mutex
	measured := vfs.Observe(fsys, func(vfs.Op) error {
		one.Lock()
		defer one.Unlock()
		peak = max(peak, inUse())
		return nil
	})
	got, err := Stage(t.Context(), open(t, measured, ".", name), measured, stageFolder, arch, Options{})
	check(t, err)
	if r := got.Received[1]; r.ActualSize < payload || r.ActualSHA256 != r.SHA256 || len(r.Findings) > 0 {
		t.Fatalf("%+v", r.Findings)
	}
	if peak > base+allowed {
		t.Errorf("%d bytes more in use than before", peak-base)
	}
}

// BenchmarkStage500MB reports the peak of the whole process too, where the system
// tells it.
func BenchmarkStage500MB(b *testing.B) {
	fsys, name := big(b, 500<<20)
	u := open(b, fsys, ".", name)
	for _, to := range []vfs.FS{fsys, nil} {
		what := "stage"
		if to == nil {
			what = "inspect"
		}
		b.Run(what, func(b *testing.B) {
			b.SetBytes(u.Files[1].Size)
			for b.Loop() {
				benchmarkOnce(b, u, to)
			}
			b.ReportMetric(peakMB(b), "peak-MB")
		})
	}
}

func benchmarkOnce(b *testing.B, u Upload, to vfs.FS) {
	b.Helper()
	if to == nil {
		_, err := Inspect(b.Context(), u, nil, Options{})
		check(b, err)
		return
	}
	_, err := Stage(b.Context(), u, to, stageFolder, arch, Options{})
	check(b, err)
	for _, f := range u.Files {
		check(b, to.Remove(stageFolder+"/"+f.Name))
	}
}

// peakMB is the most memory that the process ever had resident.
func peakMB(b *testing.B) float64 {
	b.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kb float64
		if strings.HasPrefix(lines.Text(), "VmHWM:") {
			_, err := fmt.Sscanf(lines.Text(), "VmHWM: %f kB", &kb)
			check(b, err)
			return kb / 1024
		}
	}
	return 0
}
