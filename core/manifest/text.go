package manifest

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSize is the largest manifest, in bytes. A declared package takes about 200.
const MaxSize = 1 << 20

const (
	// maxMarks bounds the characters that can start or end a YAML token, and so
	// the memory that the library's tokens take (about 250 bytes each).
	maxMarks = 64 << 10
	// maxRunWork bounds, for one text, its size times its longest run of empty
	// lines, and of '<': the library's scanner takes that many steps over them.
	maxRunWork = 32 << 20
	// maxBadLines is how many unreadable lines are told one by one.
	maxBadLines = 10
)

// readText returns the manifest as text that the YAML library can be given: UTF-8
// without a byte order mark, lines ended by LF, no control characters, tabs only
// where they were comments (and there turned into spaces). What is in the way of
// that is added to found.
func readText(text []byte, found *findings) string {
	if len(text) > MaxSize {
		found.unreadable(0, fmt.Sprintf("the manifest has %d bytes; at most %d are allowed", len(text), MaxSize),
			"a manifest is a short text; check that this is one")
		return ""
	}
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		found.unreadable(1, "the manifest is UTF-16 text", "save it as UTF-8")
		return ""
	}
	t := textReader{found: found, line: 1, lineStart: true, blank: true}
	t.out.Grow(len(text))
	t.read(strings.TrimPrefix(string(text), "\ufeff"))
	t.limits(len(text))
	return t.out.String()
}

// textReader goes once over the text and knows the few things about each line
// that matter before YAML does.
type textReader struct {
	found *findings
	out   strings.Builder
	line  int
	// previous is the character before; lineStart and blank say that the line
	// has no character, or only spaces, so far.
	previous  rune
	lineStart bool
	blank     bool
	comment   bool
	// told: this line has its finding. A binary file has one in nearly every
	// line, so only the first maxBadLines of badLines are told.
	told     bool
	badLines int

	marks               int
	blanks, mostBlanks  int
	angles, mostAngles  int
	blankLine, angleRow int
}

func (t *textReader) read(s string) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			t.refuse("text that is not UTF-8", "save the manifest as UTF-8; check that this is a manifest")
		case r == '\r':
			// A CR that an LF follows is part of that line end; alone it is one.
			if !strings.HasPrefix(s[i+1:], "\n") {
				t.newLine()
			}
		case r == '\n':
			t.newLine()
		default:
			t.character(r)
		}
		i += size
	}
}

func (t *textReader) newLine() {
	t.marks++
	if t.blank {
		t.blanks++
		if t.blanks > t.mostBlanks {
			t.mostBlanks, t.blankLine = t.blanks, t.line
		}
	} else {
		t.blanks = 0
	}
	t.out.WriteByte('\n')
	t.line++
	t.previous, t.angles = '\n', 0
	t.lineStart, t.blank, t.comment, t.told = true, true, false, false
}

func (t *textReader) character(r rune) {
	if r == '#' && (t.lineStart || t.previous == ' ' || t.previous == '\t') {
		t.comment = true
	}
	t.countMarks(r)
	t.out.WriteRune(t.allowed(r))
	t.previous, t.lineStart = r, false
	t.blank = t.blank && r == ' '
}

// allowed returns the character to hand on, and refuses those that mmpack's own
// reader does not take. A tab is meaningless in a comment, and costs the
// library's scanner time in the square of the line's length in quoted text.
func (t *textReader) allowed(r rune) rune {
	switch {
	case r == '\t' && !t.comment:
		t.refuse("a tab", "indent and separate with spaces")
	case r == '\t':
		return ' '
	case r < ' ' || r >= 0x7f && r < 0xa0:
		t.refuse(fmt.Sprintf("the control character %U", r), "check that this is a manifest")
	case r == '\u2028' || r == '\u2029':
		t.refuse(fmt.Sprintf("the line separator %U", r), "end lines with LF")
	}
	return r
}

// countMarks counts generously: a mark inside a comment or a quoted text counts
// although it starts no token.
func (t *textReader) countMarks(r rune) {
	if strings.ContainsRune("{}[],:#&*!|>'\"%@`", r) || r == ' ' && (t.previous == '-' || t.previous == '?') {
		t.marks++
	}
	if r != '<' {
		t.angles = 0
		return
	}
	t.angles++
	if t.angles > t.mostAngles {
		t.mostAngles, t.angleRow = t.angles, t.line
	}
}

func (t *textReader) refuse(what, hint string) {
	if t.told {
		return
	}
	t.told = true
	t.badLines++
	if t.badLines <= maxBadLines {
		t.found.unreadable(t.line, "the line has "+what+" in it", hint)
	}
}

func (t *textReader) limits(size int) {
	if t.badLines > maxBadLines {
		t.found.unreadable(t.line, fmt.Sprintf("%d more lines cannot be read", t.badLines-maxBadLines), "check that this is a manifest")
	}
	if t.marks > maxMarks {
		t.found.unreadable(0, fmt.Sprintf("the manifest has too many parts: %d lines, brackets and separators; at most %d are allowed",
			t.marks, maxMarks), hintFewer)
	}
	if t.mostBlanks*size > maxRunWork {
		t.found.unreadable(t.blankLine, fmt.Sprintf("%d empty lines in a row are too many", t.mostBlanks), hintYAML)
	}
	if t.mostAngles*size > maxRunWork {
		t.found.unreadable(t.angleRow, fmt.Sprintf("%d times '<' in a row is too much", t.mostAngles), hintYAML)
	}
}
