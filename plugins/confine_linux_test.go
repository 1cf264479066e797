package plugins

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mmpush/mmpush/core/programtest"
)

// confinement says why the kernel cannot confine a plugin; nil if it can.
func confinement() error {
	_, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return errno
	}
	return nil
}

// A plugin that writes wherever it can, and knows where the upload is staged.
func TestConfined(t *testing.T) {
	t.Parallel()
	programtest.Check(t, "landlock", confinement())
	publishBeside(t, t.TempDir())
}
