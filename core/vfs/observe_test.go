package vfs_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// A failed call does nothing, and every call is seen.
func TestObserve(t *testing.T) {
	t.Parallel()
	steps := func(fsys vfs.FS) error {
		if err := vfs.ReplaceFile(fsys, "f", "f.new", 0o600, []byte("x")); err != nil {
			return err
		}
		_, err := vfs.ReadFile(fsys, "f", 10)
		return err
	}
	var seen []string
	if err := steps(vfs.Observe(vfs.NewMem(time.Now), func(o vfs.Op) error {
		seen = append(seen, o.Kind)
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	for k := range seen {
		n := 0
		mem := vfs.NewMem(time.Now)
		err := steps(vfs.Observe(mem, func(vfs.Op) error {
			n++
			if n == k+1 {
				return boom
			}
			return nil
		}))
		// Closing a file that was only read tells nothing about the bytes.
		if last := k == len(seen)-1; !errors.Is(err, boom) && !last {
			t.Errorf("call %d (%s) failed: the caller saw %v", k, seen[k], err)
		}
		if _, statErr := mem.Lstat("f.new"); statErr == nil && seen[k] != "remove" {
			t.Errorf("call %d (%s) failed: the temporary file was left", k, seen[k])
		}
	}
	want := []string{"remove", "create", "write", "sync", "close", "rename", "syncdir", "open", "read", "read", "close"}
	if len(seen) != len(want) {
		t.Fatalf("seen %v", seen)
	}
	for i := range want {
		if seen[i] != want[i] {
			t.Errorf("call %d is %s, want %s", i, seen[i], want[i])
		}
	}
}
