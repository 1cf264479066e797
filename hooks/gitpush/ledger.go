package gitpush

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// entry is an update that is not published yet. Without a work it is announced.
type entry struct {
	Ref  string `json:"ref"`
	Old  string `json:"old"`
	New  string `json:"new"`
	Work string `json:"work"`
}

// Ledger is what the pushes to a bare repository have left unpublished: because it was
// refused, because the machine failed, or because the hook was killed. pre-receive
// announces a push, and post-receive notes it before the work begins.
type Ledger struct{ r *Repository }

// Ledger is the repository's.
func (r *Repository) Ledger() Ledger { return Ledger{r} }

// Begin notes the updates under the id of the work, and returns what [Ledger.Before] does.
func (l Ledger) Begin(work string, updates []Update) (from map[string]ID, err error) {
	err = l.edit(func(list []entry) []entry {
		from = begins(pushed(list, before(updates)))
		announced := map[entry]int{}
		for i, e := range list {
			if e.announced() {
				announced[e] = i
			}
		}
		for _, u := range updates {
			if i, ok := announced[noteOf(u, "")]; ok {
				list[i] = noteOf(u, work)
			} else {
				list = append(list, noteOf(u, work))
			}
		}
		return list
	})
	return from, err
}

// Before is, for each ref with unpublished updates ahead of a push, the commit that it was
// published at last.
func (l Ledger) Before(updates []Update) (map[string]ID, error) {
	list, err := l.read()
	if err != nil {
		return nil, l.failed(err)
	}
	return begins(pushed(list, before(updates))), nil
}

// begins is where the first update of each ref began.
func begins(list []entry) map[string]ID {
	from := map[string]ID{}
	for _, e := range list {
		if _, known := from[e.Ref]; !known {
			from[e.Ref] = plumbing.NewHash(e.Old)
		}
	}
	return from
}

// Done forgets what was noted for refs up to and with the work: it is published. What a
// later push has done with already stays out of this.
func (l Ledger) Done(work string, refs map[string]bool) error {
	return l.forget(refs, func(e entry) bool { return e.Work == work })
}

// Drop forgets all that was noted for refs: nobody wants it any more.
func (l Ledger) Drop(refs map[string]bool) error {
	return l.forget(refs, func(entry) bool { return true })
}

// forget takes out, for each of the refs, the last entry that is meant and what is ahead
// of it.
func (l Ledger) forget(refs map[string]bool, meant func(entry) bool) error {
	if len(refs) == 0 {
		return nil
	}
	return l.edit(func(list []entry) []entry {
		var kept []entry
		passed := map[string]bool{}
		for _, e := range slices.Backward(list) {
			passed[e.Ref] = passed[e.Ref] || refs[e.Ref] && meant(e)
			if !passed[e.Ref] {
				kept = append(kept, e)
			}
		}
		slices.Reverse(kept)
		return kept
	})
}

// Unpublished are the updates in the ledger, one for each ref.
func (l Ledger) Unpublished() ([]Update, error) {
	list, err := l.read()
	if err != nil {
		return nil, l.failed(err)
	}
	now, err := l.r.refsNow(list)
	if err != nil {
		return nil, l.r.failed(err)
	}
	var updates []Update
	at := map[string]int{}
	for _, e := range pushed(list, now) {
		i, known := at[e.Ref]
		if !known {
			at[e.Ref] = len(updates)
			updates = append(updates, Update{plumbing.NewHash(e.Old), plumbing.NewHash(e.New), e.Ref})
			continue
		}
		updates[i].New = plumbing.NewHash(e.New)
	}
	return updates, nil
}

func (l Ledger) read() ([]entry, error) {
	text, err := vfs.ReadFile(l.r.FS, ledgerFile, maxLedger)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []entry
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	return list, err
}

// edit changes the ledger under its lock, durably.
func (l Ledger) edit(change func([]entry) []entry) error {
	if err := l.r.prepare(); err != nil {
		return l.failed(err)
	}
	lock, err := l.r.FS.OpenLock(ledgerLock, l.r.fileMode())
	if err != nil {
		return l.failed(err)
	}
	defer lock.Close()
	if b, ok := lock.(vfs.BlockingLocker); ok {
		err = b.Lock() // held for the moment of a rewrite
	} else {
		err = lock.TryLock()
	}
	if err != nil {
		return l.failed(err)
	}
	list, err := l.read()
	if err != nil {
		return l.failed(err)
	}
	list = change(list)
	if list == nil {
		list = []entry{}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return l.failed(err)
	}
	return l.failed(vfs.ReplaceFile(l.r.FS, ledgerFile, ledgerFile+".new", l.r.fileMode(), text))
}

func (l Ledger) failed(err error) error {
	if err == nil {
		return nil
	}
	return &report.Error{
		Stage: "push", Code: report.CodeDisk, File: filepath.Join(l.r.Path, ledgerFile), Err: err,
		Hint: "the hook has to be able to write there",
	}
}
