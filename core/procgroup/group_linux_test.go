package procgroup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/programtest"
)

// child starts a shell that starts another program and tells its number.
func child(t *testing.T, ctx context.Context, then string) (cmd *exec.Cmd, pid int) {
	t.Helper()
	cmd = exec.CommandContext(ctx, programtest.Need(t, "sh"), "-c", "sleep 60 & echo $!; "+then)
	Make(cmd)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		t.Fatal(err)
	}
	return cmd, pid
}

// ends waits until a process is no more, or nothing but an entry in the table.
func ends(t *testing.T, pid int) {
	t.Helper()
	for late := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return
		}
		// The state stands behind the name, which is in brackets.
		if _, state, ok := strings.Cut(string(stat), ") "); ok && state[0] == 'Z' {
			return
		}
		if time.Now().After(late) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("%d still runs", pid)
		}
	}
}

// TestMake: with the context, all of a group ends.
func TestMake(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cmd, pid := child(t, ctx, "wait")
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("it has come to its end")
	}
	ends(t, pid)
}

// TestEnd: what a program leaves running is ended.
func TestEnd(t *testing.T) {
	t.Parallel()
	cmd, pid := child(t, t.Context(), "exit 0")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	End(cmd)
	ends(t, pid)
	End(&exec.Cmd{})
}
