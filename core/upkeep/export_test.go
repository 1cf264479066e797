package upkeep_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
)

// every is how many calls a quick run goes on at a time; the long tier takes each.
func every(n int) int {
	if os.Getenv("MMPUSH_LONG") != "" {
		return 1
	}
	return n
}

func (w *world) export(t testing.TB, to vfs.FS) (upkeep.Exported, error) {
	t.Helper()
	return w.exportFrom(t, w.Mem, to)
}

func (w *world) exportFrom(t testing.TB, from, to vfs.FS) (upkeep.Exported, error) {
	t.Helper()
	r := w.open(t, from)
	return upkeep.Export(context.Background(), r, pipeline.Mmpack{}, upkeep.Target{FS: to, Path: "/www"}, pipeline.CommitOptions(pipeline.Options{}))
}

// served judges a folder as a web server shows it: what its indexes name is there, with
// its bytes. It returns those names.
func served(fsys vfs.FS) ([]string, error) {
	p, err := (pipeline.Mmpack{}).Published(fsys)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range p.Files {
		text, err := vfs.ReadFile(fsys, f.Path, 1<<24)
		if err != nil {
			return nil, err
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != f.SHA256 {
			return nil, fmt.Errorf("%s has other bytes", f.Path)
		}
		names = append(names, f.Path)
	}
	return names, nil
}

// exact wants the target to hold what the repository's indexes name, and nothing else.
func exact(w *world, to vfs.FS) error {
	want, err := served(w.Mem)
	if err != nil {
		return err
	}
	want = append(want, "binary-index.gz", "source-index")
	var got []string
	var walk func(dir string) error
	walk = func(dir string) error {
		entries, err := to.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, i := range entries {
			name := path.Join(dir, i.Name)
			mode := fs.FileMode(0o644)
			if i.Mode.IsDir() {
				mode = 0o755
				if err := walk(name); err != nil {
					return err
				}
			} else {
				got = append(got, name)
			}
			if i.Mode.Perm() != mode {
				return fmt.Errorf("%s has mode %v", name, i.Mode)
			}
		}
		return nil
	}
	if err := walk("."); err != nil {
		return err
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		return fmt.Errorf("it holds %v, want %v", got, want)
	}
	for _, name := range want {
		a, _ := vfs.ReadFile(w.Mem, name, 1<<24)
		b, _ := vfs.ReadFile(to, name, 1<<24)
		if string(a) != string(b) {
			return fmt.Errorf("%s differs", name)
		}
	}
	return nil
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, foo110, foo110b, greet090)
	to := vfs.NewMem(w.now)
	for _, step := range []struct {
		name                 string
		do                   func()
		added, kept, removed int
	}{
		{"the first", func() {}, 8, 0, 0},
		{"the same again", func() {}, 0, 8, 0},
		{"a new version", func() { w.publish(t, greet100) }, 3, 5, 3},
		{"out of the pool", func() { w.publish(t, foo110) }, 0, 0, 0},
		{"an older version again", func() { w.publish(t, greet090) }, 3, 5, 3},
	} {
		step.do()
		e, err := w.export(t, to)
		if err != nil {
			t.Fatal(step.name, err)
		}
		if sum := step.added + step.kept; sum > 0 && (e.Added != step.added || e.Kept != step.kept || e.Removed != step.removed) {
			t.Errorf("%s: %+v", step.name, e)
		}
		if err := exact(w, to); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	if i, err := to.Lstat("binary-index.gz"); err != nil {
		t.Error(err)
	} else if o, _ := w.Lstat("binary-index.gz"); !i.ModTime.Equal(o.ModTime) {
		t.Errorf("the index is dated %v, not %v", i.ModTime, o.ModTime)
	}
}

// exports are the situations of the crash tests: what the target holds already, and what
// was published since.
func exports() map[string]func(t *testing.T) (*world, *vfs.Mem) {
	return map[string]func(t *testing.T) (*world, *vfs.Mem){
		"the first": func(t *testing.T) (*world, *vfs.Mem) {
			w := newWorld(t, foo110, foo110b, greet090)
			return w, vfs.NewMem(w.now)
		},
		"a new version": func(t *testing.T) (*world, *vfs.Mem) {
			w := newWorld(t, greet090, foo110)
			to := vfs.NewMem(w.now)
			if _, err := w.export(t, to); err != nil {
				t.Fatal(err)
			}
			w.publish(t, greet100)
			w.publish(t, foo110b)
			to.SyncAll()
			return w, to
		},
	}
}

// TestExportKilled ends an export ahead of each of its calls, by a kill and by power
// losses: what is served is whole, and the next export needs no help.
func TestExportKilled(t *testing.T) {
	t.Parallel()
	for name, make := range exports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, to := make(t)
			type moment struct {
				op   vfs.Op
				disk *vfs.Mem
			}
			var moments []moment
			fsys := vfs.Observe(to, func(op vfs.Op) error {
				if op.Writes() {
					moments = append(moments, moment{op, to.Clone()})
				}
				return nil
			})
			if _, err := w.export(t, fsys); err != nil {
				t.Fatal(err)
			}
			moments = append(moments, moment{vfs.Op{Kind: "end"}, to.Clone()})
			states := 0
			for k, m := range moments {
				for i, disk := range after(m.disk) {
					states++
					if _, err := served(disk); err != nil {
						t.Fatalf("ahead of call %d (%s %s), state %d, as served: %v", k, m.op.Kind, m.op.Name, i, err)
					}
					if (i > 3 || k%every(3) != 0) && (k+i)%every(29) != 0 {
						continue
					}
					if _, err := w.export(t, disk); err != nil {
						t.Fatalf("ahead of call %d (%s %s), state %d, the next: %v", k, m.op.Kind, m.op.Name, i, err)
					}
					if err := exact(w, disk); err != nil {
						t.Fatalf("ahead of call %d (%s %s), state %d, after the next: %v", k, m.op.Kind, m.op.Name, i, err)
					}
				}
			}
			t.Logf("%d calls, %d states", len(moments), states)
		})
	}
}

