package pipeline_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain spends memory on time: the crash tests make and drop many small disks.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
