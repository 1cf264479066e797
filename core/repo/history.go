package repo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	// the first.
	Previous string   `json:"previous,omitempty"`
	Changes  []Change `json:"changes"`
}

// Change is what one upload, or one removal, did in a generation.
type Change struct {
	// Action is "publish" or "remove".
	Action string `json:"action"`
	// Who published, as far as the transport knows.
	Who       string `json:"who,omitempty"`
	Transport string `json:"transport,omitempty"`
	Manifest  string `json:"manifest,omitempty"`
	// Purged: the files that went were deleted at once; no undo brings them back.
	Purged bool `json:"purged,omitempty"`
	// Packages is what happened to each package.
	Packages []report.Package `json:"packages,omitempty"`
	Findings []report.Finding `json:"findings,omitempty"`
	// Dropped are the stanzas that were taken out, with text and place, in the
	// form of the planner that took them out.
	Dropped json.RawMessage `json:"dropped,omitempty"`
}

// LastGeneration returns the newest whole record and the hash of its line; a
// repository with no history has generation 0.
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
		return Generation{}, "", r.historyError(err)
	}
	sum := sha256.Sum256(line)
	return g, hex.EncodeToString(sum[:]), nil
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

// AppendGeneration writes a record behind the last one, durably.
func (r *Repo) AppendGeneration(g Generation) error {
	line, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("generation %d: %w", g.Number, err)
	}
	return r.historyError(r.appendRecords(HistoryFile, append(line, '\n')))
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
	text, err := r.historyTail(publisherLimit)
	if err != nil {
		return g, c, false
	}
	for len(text) > 0 {
		text = bytes.TrimSuffix(text, []byte("\n"))
		line := text[bytes.LastIndexByte(text, '\n')+1:]
		text = text[:len(text)-len(line)]
		if !bytes.Contains(line, []byte(sha256)) || json.Unmarshal(line, &g) != nil {
			continue
		}
		for _, c := range g.Changes {
			if slices.ContainsFunc(c.Packages, func(p report.Package) bool {
				return p.SHA256 == sha256 && p.Action != report.ActionRemove
			}) {
				return g, c, true
			}
		}
		g = Generation{}
	}
	return g, c, false
}

// historyTail returns the last limit bytes of the history, or all of it.
func (r *Repo) historyTail(limit int64) ([]byte, error) {
	f, err := r.FS.Open(HistoryFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	start := max(0, info.Size-limit)
	text := make([]byte, info.Size-start)
	n, err := f.ReadAt(text, start)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return text[:n], err
}
