package commit

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Tx is the right to change one repository: the lock is held, what others left
// unfinished is finished.
type Tx struct {
	// Notes tell what recovery did.
	Notes []report.Finding

	repo *repo.Repo
	opt  Options
	lock *repo.Lock
	// forgetting is the deletion of old index files; forgot: there were some.
	forgetting sync.WaitGroup
	forgot     bool
	// done is the change that recovery has finished and not forgotten yet.
	done *journal
}

// Begin takes the lock, recovers and sweeps. Close gives the lock back.
func Begin(ctx context.Context, r *repo.Repo, opt Options) (*Tx, error) {
	g, err := BeginAll(ctx, []*repo.Repo{r}, opt)
	if err != nil {
		return nil, err
	}
	return g.Txs[0], nil
}

// forgetOld deletes the index files that generations before the last have kept, beside
// whatever else the transaction does. What cannot be deleted now is deleted by the next.
func (tx *Tx) forgetOld() {
	old := tx.repo.OldKept()
	tx.forgot = len(old) > 0
	tx.forgetting.Go(func() {
		for _, name := range old {
			_ = tx.repo.FS.Remove(name)
		}
	})
}

// Close gives the lock back.
func (tx *Tx) Close() error {
	tx.forgetting.Wait()
	if tx.lock == nil {
		return nil
	}
	lock := tx.lock
	tx.lock = nil
	return lock.Unlock()
}

// Commit makes the change durable and returns its generation. After an error the
// repository is as it was, unless the error says that the next run will finish the
// change. On a full disk, retired files that nobody names give their room, the oldest
// first, and the commit is tried once more.
func (tx *Tx) Commit(ctx context.Context, c Change) (repo.Generation, error) {
	j, err := tx.ahead(ctx, c, nil)
	if err != nil {
		return repo.Generation{}, err
	}
	if err = tx.behind(j); err == nil {
		err = tx.conclude()
	}
	if err != nil {
		return repo.Generation{}, tx.unfinished(err)
	}
	return j.Generation, nil
}

// decide writes the journal. If it fails, the journal may be there or not, and
// which of them a power loss would leave is unknown: without it in its place the
// change is given up, with it the next run finishes.
func (tx *Tx) decide(j journal, name string, durable *aside) error {
	err := tx.writeJournal(j, name, durable)
	if err == nil {
		return nil
	}
	if name == repo.JournalFile && tx.there(name) {
		return tx.unfinished(err)
	}
	if _, told := errors.AsType[*report.Error](err); told {
		return err
	}
	return repo.DiskError("commit", path.Join(tx.repo.Path, name), err)
}

// unfinished says that the change is decided, but not done yet.
func (tx *Tx) unfinished(err error) error {
	return &report.Error{
		Stage: "commit", Code: report.CodeDisk, Kind: report.KindInternal, File: tx.repo.Path,
		Err:  fmt.Errorf("the publish is decided but could not be finished: %w", err),
		Hint: "run any mmpush command that changes this repository when the cause is gone: it finishes this publish first",
	}
}
