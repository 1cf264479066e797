package repo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/report"
)

// Generation is one commit: one line of the history.
type Generation struct {
	// Number counts from 1.
	Number uint64 `json:"generation"`
	// Transaction is the random name of the commit.
	Transaction string    `json:"transaction"`
	Time        time.Time `json:"time"`
	// Previous is the SHA-256 of the line before, without its newline; empty in
	// the first. It is set when the record is appended.
	Previous string   `json:"previous,omitempty"`
	Changes  []Change `json:"changes"`
	// Indexes are the index files that the commit has written. A foreign generation
	// has none: nobody of us wrote what it tells.
	Indexes []IndexState `json:"indexes,omitempty"`
}

// IndexState is one index file as a commit has left it.
type IndexState struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	// Identity has no change time: the rename into place alters it.
	Identity
}

// The actions of a change.
const (
	ActionPublish = "publish"
	ActionRemove  = "remove"
	ActionBatch   = "batch"
	ActionUndo    = "undo"
	ActionHeal    = "heal"
	// ActionForeign is what another program did to the indexes between two commits
	// of ours.
	ActionForeign = "foreign"
)

// Change is what one upload, one removal, one change set or one undo did in a
// generation, or what somebody else did before it.
type Change struct {
	// Action is one of the constants above.
	Action string `json:"action"`
	// Who published, as far as the transport knows; empty if nobody knows.
	Who       string `json:"who,omitempty"`
	Transport string `json:"transport,omitempty"`
	Manifest  string `json:"manifest,omitempty"`
	// Purged: the files that went were deleted at once; no undo brings them back.
	Purged bool `json:"purged,omitempty"`
	// Undoes says what an undo has taken back, such as "generation 7".
	Undoes string `json:"undoes,omitempty"`
	// Packages is what happened to each package.
	Packages []report.Package `json:"packages,omitempty"`
	Findings []report.Finding `json:"findings,omitempty"`
	// Verifiers are those that were asked besides the checks that cannot be switched
	// off; what they found is among the findings.
	Verifiers []Verification `json:"verifiers,omitempty"`
	// Dropped are the stanzas that were taken out, with text and place, and Added
	// names those that came in, in the form of the planner that did it: with both a
	// change can be taken back.
	Dropped json.RawMessage `json:"dropped,omitempty"`
	Added   json.RawMessage `json:"added,omitempty"`
	// Unknown is true for a foreign change of which only that it happened is known.
	Unknown bool `json:"unknown,omitempty"`
}

// Verification is the decision of one verifier about a change.
type Verification struct {
	Name string `json:"name"`
	// Version is that of the program that it is built into, or the SHA-256 of the
	// plugin that ran.
	Version string `json:"version"`
	// Verdict is "passed", or "warned" if it found something that did not refuse.
	Verdict string `json:"verdict"`
}

// LastGeneration returns the newest whole record and the hash of its line; a
// repository with no history has generation 0. A record that is no generation is an error:
// nothing can be put behind it.
func (r *Repo) LastGeneration() (Generation, string, error) {
	f, err := r.FS.Open(HistoryFile)
	if isNotExist(err) {
		return Generation{}, "", nil
	}
	if err != nil {
		return Generation{}, "", r.historyError(err)
	}
	defer f.Close()
	line, _, err := lastRecord(f)
	if err != nil || len(line) == 0 {
		return Generation{}, "", r.historyError(err)
	}
	var g Generation
	if err := json.Unmarshal(line, &g); err != nil {
		return Generation{}, "", r.historyError(fmt.Errorf("%w: %w", errDamaged, err))
	}
	if g.Number == 0 || g.Number == math.MaxUint64 {
		// The next one would have a number that is taken, or none.
		return Generation{}, "", r.historyError(fmt.Errorf("%w: the last one has no number that a generation has", errDamaged))
	}
	return g, hashOf(line), nil
}

func (r *Repo) historyError(err error) error {
	file := path.Join(r.Path, HistoryFile)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errDamaged):
		return &report.Error{
			Stage: "history", Code: report.CodeHistory, Kind: report.KindInternal, File: file, Err: err,
			Hint: "restore it from a backup, or move it away: then a new history begins; what is published is not touched",
		}
	}
	return DiskError("history", file, err)
}

// AppendGeneration writes a record behind the last one, durably, and chains it to
// that.
func (r *Repo) AppendGeneration(g Generation) error {
	var text bytes.Buffer
	err := r.appendRecords(HistoryFile, func(last []byte) ([]byte, error) {
		if g.Previous = ""; len(last) > 0 {
			g.Previous = hashOf(last)
		}
		e := json.NewEncoder(&text)
		// Descriptions have < and &; six bytes for each would be waste.
		e.SetEscapeHTML(false)
		err := e.Encode(g)
		return text.Bytes(), err
	})
	return r.historyError(err)
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// SyncHistory makes the records durable that a process has appended which may have
// died before it could.
func (r *Repo) SyncHistory() error { return r.historyError(r.syncRecords(HistoryFile)) }

// publisherLimit bounds how far back [Repo.Publisher] reads.
const publisherLimit = 64 << 20

// Publisher returns the newest generation that published a package with these bytes,
// and its change; ok is false if the history, as far back as it is read, does not
// know.
func (r *Repo) Publisher(sha256 string) (g Generation, c Change, ok bool) {
	h, err := r.OpenHistory()
	if err != nil {
		return g, c, false
	}
	defer h.Close()
	for line, err := range h.Newest() {
		if err != nil || h.end-line.Offset > publisherLimit {
			return g, c, false
		}
		if !bytes.Contains(line.Text, []byte(sha256)) {
			continue
		}
		if g, err := line.Generation(); err == nil {
			if c, ok := publishes(g, sha256); ok {
				return g, c, true
			}
		}
	}
	return g, c, false
}

// publishes returns the change of a generation that brought these bytes.
func publishes(g Generation, sha256 string) (Change, bool) {
	for _, c := range slices.Backward(g.Changes) {
		if slices.ContainsFunc(c.Packages, func(p report.Package) bool {
			return p.SHA256 == sha256 && p.Action != report.ActionRemove
		}) {
			return c, true
		}
	}
	return Change{}, false
}
