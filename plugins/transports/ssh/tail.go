package ssh

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// tail passes lines on and keeps the last of them. A line that is too long is passed
// on in pieces.
type tail struct {
	to   io.Writer
	mu   sync.Mutex
	part []byte
	kept []byte
}

// lineBytes is the longest piece of a line.
const lineBytes = 4 << 10

// Write takes what came on a standard error.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			i = len(rest) - 1
		}
		i = min(i, lineBytes-1)
		t.part = append(t.part, rest[:i+1]...)
		rest = rest[i+1:]
		if t.part[len(t.part)-1] == '\n' || len(t.part) >= lineBytes {
			t.line()
		}
	}
	return len(p), nil
}

// flush passes the last line on, if it has no end.
func (t *tail) flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.part) > 0 {
		t.line()
	}
}

func (t *tail) line() {
	line := plain(string(t.part)) + "\n"
	t.part = t.part[:0]
	t.kept = append(t.kept, line...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = t.kept[over:]
	}
	if t.to != nil {
		// Who cannot be told misses it; the error has it as well.
		_, _ = io.WriteString(t.to, line)
	}
}

// lines are those that were kept and are not empty.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for line := range strings.SplitSeq(string(t.kept), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// plain is a line from outside without what would act on a terminal.
func plain(line string) string {
	line = strings.TrimRight(line, "\r\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, line)
}
