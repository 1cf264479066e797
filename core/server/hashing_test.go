package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk/mpktest"
	"github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/core/vfs"
)

// TestHashingWaits: a declaration has published files read only when few others do, and
// does not wait for publishes.
func TestHashingWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Limits.Publishes = 1 })
	files := built("foo", "1.0")
	r, err := w.v2(t, bfinch, tupkg.Set{}, files...)
	mustPass(t, r, err)
	free, err := slot(t.Context(), w.slots)
	if err != nil {
		t.Fatal(err)
	}
	defer free()
	at := slices.IndexFunc(files, func(f mpktest.File) bool { return isManifest(f.Name) })
	m, _ := manifest.Parse(files[at].Data)
	found, err := w.Server.published(t.Context(), m)
	if err != nil || len(found) != 2 {
		t.Fatalf("found %v: %v", found, err)
	}
	w.hashing <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if found, err := w.Server.published(ctx, m); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("found %v: %v", found, err)
	}
	<-w.hashing
	if found, err := w.Server.published(t.Context(), m); err != nil || len(found) != 2 {
		t.Errorf("found %v: %v", found, err)
	}
}

// TestHashingHeeds: who has gone has no file read to its end.
func TestHashingHeeds(t *testing.T) {
	t.Parallel()
	disk := vfs.NewMem(time.Now)
	text := strings.Repeat("0123456789abcdef", 1<<16)
	if err := vfs.ReplaceFile(disk, "large", "new", 0o600, []byte(text)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reads := 0
	fsys := vfs.Observe(disk, func(op vfs.Op) error {
		if op.Kind == "read" {
			reads++
			cancel()
		}
		return nil
	})
	if err := hashFile(ctx, fsys, "large", int64(len(text)), newSums()); !errors.Is(err, context.Canceled) || reads != 1 {
		t.Errorf("%v after %d reads", err, reads)
	}
}
