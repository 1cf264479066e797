package upload

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// counting knows how many files are open.
type counting struct {
	vfs.FS
	open *atomic.Int64
}

type countedFile struct {
	vfs.File
	open *atomic.Int64
}

func (c counting) count(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return countedFile{f, c.open}, nil
}

func (c counting) Open(name string) (vfs.File, error) { return c.count(c.FS.Open(name)) }
func (c counting) Create(name string, mode fs.FileMode) (vfs.File, error) {
	return c.count(c.FS.Create(name, mode))
}

func (f countedFile) Close() error {
	f.open.Add(-1)
	return f.File.Close()
}

// CloneFrom clones what is below, if that can.
func (f countedFile) CloneFrom(src vfs.File) error {
	if c, ok := f.File.(vfs.Cloner); ok {
		return c.CloneFrom(src)
	}
	return fs.ErrInvalid
}

// oneByOne lets one call at a time be seen.
func oneByOne(before func(vfs.Op) error) func(vfs.Op) error {
	var one sync.Mutex
	return func(op vfs.Op) error {
		one.Lock()
		defer one.Unlock()
		return before(op)
	}
}

// attempt opens and stages colon on an FS where before sees every call.
func attempt(t *testing.T, ctx context.Context, clones bool, before func(vfs.Op) error) (Upload, []report.Finding, error) {
	t.Helper()
	var below vfs.FS = colon(t)
	if clones {
		below = cloning{below, func() {}}
	}
	var files atomic.Int64
	fsys := vfs.Observe(counting{below, &files}, oneByOne(before))
	u, findings, err := Open(ctx, fsys, ".", colonYAML)
	if err == nil && !report.Refused(findings) {
		u, err = Stage(ctx, u, fsys, stageFolder, arch, Options{})
		u.FS = below
	}
	if n := files.Load(); n != 0 {
		t.Errorf("%d files are left open", n)
	}
	return u, findings, err
}

// sound checks that what an upload claims is what is staged, and returns whether
// it claims that everything is well.
func sound(t *testing.T, u Upload) bool {
	t.Helper()
	well := len(u.Received) == 2
	for _, r := range u.Received {
		if r.ActualSHA256 != "" && sum(read(t, u.FS, stageFolder+"/"+r.Name)) != r.ActualSHA256 {
			t.Errorf("%s: staged bytes are not the hashed ones", r.Name)
		}
		well = well && r.Found && len(r.Findings) == 0 && r.ActualSize == r.Size && r.ActualSHA256 == r.SHA256
	}
	return well
}

// Each call fails once. The bubble ends only when no goroutine is left.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	for _, clones := range []bool{false, true} {
		calls := map[string]bool{}
		for k, fired := 1, true; fired; k++ {
			fired = false
			synctest.Test(t, func(t *testing.T) {
				n, failed := 0, vfs.Op{}
				u, findings, err := attempt(t, t.Context(), clones, func(op vfs.Op) error {
					if n++; n != k {
						return nil
					}
					fired, failed = true, op
					return syscall.EIO
				})
				calls[failed.Kind] = true
				checkFault(t, failed, u, findings, err)
			})
		}
		for _, kind := range []string{"open", "fstat", "read", "create", "write", "sync", "close"} {
			if kind == "write" && clones {
				continue
			}
			if !calls[kind] {
				t.Errorf("no %s failed", kind)
			}
		}
	}
}

// checkFault decides whether the answer to one failed call is right.
func checkFault(t *testing.T, failed vfs.Op, u Upload, findings []report.Finding, err error) {
	t.Helper()
	if err != nil {
		e, ok := errors.AsType[*report.Error](err)
		if !ok || !errors.Is(err, syscall.EIO) || e.File == "" || e.Hint == "" {
			t.Errorf("failed %+v: error %#v", failed, err)
		}
		return
	}
	if report.Refused(findings) {
		t.Errorf("failed %+v: a broken disk is told as %v", failed, findings)
		return
	}
	if !sound(t, u) {
		t.Errorf("failed %+v: %+v", failed, u.Received)
	}
	harmless := failed == vfs.Op{} || failed.Kind == "clone" || failed.Kind == "close"
	staged := failed.Name == stagedMPK || failed.Name == stagedSource
	if !harmless || failed.Kind == "close" && staged && !u.isClone() {
		t.Errorf("failed %+v: nothing was told", failed)
	}
}

