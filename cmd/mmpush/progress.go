package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/upload"
)

const (
	// progressAfter is how long work may take before it is shown: an upload of a
	// moment needs no progress.
	progressAfter = time.Second
	// barEvery bounds the redrawing of the bar on a terminal.
	barEvery = 100 * time.Millisecond
	// lineEvery is how often a line tells of one large file elsewhere.
	lineEvery = 10 * time.Second
	barWidth  = 20
)

// progress shows how far the reading of an upload is: one line that is rewritten
// on a terminal, elsewhere a line for each file and every ten seconds.
type progress struct {
	p    *printer
	now  func() time.Time
	from time.Time
	last time.Time
	file int
	// drawn: the terminal's line has a bar on it.
	drawn bool
}

func newProgress(p *printer, now func() time.Time) *progress {
	return &progress{p: p, now: now, from: now()}
}

// tell is called by the line while it reads.
func (g *progress) tell(u upload.Progress) {
	now := g.now()
	if now.Sub(g.from) < progressAfter {
		return
	}
	switch {
	case g.p.terminal && now.Sub(g.last) >= barEvery:
		g.p.raw("\r\x1b[K" + bar(u, g.p.width-1))
		g.drawn = true
	case !g.p.terminal && (u.Number != g.file || now.Sub(g.last) >= lineEvery):
		g.p.line("mmpush: reading %s, file %d of %d, %d %% of %s",
			visible(u.File), u.Number, u.Files, percent(u), bytesText(u.AllTotal))
	default:
		return
	}
	g.last, g.file = now, u.Number
}

// end takes the bar away, so that the line is free for the result.
func (g *progress) end() {
	if g.drawn {
		g.p.raw("\r\x1b[K")
		g.drawn = false
	}
}

// bar is one line of at most width characters.
func bar(u upload.Progress, width int) string {
	done := percent(u)
	full := done * barWidth / 100
	text := fmt.Sprintf("[%s%s] %3d %% of %s  %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full),
		done, bytesText(u.AllTotal), visible(u.File))
	if utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:max(0, width)])
	}
	return text
}

// percent is how much of all files has been read, as far as their declared sizes
// are true.
func percent(u upload.Progress) int {
	if u.AllTotal <= 0 {
		return 0
	}
	return int(min(100, max(0, float64(u.AllDone)/float64(u.AllTotal)*100)))
}
