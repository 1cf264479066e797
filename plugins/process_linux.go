package plugins

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepare ties the goroutine to its thread for good: the thread takes limits upon
// itself that the program inherits, and the program is killed when the thread ends,
// which is when we do. The thread is not used for anything else afterwards.
func (p *process) prepare() {
	runtime.LockOSThread()
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// restrict limits the program that runs.
func (p *process) restrict() error {
	pid := p.cmd.Process.Pid
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("no limit can be set: %w", err)
	}
	if p.limits.memory == 0 {
		return nil
	}
	// RLIMIT_DATA counts what can be written to and is nobody else's. RLIMIT_AS would
	// count addresses too, of which Go and Python reserve far more than they use.
	err := unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: p.limits.memory, Max: p.limits.memory}, nil)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("its memory cannot be limited: %w", err)
	}
	return nil
}

// reap waits until the program has ended and kills its process group before the
// number of the group can become somebody else's.
func (p *process) reap() {
	for {
		err := unix.Waitid(unix.P_PID, p.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killGroup()
	p.reaped = true
	p.wait()
}

// killRounds bounds the hunt for processes that beget others.
const killRounds = 20

// killStragglers kills what has left the process group. The marker is in the
// environment of all that the plugin has started.
func (p *process) killStragglers() {
	for range killRounds {
		if !killMarked([]byte(p.limits.marker)) {
			return
		}
	}
}

// killMarked kills the processes with the marker and reports whether there were any.
func killMarked(marker []byte) (found bool) {
	all, err := filepath.Glob("/proc/[1-9]*")
	if err != nil {
		return false
	}
	for _, at := range all {
		pid, err := strconv.Atoi(filepath.Base(at))
		if err != nil || pid == os.Getpid() {
			continue
		}
		// A process that is not ours, or that has ended, cannot be read.
		environment, err := os.ReadFile(filepath.Join(at, "environ"))
		if err == nil && bytes.Contains(environment, marker) {
			found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
		}
	}
	return found
}
