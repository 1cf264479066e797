package vfstest

import (
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// write makes one file in two calls and a sync.
func write(fsys vfs.FS) error {
	f, err := fsys.Create("a", 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte("text")); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func newDisk() *vfs.Mem {
	return vfs.NewMem(func() time.Time { return time.Unix(1, 0) })
}

func TestJudged(t *testing.T) {
	t.Parallel()
	moments, err := Film(newDisk(), write, nil)
	if err != nil {
		t.Fatal(err)
	}
	judged := NewJudged()
	var fresh []string
	for k, m := range moments {
		for _, fate := range Fates(m.Disk.Unsynced(), 5, uint64(k)) {
			if !judged.Before(m.Disk.PowerLoss(fate), m.Acked, false) {
				fresh = append(fresh, m.Op.Kind)
			}
		}
	}
	// Nothing; the name without content; all of it; half of it; the same, acknowledged.
	if len(fresh) < 4 || len(fresh) > 6 {
		t.Errorf("%d states: %v", len(fresh), fresh)
	}
	disk := moments[len(moments)-1].Disk
	if judged.Before(disk.Clone(), false, true) || !judged.Before(disk.Clone(), false, true) || !judged.Before(disk.Clone(), false, false) {
		t.Error("the larger question was not remembered, or not as the larger one")
	}
	touched := disk.Clone()
	if err := touched.Chtimes("a", time.Unix(2, 0)); err != nil {
		t.Fatal(err)
	}
	if judged.Before(touched, false, false) {
		t.Error("another time is no other state")
	}
}

func TestSkip(t *testing.T) {
	t.Parallel()
	moments, err := Film(newDisk(), write, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if n := moments[len(moments)-1].Disk.Unsynced(); n < 2 {
		t.Errorf("%d things are not durable; the sync was not skipped", n)
	}
}