// after are the disks that a kill or a power loss leaves.
func after(disk *vfs.Mem) []*vfs.Mem {
	all := func(f vfs.Fate) func(int) vfs.Fate { return func(int) vfs.Fate { return f } }
	list := []*vfs.Mem{disk.Clone(), disk.PowerLoss(all(vfs.Lost)), disk.PowerLoss(all(vfs.Kept))}
	for i := range disk.Unsynced() {
		for _, fates := range [][2]vfs.Fate{{vfs.Lost, vfs.Kept}, {vfs.Kept, vfs.Lost}, {vfs.Torn, vfs.Kept}} {
			list = append(list, disk.PowerLoss(func(j int) vfs.Fate {
				if i == j {
					return fates[0]
				}
				return fates[1]
			}))
		}
	}
	return list
}

// TestExportEveryCallFails lets each call on either side fail: what is served stays
// whole, the cause is told, and the next export needs no help.
func TestExportEveryCallFails(t *testing.T) {
	t.Parallel()
	for name, make := range exports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, start := make(t)
			repository := w.Clone()
			for k := 0; ; k += every(3) {
				w.Mem = repository.Clone()
				to := start.Clone()
				n := 0
				cause := []error{syscall.ENOSPC, syscall.EIO}[k%2]
				fail := func(vfs.Op) error {
					if n++; n == k+1 {
						return cause
					}
					return nil
				}
				r := w.open(t, vfs.Observe(w.Mem, func(vfs.Op) error { return nil }))
				r.FS = vfs.Observe(w.Mem, fail)
				_, err := upkeep.Export(context.Background(), r, pipeline.Mmpack{}, upkeep.Target{FS: vfs.Observe(to, fail), Path: "/www"},
					pipeline.CommitOptions(pipeline.Options{}))
				if n <= k {
					return
				}
				if told, ok := errors.AsType[*report.Error](err); err != nil && (!ok || told.File == "" || told.Hint == "") {
					t.Errorf("call %d: %#v", k, err)
				}
				if _, err := served(to); err != nil {
					t.Fatalf("call %d, as served: %v", k, err)
				}
				w.Mem = w.Clone()
				to = to.Clone()
				if _, err := w.export(t, to); err != nil {
					t.Fatalf("call %d, the next: %v", k, err)
				}
				if err := exact(w, to); err != nil {
					t.Fatalf("call %d: %v", k, err)
				}
			}
		})
	}
}

