package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// killAt is the variable that tells mmpush-killed ahead of which call it dies.
const killAt = "MMPUSH_TEST_KILL_AT"

// playKilled runs the program and kills the process, with nothing left to run in it,
// ahead of one of its calls to the file system.
func playKilled() {
	at, err := strconv.ParseInt(os.Getenv(killAt), 10, 64)
	if err != nil {
		panic(err)
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	var calls atomic.Int64
	e := processEnv()
	e.WrapFS = func(fsys vfs.FS) vfs.FS {
		return vfs.Observe(fsys, func(vfs.Op) error {
			if calls.Add(1) == at {
				return self.Kill()
			}
			return nil
		})
	}
	os.Exit(interruptible(e))
}

// peakFile is the variable that tells mmpush-measured where to leave its peak of
// memory.
const peakFile = "MMPUSH_TEST_PEAK_FILE"

// playMeasured runs the program and tells the most memory that it ever had.
func playMeasured() {
	code := interruptible(processEnv())
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if err := os.WriteFile(os.Getenv(peakFile), []byte(strings.TrimSpace(kb)), 0o600); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(code)
}

// until waits for something that another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !done(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// listening waits until the log says that a server listens, and where.
func (l *lockedBuffer) listening(t *testing.T) (addr string) {
	t.Helper()
	address := regexp.MustCompile(`msg=listening address=(\S+)`)
	until(t, "a listener", func() bool {
		if m := address.FindStringSubmatch(l.String()); m != nil {
			addr = m[1]
		}
		return addr != "" && strings.Contains(l.String(), "msg=serving")
	})
	return addr
}
