package gitpush

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// TestInstallKilled: at every moment of an install there is a hook that runs, and who
// installs again after a kill gets both.
func TestInstallKilled(t *testing.T) {
	t.Parallel()
	killed := errors.New("killed")
	for k := 1; ; k++ {
		disk := vfs.NewMem(time.Now)
		if err := vfs.CreateSynced(disk, "pre-receive", 0o755, []byte("theirs")); err != nil {
			t.Fatal(err)
		}
		calls := 0
		observed := vfs.Observe(disk, func(vfs.Op) error {
			if _, err := disk.Lstat("pre-receive"); err != nil {
				t.Errorf("killed at call %d: no hook stands at call %d: %v", k, calls+1, err)
			}
			if calls++; calls >= k {
				return killed
			}
			return nil
		})
		_, err := Install(observed, "/hooks", "/usr/bin/mmpush", []string{"pre-receive"})
		over := err == nil
		list, err := Install(disk, "/hooks", "/usr/bin/mmpush", []string{"pre-receive"})
		if err != nil || !list[0].Ours || list[0].Chained == "" {
			t.Errorf("killed at call %d: %+v %v", k, list, err)
		}
		text, err := vfs.ReadFile(disk, "pre-receive", maxHook)
		before, berr := vfs.ReadFile(disk, "pre-receive"+chained, maxHook)
		if err != nil || berr != nil || !strings.Contains(string(text), "--first") || string(before) != "theirs" {
			t.Errorf("killed at call %d: %q %v, %q %v", k, text, err, before, berr)
		}
		if over {
			return
		}
	}
}
