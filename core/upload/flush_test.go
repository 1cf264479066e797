package upload

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// A long file is synced while it is written; a Sync that fails there is as final
// as the last one, and none is left behind.
func TestEarlySync(t *testing.T) {
	t.Parallel()
	for failing := range 12 {
		synctest.Test(t, func(t *testing.T) {
			m := colon(t)
			var syncs atomic.Int64
			to := vfs.Observe(m, func(op vfs.Op) error {
				if op.Kind == "sync" && int(syncs.Add(1)) == failing {
					return syscall.EIO
				}
				return nil
			})
			r := newReader(open(t, m, ".", colonYAML), Options{})
			r.to, r.folder, r.buffers.size, r.flushEvery = to, stageFolder, 10, 100
			received, err := r.all(t.Context(), []string{arch})
			n := int(syncs.Load())
			switch {
			case failing > 0 && failing <= n:
				wantError(t, err, report.CodeDisk, report.KindInternal, "")
			case err != nil || n <= len(received):
				t.Errorf("%d syncs, %v", n, err)
			}
			if err == nil {
				equal(t, "staged", read(t, m, stagedMPK), read(t, m, colonMPK))
			}
		})
	}
}

// A write that fails waits for the Sync that is under way.
func TestWriteFailsDuringSync(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := colon(t)
		syncing, failed := make(chan struct{}), make(chan struct{})
		writes, closed := 0, false
		to := vfs.Observe(m, func(op vfs.Op) error {
			switch op.Kind {
			case "sync":
				close(syncing)
				<-failed
				synctest.Wait()
				if closed {
					t.Error("closed during Sync")
				}
			case "write":
				if writes++; writes == 2 {
					<-syncing
					close(failed)
					return syscall.ENOSPC
				}
			case "close":
				closed = true
			}
			return nil
		})
		r := newReader(open(t, m, ".", colonYAML), Options{})
		r.to, r.folder, r.buffers.size, r.flushEvery = to, stageFolder, 100, 100
		if _, err := r.all(t.Context(), []string{arch}); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v", err)
		}
	})
}
