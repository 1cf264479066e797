package gitpush

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// Width is how long a line on the pusher's terminal may be; git puts "remote: "
	// before it.
	Width = 72
	// voiceLines is how many lines are shown before the answer becomes shorter.
	voiceLines = 15
	// Heartbeat is after how much silence a line says that the work goes on.
	Heartbeat = 5 * time.Second
)

// Voice writes what the pusher reads: ASCII, lines of at most [Width], each with one
// of the words that git colours. It is for several goroutines.
type Voice struct {
	mu sync.Mutex
	to io.Writer
	// log has everything, also what is not shown.
	log   io.Writer
	shown int
	// hidden is how many lines were not shown.
	hidden int
	now    func() string
	last   time.Time
}

// NewVoice writes to a stream.
func NewVoice(to io.Writer) *Voice { return &Voice{to: to, last: time.Now()} }

// Keep writes everything to a log, too.
func (v *Voice) Keep(log io.Writer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.log = log
}

// Say writes one message: a word such as "error" or "hint", and what it says.
func (v *Voice) Say(word, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, line := range Lines(word+": ", text) {
		v.write(line, v.shown < voiceLines)
	}
}

// Insist is Say for what is shown however much was said before.
func (v *Voice) Insist(word, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, line := range Lines(word+": ", text) {
		v.write(line, true)
	}
}

// Hidden is how many lines were not shown.
func (v *Voice) Hidden() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.hidden
}

func (v *Voice) write(line string, show bool) {
	v.last = time.Now()
	if v.log != nil {
		// The log is a help; without it the work goes on.
		_, _ = io.WriteString(v.log, line+"\n")
	}
	if !show {
		v.hidden++
		return
	}
	v.shown++
	// Who has gone reads nothing; what was asked for is done anyhow.
	_, _ = io.WriteString(v.to, line+"\n")
}

// Now says what is being done, for the heartbeat.
func (v *Voice) Now(doing func() string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = doing
}

// Beat writes a line whenever nothing was said for a while, until stop is called.
func (v *Voice) Beat(every time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	from := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(every / 5)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				v.beat(every, from)
			}
		}
	}()
	return func() { close(done); <-ended }
}

func (v *Voice) beat(every time.Duration, from time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if time.Since(v.last) < every || v.now == nil {
		return
	}
	v.last = time.Now()
	text := fmt.Sprintf("%s (%s)", v.now(), time.Since(from).Round(time.Second))
	// A sign of life is no line of the answer.
	_, _ = io.WriteString(v.to, Lines("mmpush: ", text)[0]+"\n")
}

// Lines makes lines of at most [Width] of a text: ASCII, broken at spaces, a word that
// is too long cut in its middle.
func Lines(prefix, text string) []string {
	text = text[:min(len(text), maxText)]
	const indent = "       "
	var lines []string
	line := prefix
	empty := true
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' }) {
		word = shorten(ASCII(word), Width-max(len(prefix), len(indent)))
		switch {
		case empty:
		case len(line)+1+len(word) > Width:
			lines = append(lines, line)
			line = indent
		default:
			line += " "
		}
		line += word
		empty = false
	}
	return append(lines, strings.TrimRight(line, " "))
}

// shorten keeps the beginning and the end of a long word.
func shorten(word string, limit int) string {
	if len(word) <= limit {
		return word
	}
	keep := limit - 3
	return word[:keep/2] + "..." + word[len(word)-(keep-keep/2):]
}

// maxText bounds what is shown of one text.
const maxText = 4000

// ASCII escapes whatever a terminal might take for more than a letter.
func ASCII(text string) string {
	var b strings.Builder
	for text != "" && b.Len() < maxText {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1, r < 0x20, r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r < 0x7f:
			b.WriteRune(r)
		case r == '\u00a0':
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b.String()
}
