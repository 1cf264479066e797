package repo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mmpush/mmpush/core/report"
)

// Chain is what [Repo.VerifyHistory] has found.
type Chain struct {
	// Generations counts the records.
	Generations int `json:"generations"`
	// Last is the number of the last one, Head the SHA-256 of its line: kept
	// elsewhere, it proves everything up to it.
	Last uint64 `json:"last"`
	Head string `json:"head,omitempty"`
	// Since is how many generations came after the head that was compared with.
	Since int `json:"since"`
	// Findings name each record that is edited, missing or out of order.
	Findings []report.Finding `json:"findings,omitempty"`
}

// link is one record of the chain.
type link struct {
	line           int
	number         uint64
	hash, previous string
	// broken is why the line is no record.
	broken error
}

// VerifyHistory reads the whole history and proves its chain: each record names the
// SHA-256 of the one before. head, if not empty, is a hash that was noted earlier.
func (r *Repo) VerifyHistory(head string) (Chain, error) {
	links, torn, err := r.links()
	if err != nil {
		return Chain{}, r.historyError(err)
	}
	c := Chain{Generations: len(links)}
	if n := len(links); n > 0 {
		c.Last, c.Head = links[n-1].number, links[n-1].hash
	}
	c.judge(links)
	c.compare(links, head)
	if torn > 0 {
		c.Findings = append(c.Findings, report.Finding{
			Code: report.CodeHistory, Severity: report.SeverityNote, File: "history", Line: len(links) + 1,
			Message: fmt.Sprintf("%d bytes at the end are of a record that was never written whole", torn),
			Hint:    "the next publish cuts them",
		})
	}
	return c, nil
}

// links reads all records; torn is how many bytes stand behind the last whole line.
func (r *Repo) links() (links []link, torn int, err error) {
	f, err := r.FS.Open(HistoryFile)
	if isNotExist(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, tailStep)
	var last []byte
	for line := 1; ; line++ {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			if n := len(links); n > 0 && links[n-1].broken == nil && !json.Valid(last) {
				// Behind it nothing tells its hash.
				links[n-1].broken = errors.New("it is not JSON")
			}
			return links, len(text), nil
		}
		if err != nil {
			return nil, 0, err
		}
		if len(text) > 0 {
			links, last = append(links, newLink(line, text)), append(last[:0], text...)
		}
	}
}

// readLine returns a line without its newline; at the end of the file, what stands
// there without one.
func readLine(in *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if err == nil && long == nil {
			return part[:len(part)-1], nil
		}
		long = append(long, part...)
		if err == nil {
			return long[:len(long)-1], nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return long, err
		}
	}
}

// newLink reads what stands in front of the changes: that the rest is as it was written,
// the hash tells.
func newLink(line int, text []byte) link {
	l := link{line: line, hash: hashOf(text)}
	var g struct {
		Number   uint64 `json:"generation"`
		Previous string `json:"previous"`
	}
	head, _, cut := bytes.Cut(text, []byte(`,"changes":`))
	if cut {
		head = append(bytes.Clone(head), '}')
	}
	if l.broken = json.Unmarshal(head, &g); l.broken == nil && g.Number == 0 {
		l.broken = errors.New("it has no number")
	}
	l.number, l.previous = g.Number, g.Previous
	return l
}

func (c *Chain) find(line int, format string, args ...any) {
	c.Findings = append(c.Findings, report.Finding{
		Code: report.CodeHistory, Severity: report.SeverityError, File: "history", Line: line, Message: fmt.Sprintf(format, args...),
		Hint: "compare it with a backup of " + HistoryFile + "; what is published is not touched by this",
	})
}

// judge holds each record against the others.
func (c *Chain) judge(links []link) {
	at := map[uint64]link{}
	highest := uint64(0)
	for _, l := range links {
		old, twice := at[l.number]
		switch {
		case l.broken != nil:
			c.find(l.line, "the line is not a record: %v", l.broken)
			continue
		case twice:
			c.find(l.line, "generation %d stands twice: in line %d too", l.number, old.line)
		case l.number < highest:
			c.find(l.line, "generation %d stands behind generation %d", l.number, highest)
		}
		highest, at[l.number] = max(highest, l.number), l
	}
	c.missing(at, highest)
	for _, l := range links {
		if l.broken == nil {
			c.joined(l, at)
		}
	}
}

// missing names the generations that are not there, as ranges.
func (c *Chain) missing(at map[uint64]link, highest uint64) {
	var numbers []uint64
	for n := range at {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	next := uint64(1)
	for _, n := range append(numbers, highest+1) {
		if n == next+1 {
			c.find(0, "generation %d is missing", next)
		} else if n > next {
			c.find(0, "generations %d to %d are missing", next, n-1)
		}
		next = n + 1
	}
}

// joined compares a record with the one before it. Which of the two was edited, the
// record behind tells: if it knows this one, this one is as it was written.
func (c *Chain) joined(l link, at map[uint64]link) {
	if l.number == 1 && l.previous != "" {
		c.find(l.line, "generation 1 was changed after it was written: it names a record before it")
	}
	before, ok := at[l.number-1]
	if !ok || l.previous == before.hash {
		return
	}
	if after, ok := at[l.number+1]; ok && after.previous == l.hash {
		c.find(before.line, "generation %d was changed after it was written", before.number)
		return
	}
	c.find(before.line, "generation %d or %d was changed after it was written", before.number, l.number)
}

// compare looks for the head that was noted.
func (c *Chain) compare(links []link, head string) {
	if head == "" {
		return
	}
	for i, l := range links {
		if l.hash == head {
			c.Since = len(links) - 1 - i
			return
		}
	}
	c.find(0, "no record has the SHA-256 %s: what was the head then has been changed or cut off since", head)
}