// isClone tells the clone's reading from its writing: only closing the latter
// matters, and both have one name.
func (u Upload) isClone() bool {
	_, ok := u.FS.(cloning)
	return ok
}

// The context ends at each call: the answer is "stopped", or all of the result.
func TestStoppedAtEveryCall(t *testing.T) {
	t.Parallel()
	for k, fired := 1, true; fired; k++ {
		fired = false
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			u, _, err := attempt(t, ctx, false, func(vfs.Op) error {
				if n++; n == k {
					fired = true
					cancel()
				}
				return nil
			})
			switch {
			case err == nil && !sound(t, u):
				t.Errorf("call %d: %+v", k, u.Received)
			case err != nil:
				e := wantError(t, err, report.CodeStopped, report.KindInternal, "")
				if !errors.Is(e, context.Canceled) {
					t.Errorf("call %d: %v", k, err)
				}
			case k < 5:
				t.Errorf("call %d: not stopped", k)
			}
		})
	}
}

// A long file is not read on when nobody wants it any more.
func TestStoppedWithinAFile(t *testing.T) {
	t.Parallel()
	m := colon(t)
	ctx, cancel := context.WithCancel(t.Context())
	reads := 0
	u := open(t, m, ".", colonYAML)
	u.FS = vfs.Observe(m, func(op vfs.Op) error {
		if op.Kind == "read" {
			reads++
			cancel()
		}
		return nil
	})
	r := newReader(u, Options{})
	r.buffers.size = 10
	_, err := r.all(ctx, []string{arch})
	wantError(t, err, report.CodeStopped, report.KindInternal, colonSource)
	if reads != 1 {
		t.Errorf("%d reads", reads)
	}
}

// half is an FS whose clone fails when it has made something already.
type half struct{ vfs.FS }

type halfFile struct{ vfs.File }

func (h half) Create(name string, mode fs.FileMode) (vfs.File, error) {
	f, err := h.FS.Create(name, mode)
	return halfFile{f}, err
}

func (h halfFile) CloneFrom(vfs.File) error { return errors.Join(h.Truncate(4096), syscall.EIO) }

// The staged file is what was hashed, or there is none.
func TestHalfAClone(t *testing.T) {
	t.Parallel()
	m := colon(t)
	_, err := Stage(t.Context(), open(t, m, ".", colonYAML), half{m}, stageFolder, arch, Options{})
	wantError(t, err, report.CodeDisk, report.KindInternal, stagedSource)
}

// What a failed call leaves behind is not taken for a result: a second attempt in
// another folder gives the same answer as the first one would have.
func TestStageAgainAfterAFault(t *testing.T) {
	t.Parallel()
	m := colon(t)
	check(t, m.Mkdir("second", 0o700))
	u := open(t, m, ".", colonYAML)
	full := vfs.Observe(m, func(op vfs.Op) error {
		if op.Kind == "write" && op.Name == stagedMPK {
			return syscall.ENOSPC
		}
		return nil
	})
	_, err := Stage(t.Context(), u, full, stageFolder, arch, Options{})
	wantError(t, err, report.CodeDisk, report.KindInternal, stagedMPK)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	second, err := Stage(t.Context(), u, m, "second", arch, Options{})
	check(t, err)
	plain, err := Inspect(t.Context(), u, nil, Options{})
	check(t, err)
	if !reflect.DeepEqual(second.Received, plain.Received) {
		t.Errorf("got %+v, want %+v", second.Received, plain.Received)
	}
}
