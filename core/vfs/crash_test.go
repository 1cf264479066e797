package vfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

func lost(int) vfs.Fate { return vfs.Lost }
func kept(int) vfs.Fate { return vfs.Kept }

// do runs a step that must not fail.
func do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func content(m *vfs.Mem, name string) string {
	b, err := vfs.ReadFile(m, name, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return "(none)"
	}
	return string(b)
}

// outcomes returns what a name can be after a power loss, over all subsets of what
// is not durable.
func outcomes(m *vfs.Mem, names ...string) map[string]bool {
	seen := map[string]bool{}
	n := m.Unsynced()
	for mask := range 1 << n {
		after := m.PowerLoss(func(i int) vfs.Fate {
			if mask>>i&1 == 1 {
				return vfs.Kept
			}
			return vfs.Lost
		})
		key := ""
		for _, name := range names {
			key += fmt.Sprintf("%s=%s ", name, content(after, name))
		}
		seen[key] = true
	}
	return seen
}

func TestPowerLossModel(t *testing.T) {
	t.Parallel()
	create := func(t *testing.T, m *vfs.Mem, name, text string, sync bool) {
		f, err := m.Create(name, 0o644)
		do(t, err)
		_, err = f.Write([]byte(text))
		do(t, err)
		if sync {
			do(t, f.Sync())
		}
		do(t, f.Close())
	}
	tests := []struct {
		name  string
		run   func(t *testing.T, m *vfs.Mem)
		names []string
		want  []string
	}{
		{"a new file can be lost, be empty, or be there",
			func(t *testing.T, m *vfs.Mem) { create(t, m, "a", "xy", false) },
			[]string{"a"}, []string{"a=(none) ", "a= ", "a=xy "}},
		{"a synced file can lose its name only",
			func(t *testing.T, m *vfs.Mem) { create(t, m, "a", "xy", true) },
			[]string{"a"}, []string{"a=(none) ", "a=xy "}},
		{"with its folder synced it stays",
			func(t *testing.T, m *vfs.Mem) { create(t, m, "a", "xy", true); do(t, m.SyncDir(".")) },
			[]string{"a"}, []string{"a=xy "}},
		{"the folder alone keeps the name, not the content",
			func(t *testing.T, m *vfs.Mem) { create(t, m, "a", "xy", false); do(t, m.SyncDir(".")) },
			[]string{"a"}, []string{"a= ", "a=xy "}},
		{"a file in a new folder needs the folder's own entry",
			func(t *testing.T, m *vfs.Mem) {
				do(t, m.Mkdir("d", 0o755))
				create(t, m, "d/a", "xy", true)
				do(t, m.SyncDir("d"))
			}, []string{"d/a"}, []string{"d/a=(none) ", "d/a=xy "}},
		{"a rename is old or new; the old name may linger, never both gone",
			func(t *testing.T, m *vfs.Mem) {
				create(t, m, "a", "new", true)
				create(t, m, "b", "old", true)
				do(t, m.SyncDir("."), m.Rename("a", "b"))
			}, []string{"a", "b"}, []string{"a=new b=old ", "a=new b=new ", "a=(none) b=new "}},
		{"syncing the target's folder ends the doubt over the new name",
			func(t *testing.T, m *vfs.Mem) {
				do(t, m.Mkdir("d", 0o755))
				create(t, m, "a", "new", true)
				do(t, m.SyncDir("."), m.Rename("a", "d/b"), m.SyncDir("d"))
			}, []string{"a", "d/b"}, []string{"a=new d/b=new ", "a=(none) d/b=new "}},
		{"syncing the source's folder makes the new name durable too",
			func(t *testing.T, m *vfs.Mem) {
				do(t, m.Mkdir("d", 0o755))
				create(t, m, "a", "new", true)
				do(t, m.SyncDir("."), m.Rename("a", "d/b"), m.SyncDir("."))
			}, []string{"a", "d/b"}, []string{"a=(none) d/b=new "}},
		{"a folder has one name",
			func(t *testing.T, m *vfs.Mem) {
				do(t, m.Mkdir("d", 0o755), m.Mkdir("e", 0o755))
				create(t, m, "d/a", "x", true)
				do(t, m.SyncDir("d"), m.SyncDir("."), m.Rename("d", "e/d"))
			}, []string{"d/a", "e/d/a"}, []string{"d/a=x e/d/a=(none) ", "d/a=(none) e/d/a=x "}},
		{"a removal can come back",
			func(t *testing.T, m *vfs.Mem) {
				create(t, m, "a", "x", true)
				do(t, m.SyncDir("."), m.Remove("a"))
			}, []string{"a"}, []string{"a=x ", "a=(none) "}},
		{"renames of two files may be durable in any order",
			func(t *testing.T, m *vfs.Mem) {
				create(t, m, "a", "A", true)
				create(t, m, "b", "B", true)
				do(t, m.SyncDir("."), m.Rename("a", "x"), m.Rename("b", "y"))
			}, []string{"x", "y"}, []string{"x=(none) y=(none) ", "x=A y=(none) ", "x=(none) y=B ", "x=A y=B "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := vfs.NewMem(func() time.Time { return time.Unix(1, 0) })
			tt.run(t, m)
			got := outcomes(m, tt.names...)
			for _, w := range tt.want {
				if !got[w] {
					t.Errorf("never seen: %q", w)
				}
				delete(got, w)
			}
			for g := range got {
				t.Errorf("must not be possible: %q", g)
			}
		})
	}
}

func TestPowerLossOfWrites(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem(func() time.Time { return time.Unix(1, 0) })
	f, err := m.Append("log", 0o600)
	do(t, err)
	_, err = f.Write([]byte("one\n"))
	do(t, err, f.Sync(), m.SyncDir("."))
	_, err = f.Write([]byte("two\n"))
	do(t, err)
	if got := content(m.PowerLoss(lost), "log"); got != "one\n" {
		t.Errorf("lost: %q", got)
	}
	if got := content(m.PowerLoss(func(int) vfs.Fate { return vfs.Torn }), "log"); got != "one\ntw" {
		t.Errorf("torn: %q", got)
	}
	if got := content(m.PowerLoss(kept), "log"); got != "one\ntwo\n" {
		t.Errorf("kept: %q", got)
	}
	if got := content(m, "log"); got != "one\ntwo\n" {
		t.Errorf("the running system sees %q", got)
	}
}

// Clone is a kill: everything is there, nobody holds a lock, and what was not
// durable still is not.
func TestCloneIsAKill(t *testing.T) {
	t.Parallel()
	m := vfs.NewMem(func() time.Time { return time.Unix(1, 0) })
	f, err := m.OpenLock("lock", 0o644)
	do(t, err, f.TryLock())
	c := m.Clone()
	g, err := c.OpenLock("lock", 0o644)
	do(t, err, g.TryLock())
	if c.Unsynced() == 0 || content(c.PowerLoss(lost), "lock") != "(none)" {
		t.Error("a kill made the file durable")
	}
	do(t, c.Remove("lock"))
	if content(m, "lock") != "" {
		t.Error("the copy and its original share a folder")
	}
	c.SyncAll()
	if c.Unsynced() != 0 {
		t.Errorf("%d things not durable after SyncAll", c.Unsynced())
	}
}
