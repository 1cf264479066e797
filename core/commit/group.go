package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Group is the right to change several repositories at once: all locks are held, and
// what others left unfinished is finished.
type Group struct {
	// Txs are in the order in which the repositories were given.
	Txs []*Tx
}

// BeginAll takes the locks of the repositories, recovers and sweeps them. It never waits
// for one lock while it holds another. Close gives the locks back.
func BeginAll(ctx context.Context, repos []*repo.Repo, opt Options) (*Group, error) {
	b := &beginning{opt: opt, since: repos[0].Now()}
	defer b.giveBack()
	for _, r := range repos {
		if len(repos) > 1 {
			if err := identify(ctx, r, opt); err != nil {
				return nil, err
			}
		}
		b.txs = append(b.txs, &Tx{repo: r, opt: opt})
	}
	g := &Group{Txs: slices.Clone(b.txs)}
	if err := distinct(b.txs); err != nil {
		return nil, err
	}
	err := b.begin(ctx)
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

// Close gives the locks back.
func (g *Group) Close() error {
	var problems error
	for _, tx := range g.Txs {
		problems = errors.Join(problems, tx.Close())
	}
	return problems
}

// identify sees to it that a repository has an id, durably: others will name it by that.
func identify(ctx context.Context, r *repo.Repo, opt Options) error {
	if !r.Adopted() {
		if err := r.Prepare(); err != nil {
			return err
		}
		lock, err := r.Lock(ctx, repo.Patience{Wait: opt.LockWait, Program: opt.Program, Waiting: opt.Waiting})
		if err != nil {
			return err
		}
		err = r.Adopt()
		for _, dir := range []string{repo.MetaDir, "."} {
			if err == nil {
				err = r.FS.SyncDir(dir)
			}
		}
		if err = errors.Join(err, lock.Unlock()); err != nil {
			return r.Tell("open", err)
		}
	}
	if r.Settings.ID != "" {
		return nil
	}
	return &report.Error{
		Stage: "open", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(r.Path, repo.SettingsFile),
		Err:  errors.New("has no id, so no other repository can share a decision with this one"),
		Hint: "add the line \"id: " + r.NewID() + "\"",
	}
}

// distinct refuses one repository that was given twice, and a copy beside its original.
func distinct(txs []*Tx) error {
	for i, tx := range txs {
		for _, other := range txs[:i] {
			if id := tx.repo.Settings.ID; id != "" && id == other.repo.Settings.ID {
				return &report.Error{
					Stage: "open", Code: report.CodeSettings, Kind: report.KindUsage, File: path.Join(tx.repo.Path, repo.SettingsFile),
					Err:  fmt.Errorf("has the id of %s: they are one repository, or one is a copy of the other", other.repo.Path),
					Hint: "name each repository once; a copy that lives on needs an id of its own",
				}
			}
		}
	}
	return nil
}

// beginning is what is on its way to a [Group].
type beginning struct {
	opt   Options
	since time.Time
	// txs are the repositories to lock: those of the group, then those that share an
	// interrupted decision with one of them.
	txs []*Tx
	// own is how many of them are the group's; done give back what was opened besides.
	own  int
	done []func() error
	// gone are the ids of the participants that are not waited for.
	gone map[string]bool
}

// begin locks, recovers and sweeps.
func (b *beginning) begin(ctx context.Context) error {
	b.own = len(b.txs)
	for {
		if err := b.lockAll(ctx); err != nil {
			return err
		}
		for _, tx := range b.txs {
			if err := tx.repo.Adopt(); err != nil {
				return err
			}
		}
		more, err := b.outsiders()
		if err != nil {
			return err
		}
		if len(more) == 0 {
			break
		}
		// Nobody waits for a lock while holding another.
		if err := b.unlockAll(); err != nil {
			return err
		}
		b.txs = append(b.txs, more...)
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	for i, tx := range b.txs {
		if err := tx.recover(ctx); err != nil {
			return err
		}
		if i >= b.own {
			b.txs[0].Notes = append(b.txs[0].Notes, tx.Notes...)
			continue
		}
	}
	// Nobody forgets ahead of the last one's deeds.
	for i, tx := range b.txs {
		if err := tx.recovered(); err != nil {
			return err
		}
		if i < b.own {
			// What cannot be swept now is swept by who can; it is in nobody's way.
			_ = tx.repo.Sweep()
			tx.forgetOld()
		}
	}
	b.sweepDecisions()
	return nil
}

// giveBack closes the repositories that only recovery needed.
func (b *beginning) giveBack() {
	for _, tx := range b.txs[min(b.own, len(b.txs)):] {
		_ = tx.Close()
	}
	for _, f := range b.done {
		_ = f()
	}
}

// lockAll takes all locks.
func (b *beginning) lockAll(ctx context.Context) error {
	if len(b.txs) == 1 {
		return b.txs[0].wait(ctx, b.opt.LockWait)
	}
	order := slices.Clone(b.txs)
	slices.SortFunc(order, func(x, y *Tx) int { return strings.Compare(x.repo.Settings.ID, y.repo.Settings.ID) })
	for {
		busy, err := tryAll(ctx, order)
		if busy == nil {
			return err
		}
		left := b.opt.LockWait - b.txs[0].repo.Now().Sub(b.since)
		if left <= 0 {
			return err
		}
		// The lock that was waited for is kept while the others are tried: who let go of
		// it would wait again behind everybody else. Two who do that to each other
		// part, sooner or later, by the pause.
		b.txs[0].repo.Sleep(rand.N(10 * time.Millisecond))
		if err := busy.wait(ctx, left); err != nil {
			return err
		}
	}
}

// tryAll takes the locks that are not held yet, or lets go of all and returns the one
// that is busy.
func tryAll(ctx context.Context, order []*Tx) (busy *Tx, err error) {
	for _, tx := range order {
		if tx.lock != nil {
			continue
		}
		if err = tx.wait(ctx, 0); err == nil {
			continue
		}
		for _, held := range order {
			_ = held.Close()
		}
		if report.CodeOf(err) == report.CodeLocked {
			return tx, err
		}
		return nil, err
	}
	return nil, nil
}

// wait takes the lock of one repository.
func (tx *Tx) wait(ctx context.Context, wait time.Duration) error {
	if tx.lock != nil {
		return nil
	}
	lock, err := tx.repo.Lock(ctx, repo.Patience{Wait: wait, Program: tx.opt.Program, Waiting: tx.opt.Waiting})
	if err == nil {
		tx.lock = lock
	}
	return err
}

func (b *beginning) unlockAll() error {
	var problems error
	for _, tx := range b.txs {
		problems = errors.Join(problems, tx.Close())
	}
	return problems
}
