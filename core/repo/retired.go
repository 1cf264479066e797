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

// RetiredSum tells of a list of retired files whether it is worth reading.
type RetiredSum struct {
	// Bytes is the sum of their sizes; a file that was retired twice counts twice.
	Bytes int64 `json:"bytes"`
	// Oldest is the first Since.
	Oldest time.Time `json:"oldest"`
	// Purge: there is a file without grace time.
	Purge bool `json:"purge,omitempty"`
}

// retiredLine is a line of the list.
type retiredLine struct {
	Retired
	// SoFar is of the whole list up to this line; the zero one is not known.
	SoFar RetiredSum `json:"so_far,omitzero"`
}

// with is the sum with one more record.
func (s RetiredSum) with(r Retired) RetiredSum {
	if s.Oldest.IsZero() || r.Since.Before(s.Oldest) {
		s.Oldest = r.Since
	}
	s.Bytes += r.Size
	s.Purge = s.Purge || r.Purge
	return s
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

// SumRetired returns what the list comes to, without reading it; known is false if the
// list does not say, as one that an older mmpush has written. An empty list has the zero
// sum.
func (r *Repo) SumRetired() (sum RetiredSum, known bool, err error) {
	err = r.retiredBackwards(func(rec retiredLine) bool {
		sum = rec.SoFar
		return false
	})
	return sum, sum != RetiredSum{}, err
}

// RetiredBy returns the names in the records of a transaction, if it was the last one that
// has made any.
func (r *Repo) RetiredBy(transaction string) (map[string]bool, error) {
	names := map[string]bool{}
	err := r.retiredBackwards(func(rec retiredLine) bool {
		if rec.Transaction != transaction {
			return false
		}
		names[rec.Name] = true
		return true
	})
	return names, err
}

// retiredBackwards yields the records from the last one on, as long as it is asked to.
func (r *Repo) retiredBackwards(yield func(retiredLine) bool) error {
	f, err := r.FS.Open(RetiredFile)
	if isNotExist(err) {
		return nil
	}
	if err == nil {
		err = recordsBackwards(f, yield)
		f.Close()
	}
	if err != nil {
		return DiskError("retired", path.Join(r.Path, RetiredFile), err)
	}
	return nil
}

func recordsBackwards(f vfs.File, yield func(retiredLine) bool) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for end := info.Size; ; {
		line, last, err := lastLine(f, end)
		if err != nil || last == 0 {
			return err
		}
		if rec, ok := parseOneRetired(line); ok && !yield(rec) {
			return nil
		}
		end = last - int64(len(line)) - 1
	}
}

// AppendRetired writes records behind the others, durably.
func (r *Repo) AppendRetired(records []Retired) error {
	if len(records) == 0 {
		return nil
	}
	err := r.appendRecords(RetiredFile, func(last []byte) ([]byte, error) {
		sum, err := r.sumWith(last)
		if err != nil {
			return nil, err
		}
		return formatRetired(sum, records)
	})
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
	text, err := formatRetired(RetiredSum{}, records)
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

// sumWith is the sum of the list that ends with that line.
func (r *Repo) sumWith(last []byte) (RetiredSum, error) {
	if rec, ok := parseOneRetired(last); ok && rec.SoFar != (RetiredSum{}) {
		return rec.SoFar, nil
	}
	all, err := r.RetiredFiles()
	var sum RetiredSum
	for _, rec := range all {
		sum = sum.with(rec)
	}
	return sum, err
}

// formatRetired is the text of records that stand behind others, which come to sum.
func formatRetired(sum RetiredSum, records []Retired) ([]byte, error) {
	var text []byte
	for _, rec := range records {
		sum = sum.with(rec)
		line, err := json.Marshal(retiredLine{rec, sum})
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
		if rec, ok := parseOneRetired(line); ok {
			records = append(records, rec.Retired)
		}
		text = rest
	}
}

func parseOneRetired(line []byte) (rec retiredLine, ok bool) {
	err := json.Unmarshal(line, &rec)
	return rec, err == nil && rec.Name != ""
}
