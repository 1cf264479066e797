package ssh_test

import (
	"errors"
	"os"
	"testing"
	"time"

	wire "github.com/mmpush/mmpush/core/tupkg"
	"github.com/mmpush/mmpush/plugins/transports/ssh/sshtest"
)

// TestSilence: a greeting that breaks off is not waited for; before its first byte ssh
// may be asking the user for something.
func TestSilence(t *testing.T) {
	t.Parallel()
	d := dialer(t, sshtest.Start(t, ""), nil)
	d.Login = 50 * time.Millisecond
	c, err := d.Run("sh", "-c", `printf 'W\0'; exec sleep 60`)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Enter(wire.PhaseLogin)
	buf := make([]byte, 10)
	if n, err := c.Read(buf); n != 2 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if n, err := c.Read(buf); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	c.Enter(wire.PhaseLogin + 99) // a phase that waits for nobody
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
