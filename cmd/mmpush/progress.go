package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/transport"
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
	// barWidth is how long the bar itself is, and narrowBar in a window that has less
	// than narrow columns.
	barWidth, narrowBar, narrow = 20, 8, 60
)

// progress shows how far an upload is: one line that is rewritten on a terminal,
// elsewhere a line for each file and every ten seconds.
type progress struct {
	p    *printer
	now  func() time.Time
	from time.Time
	last time.Time
	// key is the work and the file of the last line.
	key string
	// drawn: the terminal's line has a bar on it.
	drawn bool
	// reading and sending are how fast that goes.
	reading, sending speed
}

func newProgress(p *printer, now func() time.Time) *progress {
	return &progress{p: p, now: now, from: now()}
}

// tell is called by the line while it reads.
func (g *progress) tell(u upload.Progress) {
	g.show(state{
		doing: "reading", file: u.File, number: u.Number, files: u.Files, done: u.AllDone, total: u.AllTotal,
		rate: g.reading.at(g.now(), u.AllDone, u.AllTotal),
	})
}

// send is called by a transport while an upload is on its way.
func (g *progress) send(s transport.Sending) {
	at := state{doing: "sending", file: s.File, number: s.Number, files: s.Files, done: s.Done, total: s.Total}
	if s.Stage != "" {
		at.doing = "the server: " + visible(s.Stage)
	} else {
		at.skipped, at.rate = s.Skipped, g.sending.at(g.now(), s.Done, s.Total)
	}
	g.show(at)
}

// notice is a line between the others.
func (g *progress) notice(text string) {
	g.end()
	g.p.line("mmpush: %s", visible(text))
}

// state is how far one kind of work is. What is skipped is in neither done nor total.
// rate is for people, and may be empty.
type state struct {
	doing, file          string
	number, files        int
	done, total, skipped int64
	rate                 string
}

func (g *progress) show(s state) {
	now := g.now()
	if now.Sub(g.from) < progressAfter {
		return
	}
	key := fmt.Sprintf("%s %d %s", s.doing, s.number, s.file)
	switch {
	case g.p.terminal && now.Sub(g.last) >= barEvery:
		g.p.raw("\r\x1b[K" + bar(s, g.p.width-1))
		g.drawn = true
	case !g.p.terminal && (key != g.key || now.Sub(g.last) >= lineEvery):
		g.p.line("mmpush: %s", s)
	default:
		return
	}
	g.last, g.key = now, key
}

// String is the state as a line of a log.
func (s state) String() string {
	text := s.doing
	if s.file != "" {
		text += " " + visible(s.file)
	}
	if s.number > 0 {
		text += fmt.Sprintf(", file %d of %d", s.number, s.files)
	}
	if s.total > 0 {
		text += fmt.Sprintf(", %d %% of %s", s.percent(), bytesText(s.total))
	}
	if s.skipped > 0 {
		text += fmt.Sprintf(", %s skipped", bytesText(s.skipped))
	}
	if s.rate != "" {
		text += ", " + s.rate
	}
	return text
}

// end takes the bar away, so that the line is free for the result.
func (g *progress) end() {
	if g.drawn {
		g.p.raw("\r\x1b[K")
		g.drawn = false
	}
}

// bar is one line of at most width characters.
func bar(s state, width int) string {
	done, cells := s.percent(), barWidth
	if width < narrow-1 {
		cells = narrowBar
	}
	full := done * cells / 100
	text := fmt.Sprintf("[%s%s] %3d %% of %s  ", strings.Repeat("#", full), strings.Repeat("-", cells-full), done, bytesText(s.total))
	if s.skipped > 0 {
		text += bytesText(s.skipped) + " skipped  "
	}
	if s.rate != "" {
		text += s.rate + "  "
	}
	if s.files > 1 && s.number > 0 {
		text += fmt.Sprintf("%d/%d ", s.number, s.files)
	}
	text += visible(s.file)
	if s.doing != "reading" && s.doing != "sending" {
		text += "  (" + s.doing + ")"
	}
	if utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:max(0, width)])
	}
	return text
}

// percent is how much of an upload has been read.
func percent(u upload.Progress) int { return state{done: u.AllDone, total: u.AllTotal}.percent() }

// percent is how much is done, as far as the declared sizes are true.
func (s state) percent() int {
	if s.total <= 0 {
		return 0
	}
	return int(min(100, max(0, float64(s.done)/float64(s.total)*100)))
}

// speed measures how fast bytes are sent.
type speed struct {
	since time.Time
	done  int64
	// rate is in bytes per second, smoothed over some seconds; 0 before the first.
	rate float64
}

// speedEvery is how long bytes are counted for one measurement.
const speedEvery = time.Second

// at takes a measurement and says rate and time left.
func (s *speed) at(now time.Time, done, total int64) string {
	if s.since.IsZero() || done < s.done {
		s.since, s.done = now, done
	}
	if took := now.Sub(s.since); took >= speedEvery {
		rate := float64(done-s.done) / took.Seconds()
		if s.rate > 0 {
			const weight = 0.3
			rate = weight*rate + (1-weight)*s.rate
		}
		s.since, s.done, s.rate = now, done, rate
	}
	if s.rate < 1 {
		return ""
	}
	text := bytesText(int64(s.rate)) + "/s"
	const longest = 100 * 3600
	if left := float64(total-done) / s.rate; left > 0 && left < longest {
		text += fmt.Sprintf(", %s left", max(time.Second, time.Duration(left)*time.Second))
	}
	return text
}
