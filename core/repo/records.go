package repo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/mmpush/mmpush/core/vfs"
)

// tailStep is how much of an append-only file is read from its end at a time.
const tailStep = 64 << 10

// lastLine returns the last whole line of a file without its newline, and where
// the file has to be cut so that nothing follows that line. A file with no whole
// line has none, and is cut at 0.
func lastLine(f vfs.File, size int64) (line []byte, end int64, err error) {
	for step := int64(tailStep); ; step *= 2 {
		start := max(0, size-step)
		tail := make([]byte, size-start)
		if _, err := f.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, err
		}
		last := bytes.LastIndexByte(tail, '\n')
		if last >= 0 {
			before := bytes.LastIndexByte(tail[:last], '\n')
			if before >= 0 || start == 0 {
				return tail[before+1 : last], start + int64(last) + 1, nil
			}
		}
		if start == 0 {
			return nil, 0, nil
		}
	}
}

// errDamaged is about a record that no power loss can have torn.
var errDamaged = errors.New("has damaged records at its end")

// lastRecord returns the last line that is whole and JSON. A power loss can have
// torn only the line behind it: each is synced before the next is written. Empty
// lines, which an editor may leave, are passed over.
func lastRecord(f vfs.File) (line []byte, end int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	end = info.Size
	for damaged := 0; ; {
		line, end, err = lastLine(f, end)
		if err != nil || end == 0 {
			return nil, end, err
		}
		if json.Valid(line) {
			return line, end, nil
		}
		if len(line) > 0 {
			damaged++
		}
		if damaged > 1 {
			return nil, end, errDamaged
		}
		end -= int64(len(line)) + 1
	}
}

// appendRecords writes lines behind the last whole record and makes them durable;
// a torn tail is cut first. lines makes them of that last record. That the file is in its folder is for [Repo.CheckRecords]
// and whoever syncs the folder after it.
func (r *Repo) appendRecords(name string, lines func(last []byte) ([]byte, error)) error {
	f, err := r.FS.Append(name, r.PrivateFileMode())
	if err != nil {
		return err
	}
	err = appendTo(f, lines)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

func appendTo(f vfs.File, lines func(last []byte) ([]byte, error)) error {
	last, end, err := lastRecord(f)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size > end {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	text, err := lines(last)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}

// syncRecords makes what another process has appended durable: it may have died
// between its write and its sync.
func (r *Repo) syncRecords(name string) error {
	f, err := r.FS.Append(name, r.PrivateFileMode())
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
