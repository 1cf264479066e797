package repo

import (
	"bytes"
	"iter"
	"path"
	"slices"
	"strings"
	"time"
)

// Query picks changes of the history; a zero field picks all.
type Query struct {
	// Packages are [path.Match]'s patterns for names of packages and sources.
	Packages []string
	User     string
	// Since and Until bound the time, both inclusive.
	Since, Until time.Time
}

// Picked is one generation with those of its changes that a query picks.
type Picked struct {
	Generation
	// Hash is the SHA-256 of its line.
	Hash string
	// Numbers are the picked changes, counted from 1.
	Numbers []int
}

// Select yields what the query picks, the newest first. It ends at the first
// generation that is older than Since, and reads no further than its caller goes.
func (h *History) Select(q Query) iter.Seq2[Picked, error] {
	return func(yield func(Picked, error) bool) {
		for line, err := range h.Newest() {
			if err == nil && !q.mayPick(line.Text) && q.Since.IsZero() {
				continue
			}
			var g Generation
			if err == nil {
				g, err = line.Generation()
			}
			if err != nil {
				yield(Picked{}, err)
				return
			}
			if g.Time.Before(q.Since) {
				return
			}
			if p := q.pick(g); len(p.Numbers) > 0 {
				p.Hash = hashOf(line.Text)
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// mayPick is a quick look at the text: a name that does not stand in it is not meant.
func (q Query) mayPick(text []byte) bool {
	if q.User != "" && !bytes.Contains(text, []byte(`"who":`)) {
		return false
	}
	return len(q.Packages) == 0 || slices.ContainsFunc(q.Packages, func(p string) bool {
		return strings.ContainsAny(p, `*?[\`) || bytes.Contains(text, []byte(p))
	})
}

func (q Query) pick(g Generation) Picked {
	p := Picked{Generation: g}
	if !q.Until.IsZero() && g.Time.After(q.Until) {
		return p
	}
	for i, c := range g.Changes {
		if (q.User == "" || c.Who == q.User) && q.names(c) {
			p.Numbers = append(p.Numbers, i+1)
		}
	}
	return p
}

func (q Query) names(c Change) bool {
	if len(q.Packages) == 0 {
		return true
	}
	for _, p := range c.Packages {
		for _, pattern := range q.Packages {
			if ok, err := path.Match(pattern, p.Name); ok && err == nil {
				return true
			}
		}
	}
	return false
}
