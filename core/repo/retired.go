package repo

import (
	"bytes"
	"encoding/json"
	"errors"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/vfs"
)

// Retired is a file that no index names; it stays for the grace time.
type Retired struct {
	Transaction string `json:"transaction"`
	// Name is the path below the repository.
	Name   string    `json:"name"`
	SHA256 string    `json:"sha256"`
	Size   int64     `json:"size"`
	Ino    uint64    `json:"ino"`
	Since  time.Time `json:"since"`
	// Purge: it has no grace time.
	Purge bool `json:"purge,omitempty"`
}

// retiredLimit bounds the file of retired records; a record is some 250 bytes.
const retiredLimit = 256 << 20

// RetiredFiles returns the records in the order in which they were made; a torn
// last line is left out.
func (r *Repo) RetiredFiles() ([]Retired, error) {
	text, err := vfs.ReadFile(r.FS, RetiredFile, retiredLimit)
	if isNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, DiskError("retired", path.Join(r.Path, RetiredFile), err)
	}
	return parseRetired(text), nil
}

// AppendRetired writes records behind the others, durably.
func (r *Repo) AppendRetired(records []Retired) error {
	if len(records) == 0 {
		return nil
	}
	text, err := formatRetired(records)
	if err == nil {
		err = r.appendRecords(RetiredFile, func([]byte) ([]byte, error) { return text, nil })
	}
	if err != nil {
		return DiskError("retired", path.Join(r.Path, RetiredFile), err)
	}
	return nil
}

// SyncRetired is what [Repo.SyncHistory] is, for the records of retired files.
func (r *Repo) SyncRetired() error {
	if err := r.syncRecords(RetiredFile); err != nil {
		return DiskError("retired", path.Join(r.Path, RetiredFile), err)
	}
	return nil
}

// ReplaceRetired writes the whole list anew. The list is whole, the old or the new
// one, after a power loss; which of them is of no consequence: a record of a file
// that is gone is dropped when it is met.
func (r *Repo) ReplaceRetired(records []Retired) error {
	text, err := formatRetired(records)
	if err == nil {
		err = r.replaceRetired(text)
	}
	if err != nil {
		return DiskError("retired", path.Join(r.Path, RetiredFile), err)
	}
	return nil
}

func (r *Repo) replaceRetired(text []byte) error {
	const temp = RetiredFile + ".new"
	if err := r.FS.Remove(temp); err != nil && !isNotExist(err) {
		return err
	}
	if err := vfs.CreateSynced(r.FS, temp, r.PrivateFileMode(), text); err != nil {
		return err
	}
	if o, ok := r.FS.(vfs.OwnerCopier); ok {
		// The list stays its owner's, also if root publishes once.
		_ = o.CopyOwner(RetiredFile, temp)
	}
	return r.FS.Rename(temp, RetiredFile)
}

// CheckRecords opens what a commit appends to behind its commit point: who cannot
// write it finds out now. It makes the files that are missing; the sync of .mmpush
// that makes the journal durable makes them so too.
func (r *Repo) CheckRecords() error {
	for _, name := range []string{HistoryFile, RetiredFile} {
		f, err := r.FS.Append(name, r.PrivateFileMode())
		if err == nil {
			_, _, err = lastRecord(f)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			return DiskError("commit", path.Join(r.Path, name), err)
		}
	}
	return nil
}

func formatRetired(records []Retired) ([]byte, error) {
	var text []byte
	for _, rec := range records {
		line, err := json.Marshal(rec)
		if err != nil {
			return nil, err
		}
		text = append(append(text, line...), '\n')
	}
	return text, nil
}

// parseRetired reads whole lines and leaves out what is not a record: a torn line
// is the last one, and its commit writes it again.
func parseRetired(text []byte) []Retired {
	var records []Retired
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return records
		}
		var rec Retired
		if json.Unmarshal(line, &rec) == nil && rec.Name != "" {
			records = append(records, rec)
		}
		text = rest
	}
}
