package plugins

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailSize is how much of what a plugin prints is kept, in bytes.
const tailSize = 4 << 10

// tail keeps the end of what a plugin prints: the answer to the question what it died
// of. It may be written to at any time.
type tail struct {
	mu   sync.Mutex
	kept []byte
	// crashed: a Go program has begun to tell why it dies; what follows are stacks.
	crashed bool
	// also gets everything; nil is allowed.
	also io.Writer
}

// Write implements [io.Writer]; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.also != nil {
		_, _ = t.also.Write(p)
	}
	if t.crashed && len(t.kept)+len(p) > tailSize {
		return len(p), nil
	}
	if bytes.HasPrefix(p, []byte("panic: ")) || bytes.HasPrefix(p, []byte("fatal error: ")) {
		t.kept, t.crashed = nil, true
	}
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// tailLines is how many lines a message shows.
const tailLines = 3

// String is the last lines on one line. Of a Go program that has crashed it is the
// first, which says why, and not the stacks behind it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, _, _ := strings.Cut(string(t.kept), "\ngoroutine ")
	lines := strings.FieldsFunc(strings.TrimSpace(text), func(r rune) bool { return r == '\n' || r == '\r' })
	lines = lines[max(0, len(lines)-tailLines):]
	return clean(strings.Join(lines, " / "))
}
