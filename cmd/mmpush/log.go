package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type logCmd struct {
	Patterns []string `arg:"" optional:"" name:"package" complete:"package" help:"Only changes of these packages or sources; * and ? stand for any letters."`

	repoFlag
	Number int    `short:"n" default:"20" placeholder:"N" help:"Show the newest N generations; 0 is all. Default: 20."`
	User   string `placeholder:"NAME" help:"Only changes of this user."`
	Since  string `placeholder:"TIME" help:"Only what is not older: a time such as 2026-03-01 or 2026-03-01T12:00:00Z, or an age such as 72h."`
	Until  string `placeholder:"TIME" help:"Only what is not newer."`
}

// Help is shown by --help.
func (*logCmd) Help() string {
	return `Shows who changed what, the newest first. Each line is a change: its generation, the time (UTC), the user, what was done. A generation with several changes counts them, as in 12.2. What another program has done to the indexes is a change of its own, of the user "?".`
}

// logged is the document of log.
type logged struct {
	Schema     int    `json:"schema"`
	Repository string `json:"repository"`
	// Generations are the newest first.
	Generations []loggedGeneration `json:"generations"`
}

// loggedGeneration is one generation, with those of its changes that were asked for.
type loggedGeneration struct {
	Generation uint64 `json:"generation"`
	// SHA256 is that of the record; the next one names it.
	SHA256  string         `json:"sha256"`
	Time    time.Time      `json:"time"`
	Changes []loggedChange `json:"changes"`
}

type loggedChange struct {
	// Change counts from 1 within the generation.
	Change    int              `json:"change"`
	Action    string           `json:"action"`
	Who       string           `json:"who,omitempty"`
	Transport string           `json:"transport,omitempty"`
	Manifest  string           `json:"manifest,omitempty"`
	Undoes    string           `json:"undoes,omitempty"`
	Purged    bool             `json:"purged,omitempty"`
	Unknown   bool             `json:"unknown,omitempty"`
	Packages  []report.Package `json:"packages,omitempty"`
}

func (c *logCmd) run(_ context.Context, a *app) (doc any, code int) {
	q, err := c.query()
	if err != nil {
		return a.fail(err)
	}
	at, r, done, err := a.repository(c.repoFlag, "whose history to show")
	if err != nil {
		return a.fail(err)
	}
	defer done()
	l := logged{Schema: report.Schema, Repository: at, Generations: []loggedGeneration{}}
	h, err := r.OpenHistory()
	if err != nil {
		return a.fail(err)
	}
	defer h.Close()
	for g, err := range h.Select(q) {
		if err != nil {
			return a.fail(err)
		}
		l.Generations = append(l.Generations, loggedOf(g))
		if len(l.Generations) == c.Number {
			break
		}
	}
	a.log(l)
	return l, exitDone
}

func loggedOf(g repo.Picked) loggedGeneration {
	out := loggedGeneration{Generation: g.Number, SHA256: g.Hash, Time: g.Time}
	for _, n := range g.Numbers {
		c := g.Changes[n-1]
		out.Changes = append(out.Changes, loggedChange{n, c.Action, c.Who, c.Transport, c.Manifest, c.Undoes, c.Purged, c.Unknown, c.Packages})
	}
	return out
}

func (c *logCmd) query() (repo.Query, error) {
	q := repo.Query{Packages: c.Patterns, User: c.User}
	if c.Number < 0 {
		return q, wrongUsage("give a number such as 20; 0 shows all", "-n %d: a number of generations cannot be negative", c.Number)
	}
	for _, p := range c.Patterns {
		if _, err := path.Match(p, ""); err != nil {
			return q, wrongUsage("* and ? stand for any letters, [ab] for one of a few", "%q is not a pattern", visible(p))
		}
	}
	var err error
	if q.Since, err = timeOf("--since", c.Since, false); err == nil {
		q.Until, err = timeOf("--until", c.Until, true)
	}
	return q, err
}

// timeOf reads a time or an age; end takes a day to its last moment.
func timeOf(flag, text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return time.Now().Add(-age), nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1).Add(-time.Nanosecond)
		}
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, wrongUsage("give a day such as 2026-03-01, a time such as 2026-03-01T12:00:00Z, or an age such as 72h",
			"%s=%s is not a time", flag, visible(text))
	}
	return t, nil
}

// repository opens the repository that the flag or the configuration names.
func (a *app) repository(flag repoFlag, what string) (at string, r *repo.Repo, done func(), err error) {
	if at, err = flag.at(a, what); err != nil {
		return at, nil, nil, err
	}
	r, done, err = a.openAny(at)
	return at, r, done, err
}

// shortTime is how a table shows a time.
func shortTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// whoColumn is how much of a user's name a table shows.
const whoColumn = 12

// log shows a line for each change, none wider than the terminal.
func (a *app) log(l logged) {
	if len(l.Generations) == 0 {
		a.err.message(faint, "note", "the history of "+l.Repository+" has no such change")
		return
	}
	width := a.out.width
	if width == 0 {
		width = defaultWidth
	}
	var rows [][4]string
	var widest [3]int
	for _, g := range l.Generations {
		for _, c := range g.Changes {
			row := [4]string{numbered(g.Generation, c.Change, len(g.Changes)), shortTime(g.Time), shortened(whoOf(c.Who), whoColumn), story(c)}
			for i := range widest {
				widest[i] = max(widest[i], utf8.RuneCountInString(row[i]))
			}
			rows = append(rows, row)
		}
	}
	left := width - widest[0] - widest[1] - widest[2] - 6
	var t table
	for _, row := range rows {
		t.add(cell{row[0], bold}, cell{row[1], faint}, cell{text: row[2]}, cell{text: shortened(row[3], max(left, 10))})
	}
	t.write(a.out, "")
}

// numbered is how a change is named on the command line.
func numbered(generation uint64, change, of int) string {
	if of == 1 && change == 1 {
		return fmt.Sprint(generation)
	}
	return fmt.Sprintf("%d.%d", generation, change)
}

func whoOf(who string) string {
	if who == "" {
		return "?"
	}
	return visible(who)
}

// shortened is at most n characters of a text.
func shortened(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-3]) + "..."
}

// story says in one line what a change did.
func story(c loggedChange) string {
	var parts []string
	switch c.Action {
	case repo.ActionUndo:
		parts = append(parts, "undid "+c.Undoes)
	case repo.ActionForeign:
		parts = append(parts, "another program")
		if c.Unknown {
			return "another program; what it did is not known"
		}
	case repo.ActionRemove:
		parts = append(parts, "removed")
		if c.Purged {
			parts[0] = "purged"
		}
	case repo.ActionPublish, repo.ActionBatch:
		parts = append(parts, "published")
	default:
		parts = append(parts, c.Action)
	}
	if named := subjects(c); named != "" && c.Action != repo.ActionUndo {
		parts = append(parts, named)
	}
	return visible(strings.Join(parts, " "))
}

// subjects are the sources that a change is about, or its packages if it has none.
func subjects(c loggedChange) string {
	var names []string
	for _, kind := range []report.PackageKind{report.Source, report.Binary} {
		for _, p := range c.Packages {
			if p.Kind != kind || c.Action == repo.ActionPublish && p.Action == report.ActionRemove && len(names) > 0 {
				continue
			}
			name := p.Name + " " + versions(p)
			if p.Action == report.ActionRemove && c.Action != repo.ActionRemove {
				name = "-" + name
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			break
		}
	}
	return strings.Join(names, ", ")
}
