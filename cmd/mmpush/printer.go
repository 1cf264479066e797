package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// defaultWidth is the width of a terminal that does not tell, and of paragraphs
// that go elsewhere.
const defaultWidth = 80

// printer writes text for people to one stream.
type printer struct {
	w io.Writer
	// writing is held by who writes: ssh is heard while the work goes on.
	writing sync.Mutex
	// width is where messages are wrapped; 0 is nowhere: in a log, a message is one
	// line, so that it can be searched for.
	width int
	color bool
	// terminal is true if somebody looks at it while it is written.
	terminal bool
	// silent prints nothing: the result is a document.
	silent bool
	// failed is the first error of the stream.
	failed error
	// hinted are the hints that were given: the same one is not given twice.
	hinted map[string]bool
}

func newPrinter(e env, w io.Writer, color string) *printer {
	width, terminal := e.Terminal(w)
	if terminal && width <= 0 {
		width = defaultWidth
	}
	return &printer{
		w: w, width: width, terminal: terminal, hinted: map[string]bool{},
		color: wantsColor(color, e.Getenv, terminal),
	}
}

// raw writes text as it is.
func (p *printer) raw(text string) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.silent || p.failed != nil {
		return
	}
	_, p.failed = io.WriteString(p.w, text)
}

// line writes one line that is not wrapped.
func (p *printer) line(format string, args ...any) { p.raw(fmt.Sprintf(format, args...) + "\n") }

// message writes "mmpush: LABEL: text", wrapped. In text of several lines only the
// first is: the others have a form of their own.
func (p *printer) message(s style, label, text string) {
	lines := strings.Split(text, "\n")
	prefix := "mmpush: " + label + ": "
	first := wrap(prefix+visible(lines[0]), p.width, "    ")
	first = strings.Replace(first, label+":", p.paint(s, label+":"), 1)
	p.raw(first + "\n")
	for _, l := range lines[1:] {
		p.raw("    " + visible(l) + "\n")
	}
}

// hint says what to do next, if it has not been said before.
func (p *printer) hint(text string) {
	if text == "" || p.hinted[text] {
		return
	}
	p.hinted[text] = true
	p.message(faint, "hint", text)
}

// glue is a space at which no line is broken.
const glue = "\u00a0"

// wrap breaks text at spaces so that no line is longer than width, if the words
// allow it; lines after the first get an indent; with a width of 0 there is one
// line. A path has no spaces, as a rule, and so is not broken.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(text, " ") {
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case width > 0 && column+1+length > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += length
	}
	return strings.ReplaceAll(b.String(), glue, " ")
}

// visibleLimit is how many characters of one text are shown.
const visibleLimit = 2000

// visible returns text as it can be shown on a terminal: control characters,
// characters that are not printable (those that turn the direction of writing
// among them) and bytes that are not UTF-8 are escaped.
func visible(text string) string {
	var b strings.Builder
	for shown := 0; text != ""; shown++ {
		if shown == visibleLimit {
			return fmt.Sprintf("%s... (%d bytes more)", b.String(), len(text))
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b.String()
}

// table is rows of cells; all columns but the last are padded.
type table struct{ rows [][]cell }

type cell struct {
	text string
	style
}

func (t *table) add(cells ...cell) {
	for i := range cells {
		cells[i].text = visible(cells[i].text)
	}
	t.rows = append(t.rows, cells)
}

// columnLimit is how wide a column is padded: one odd long name does not push all
// rows over the edge.
const columnLimit = 40

func (t *table) write(p *printer, indent string) {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if n := utf8.RuneCountInString(c.text); n <= columnLimit {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range t.rows {
		var b strings.Builder
		b.WriteString(indent)
		for i, c := range row {
			b.WriteString(p.paint(c.style, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(c.text))+2))
			}
		}
		p.raw(strings.TrimRight(b.String(), " ") + "\n")
	}
}
