package stanza

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxSize is the limit on the text of one stanza with the empty line that ends it,
// in bytes.
const MaxSize = 4 << 20

// ErrTooLarge is the error for a stanza that is larger than [MaxSize].
var ErrTooLarge = errors.New("stanza too large")

// Scanner splits an index into stanzas without looking into them. It is tolerant
// where the file's layout does not matter to the meaning: empty lines before the
// first stanza, several between two, none after the last.
type Scanner struct {
	r    *bufio.Reader
	text []byte
	line int
	// start is the line where the current stanza starts.
	start   int
	leading bool
	started bool
	err     error
}

// NewScanner returns a Scanner that reads r to its end.
func NewScanner(r io.Reader) *Scanner {
	return &Scanner{r: bufio.NewReaderSize(r, 64<<10)}
}

// Scan goes to the next stanza. It returns false at the end and at the first
// error; see [Scanner.Err].
func (s *Scanner) Scan() bool {
	s.text = s.text[:0]
	s.skipEmpty()
	for s.err == nil {
		n := len(s.text)
		s.err = s.readLine()
		if s.err != nil && s.err != io.EOF {
			return false
		}
		line := s.text[n:]
		if len(line) == 0 {
			break
		}
		s.line++
		switch {
		case n == 0 && isBlank(line):
			s.leading = s.leading || !s.started
			s.text = s.text[:0]
		case n == 0:
			s.start, s.started = s.line, true
		case endsStanza(line):
			s.text = append(s.text[:n], '\n')
			return true
		}
	}
	return s.last()
}

// skipEmpty is the fast way over empty lines; Scan itself knows the rarer blank
// ones.
func (s *Scanner) skipEmpty() {
	for {
		c, err := s.r.Peek(1)
		if err != nil && err != io.EOF {
			s.err = err
		}
		if err != nil || c[0] != '\n' {
			return
		}
		buffered, _ := s.r.Peek(s.r.Buffered())
		n := len(buffered) - len(bytes.TrimLeft(buffered, "\n"))
		_, _ = s.r.Discard(n) // they are buffered
		s.line += n
		s.leading = s.leading || !s.started
	}
}

// last ends a stanza that the input's end cut off.
func (s *Scanner) last() bool {
	if len(s.text) == 0 {
		return false
	}
	if s.text[len(s.text)-1] != '\n' {
		s.text = append(s.text, '\n')
	}
	s.text = append(s.text, '\n')
	return true
}

// readLine appends one line with its newline to text.
func (s *Scanner) readLine() error {
	for {
		part, err := s.r.ReadSlice('\n')
		s.text = append(s.text, part...)
		if len(s.text) > MaxSize {
			return fmt.Errorf("line %d: %w: the limit is %d bytes", s.line+1, ErrTooLarge, MaxSize)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// isBlank reports whether a line between two stanzas counts as empty; the C
// client takes any white space for that.
func isBlank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// endsStanza is stricter than isBlank: inside a stanza a line of one space is
// data.
func endsStanza(line []byte) bool { return line[0] == '\n' || line[0] == '\r' && isBlank(line) }

// Text returns the current stanza with exactly one empty line at its end. It is
// valid until the next call of Scan.
func (s *Scanner) Text() []byte { return s.text }

// Line returns the number of the current stanza's first line, counted from 1.
func (s *Scanner) Line() int { return s.start }

// LeadingBlank reports whether an empty line stands before the first stanza: the
// real client crashes on such an index.
func (s *Scanner) LeadingBlank() bool { return s.leading }

// Err returns the error that stopped Scan; nil at the end of the input.
func (s *Scanner) Err() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}
