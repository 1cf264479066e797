package server

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// tight is a disk on which there is only so much room for what arrives.
type tight struct {
	vfs.FS
	room atomic.Int64
}

func (d *tight) Append(name string, mode fs.FileMode) (vfs.File, error) {
	f, err := d.FS.Append(name, mode)
	if err != nil || !strings.Contains(name, "/partial/") {
		return f, err
	}
	return &tightFile{f, d}, nil
}

type tightFile struct {
	vfs.File
	disk *tight
}

// Write takes what there is room for, as a real disk does.
func (f *tightFile) Write(p []byte) (int, error) {
	left := f.disk.room.Add(-int64(len(p)))
	if left >= 0 {
		return f.File.Write(p)
	}
	f.disk.room.Add(int64(len(p)))
	n, err := f.File.Write(p[:max(0, int64(len(p))+left)])
	f.disk.room.Add(-int64(n))
	return n, errors.Join(err, syscall.ENOSPC)
}

// TestDiskFillsUp: the disk is full in the midst of an upload. It is refused with the
// reason, what has come is kept, and others who need less go on; with room again, the
// upload goes on where it stopped.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	disk := &tight{}
	w := newWorld(t, func(o *Options) {
		disk.FS = o.State
		o.State = disk
	})
	const half = 150_000
	disk.room.Store(half)
	large := mpktest.Upload{Name: "large", Packages: []mpktest.Package{{Name: "large", Payload: 2 * half}}}.Build().Files()
	_, err := w.v2(t, bfinch, tupkg.Set{}, large...)
	refused, ok := errors.AsType[*tupkg.Refusal](err)
	if !ok || refused.Code != tupkg.CodeBusy || !strings.Contains(refused.Reason, "disk is full; what came is kept") {
		t.Fatalf("%v", err)
	}
	if kept, bytes, err := w.Partials(); err != nil || kept == 0 || bytes == 0 {
		t.Errorf("%d partial files of %d bytes: %v", kept, bytes, err)
	}
	disk.room.Store(20_000)
	r, err := w.v2(t, "other", tupkg.Set{}, built("small", "1.0")...)
	mustPass(t, r, err)
	disk.room.Store(10 * half)
	r, err = w.v2(t, bfinch, tupkg.Set{}, large...)
	mustPass(t, r, err)
	if r.Report.Result != report.Published || r.Skipped < half/2 {
		t.Errorf("%+v: only %d bytes were not sent again", r.Report.Result, r.Skipped)
	}
}