// TestExportDuringPublishes publishes, and deletes what is retired, ahead of each call
// of an export: it is one generation nevertheless.
func TestExportDuringPublishes(t *testing.T) {
	t.Parallel()
	for k := 0; ; k += every(7) {
		w := newWorld(t, greet090, foo110)
		to := vfs.NewMem(w.now)
		n := 0
		fsys := vfs.Observe(to, func(vfs.Op) error {
			if n++; n == k+1 && !busy(w) {
				w.publish(t, greet100)
				w.skip(100 * time.Hour)
				w.publish(t, foo110b)
			}
			return nil
		})
		e, err := w.export(t, fsys)
		if err != nil {
			t.Fatalf("call %d: %v", k, err)
		}
		if n <= k {
			t.Logf("%d calls", k)
			return
		}
		if _, err := served(to); err != nil {
			t.Fatalf("call %d: generation %d: %v", k, e.Generation, err)
		}
		if _, err := w.export(t, to); err != nil {
			t.Fatal(err)
		}
		if err := exact(w, to); err != nil {
			t.Fatalf("call %d: %v", k, err)
		}
	}
}

// busy reports whether the lock of a repository is held.
func busy(w *world) bool {
	f, err := w.OpenLock("lock", 0o644)
	if err != nil {
		return true
	}
	defer f.Close()
	return f.TryLock() != nil
}

// TestExportOtherBytes: a name that has got other bytes since the last export.
func TestExportOtherBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, foo110)
	to := vfs.NewMem(w.now)
	if _, err := w.export(t, to); err != nil {
		t.Fatal(err)
	}
	r := w.open(t, w.Mem)
	if _, err := pipeline.RemovePackages(context.Background(), r, pipeline.Removal{Sources: selector("foo"), Purge: true}, pipeline.Options{}); err != nil {
		t.Fatal(err)
	}
	w.publish(t, foo110b)
	if e, err := w.export(t, to); err != nil || e.Removed != 0 {
		t.Fatal(e, err)
	}
	if err := exact(w, to); err != nil {
		t.Error(err)
	}
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, foo110)
	for name, make := range map[string]func(to *vfs.Mem) error{
		"a file":   func(to *vfs.Mem) error { return vfs.CreateSynced(to, "page", 0o644, nil) },
		"a folder": func(to *vfs.Mem) error { return to.Mkdir("page", 0o755) },
		"a file in a pool": func(to *vfs.Mem) error {
			return errors.Join(to.Mkdir("pool", 0o755), vfs.CreateSynced(to, "pool/page", 0o644, nil))
		},
		"a dot file":        func(to *vfs.Mem) error { return vfs.CreateSynced(to, ".page", 0o644, nil) },
		"an index":          func(to *vfs.Mem) error { return vfs.CreateSynced(to, "binary-index.gz", 0o644, []byte("page")) },
		"a folder for file": func(to *vfs.Mem) error { return to.Mkdir("binary-index.gz", 0o755) },
	} {
		to := vfs.NewMem(w.now)
		if err := make(to); err != nil {
			t.Fatal(err)
		}
		_, err := w.export(t, vfs.Observe(to, func(op vfs.Op) error {
			if op.Writes() {
				t.Errorf("%s: %s %s", name, op.Kind, op.Name)
			}
			return nil
		}))
		if report.CodeOf(err) != report.CodeForeign || report.KindOf(err) != report.KindUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.export(t, w.Mem); report.KindOf(err) != report.KindUsage {
		t.Errorf("into itself: %v", err)
	}
	to := vfs.NewMem(w.now)
	held, err := to.Open(".")
	if err == nil {
		err = held.TryLock()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.export(t, to); report.KindOf(err) != report.KindBusy {
		t.Errorf("two at once: %v", err)
	}
}

// TestExportNotDamaged: damaged bytes do not spread, and the last export stays.
func TestExportNotDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, greet090)
	to := vfs.NewMem(w.now)
	if _, err := w.export(t, to); err != nil {
		t.Fatal(err)
	}
	w.publish(t, greet100)
	flip(t, w)
	_, err := w.export(t, to)
	if report.CodeOf(err) != report.CodeLost || !strings.Contains(err.Error(), pkg) {
		t.Errorf("%v", err)
	}
	if names, err := served(to); err != nil || !slices.Contains(names, "greet_0.9.0_amd64-debian.mpk") {
		t.Errorf("%v, %v", names, err)
	}
}
