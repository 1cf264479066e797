package repo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"sort"
	"strconv"

	"github.com/mmpush/mmpush/core/vfs"
)

// History reads the records of a repository without reading all of them. What is
// appended after it was opened is not seen. The caller closes it.
type History struct {
	repo *Repo
	f    vfs.File
	// end is behind the last whole record.
	end int64
}

// OpenHistory opens the history; a repository that has none has an empty one.
func (r *Repo) OpenHistory() (*History, error) {
	h := &History{repo: r}
	f, err := r.FS.Open(HistoryFile)
	if isNotExist(err) {
		return h, nil
	}
	if err == nil {
		if _, h.end, err = lastRecord(f); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return nil, r.historyError(err)
	}
	h.f = f
	return h, nil
}

// Close closes the file.
func (h *History) Close() error {
	if h.f == nil {
		return nil
	}
	return h.f.Close()
}

// Line is one record as it stands in the file.
type Line struct {
	// Text is without the newline.
	Text []byte
	// Offset is where it begins.
	Offset int64
	repo   *Repo
}

// Generation is the record.
func (l Line) Generation() (Generation, error) {
	var g Generation
	if err := json.Unmarshal(l.Text, &g); err != nil {
		return g, l.repo.historyError(errDamaged)
	}
	return g, nil
}

// Newest yields the records from the last to the first. It reads as far as the
// caller goes, and stops after an error.
func (h *History) Newest() iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		// buf is what stands in front of end, as far as it was read.
		var buf []byte
		for end := h.end; end > 0; {
			line, rest, err := h.lineBefore(end, buf)
			if err != nil {
				yield(Line{}, h.repo.historyError(err))
				return
			}
			buf, end = rest, end-int64(len(line))-1
			if len(line) > 0 && !yield(Line{Text: line, Offset: end, repo: h.repo}, nil) {
				return
			}
		}
	}
}

// lineBefore returns the line that ends, with its newline, at end, and what was read
// in front of it. buf is what was read in front of end.
func (h *History) lineBefore(end int64, buf []byte) (line, rest []byte, err error) {
	for step := int64(tailStep); ; step *= 2 {
		if len(buf) > 0 {
			text := buf[:len(buf)-1]
			if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
				return text[i+1:], buf[:i+1], nil
			}
			if int64(len(buf)) == end {
				return text, nil, nil
			}
		}
		have := int64(len(buf))
		more := make([]byte, min(step, end-have)+have)
		if err := readFull(h.f, more[:int64(len(more))-have], end-int64(len(more))); err != nil {
			return nil, nil, err
		}
		copy(more[int64(len(more))-have:], buf)
		buf = more
	}
}

// readFull reads all of p.
func readFull(f vfs.File, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Last returns the newest generation; false if there is none.
func (h *History) Last() (g Generation, ok bool, err error) {
	for line, err := range h.Newest() {
		if err != nil {
			return g, false, err
		}
		g, err = line.Generation()
		return g, err == nil, err
	}
	return g, false, nil
}

// Find returns the generation of that number. It looks at some thirty places of the
// file, however long that is: the numbers stand in order.
func (h *History) Find(number uint64) (g Generation, ok bool, err error) {
	fail := func(err error) (Generation, bool, error) { return Generation{}, false, h.repo.historyError(err) }
	var failed error
	at := sort.Search(int(h.end), func(pos int) bool {
		start, err := h.lineStart(int64(pos))
		if err != nil {
			failed = err
			return true
		}
		n, err := h.numberAt(start)
		if err != nil {
			failed = err
		}
		return n >= number
	})
	if failed != nil {
		return fail(failed)
	}
	if int64(at) == h.end {
		return g, false, nil
	}
	text, err := h.lineAt(int64(at))
	if err != nil {
		return fail(err)
	}
	g, err = Line{Text: text, repo: h.repo}.Generation()
	return g, err == nil && g.Number == number, err
}

// lineStart returns where the line begins that has a byte at pos.
func (h *History) lineStart(pos int64) (int64, error) {
	for step := int64(tailStep / 16); pos > 0; step *= 2 {
		block := make([]byte, min(step, pos))
		if err := readFull(h.f, block, pos-int64(len(block))); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(block, '\n'); i >= 0 {
			return pos - int64(len(block)) + int64(i) + 1, nil
		}
		pos -= int64(len(block))
	}
	return 0, nil
}

// numberHead is how each record begins.
const numberHead = `{"generation":`

// numberAt returns the number of the record that begins at start.
func (h *History) numberAt(start int64) (uint64, error) {
	head := make([]byte, min(int64(len(numberHead)+24), h.end-start))
	if err := readFull(h.f, head, start); err != nil {
		return 0, err
	}
	return numberOf(head)
}

// numberOf reads the number at the beginning of a record.
func numberOf(text []byte) (uint64, error) {
	digits, ok := bytes.CutPrefix(text, []byte(numberHead))
	end := bytes.IndexByte(digits, ',')
	if !ok || end < 0 {
		return 0, errDamaged
	}
	n, err := strconv.ParseUint(string(digits[:end]), 10, 64)
	if err != nil {
		return 0, errDamaged
	}
	return n, nil
}

// lineAt returns the line that begins at start.
func (h *History) lineAt(start int64) ([]byte, error) {
	for step := int64(tailStep); ; step *= 2 {
		block := make([]byte, min(step, h.end-start))
		if err := readFull(h.f, block, start); err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(block, '\n'); i >= 0 {
			return block[:i], nil
		}
		if start+int64(len(block)) == h.end {
			return nil, errDamaged
		}
	}
}
