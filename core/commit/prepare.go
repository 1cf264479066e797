package commit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// prepare writes the new index files into the stage and begins to make the stage durable:
// that goes on aside, and has to be waited for also if the change is given up. After an
// error nothing goes on.
func (tx *Tx) prepare(ctx context.Context, c Change, p *pact) (j journal, durable *aside, err error) {
	durable = &aside{}
	defer func() {
		if err != nil {
			err = errors.Join(err, durable.wait())
		}
	}()
	if j, err = tx.newJournal(c, p); err != nil {
		return j, durable, err
	}
	if j.Retires, err = tx.retirable(c.Retires); err != nil {
		return j, durable, repo.DiskError("commit", tx.repo.Path, err)
	}
	if err := tx.clearWay(c); err != nil {
		return j, durable, repo.DiskError("commit", tx.repo.Path, err)
	}
	if err := tx.repo.CheckRecords(); err != nil {
		return j, durable, err
	}
	mtimes, err := tx.indexTimes(ctx, c)
	if err != nil {
		return j, durable, err
	}
	if err := tx.stageAll(&j, c, mtimes, durable); err != nil {
		return j, durable, err
	}
	if err := tx.reserve(j); err != nil {
		return j, durable, repo.DiskError("commit", path.Join(tx.repo.Path, c.Stage), err)
	}
	return j, durable, nil
}

func (tx *Tx) newJournal(c Change, p *pact) (journal, error) {
	last, _, err := tx.repo.LastGeneration()
	if err != nil {
		return journal{}, err
	}
	now, number := tx.repo.Now().UTC(), last.Number+1
	j := journal{Transaction: tx.repo.NewID(), Stage: c.Stage, Intent: c.Intent, Puts: c.Puts, Retires: c.Retires}
	if p != nil {
		j.Decision, j.Participants = p.decision, p.participants
	}
	if c.Foreign != nil {
		j.Foreign = &repo.Generation{
			Number: number, Transaction: tx.repo.NewID(), Time: now, Changes: []repo.Change{*c.Foreign},
		}
		number++
	}
	j.Generation = repo.Generation{Number: number, Transaction: j.Transaction, Time: now, Changes: c.Records}
	return j, nil
}

// indexTimes returns the modification time for each new index file, waiting for
// the clock if it has to.
func (tx *Tx) indexTimes(ctx context.Context, c Change) ([]time.Time, error) {
	deadline := tx.repo.Now().Add(tx.opt.LockWait)
	times := make([]time.Time, len(c.Switches))
	for i, s := range c.Switches {
		for s.Link == "" {
			now := tx.repo.Now()
			t, wait := c.Clock.after(s.Base, now)
			times[i] = t
			if wait <= 0 {
				break
			}
			if err := ctx.Err(); err != nil {
				return nil, &report.Error{Stage: "commit", Code: report.CodeStopped, Kind: report.KindBusy, File: tx.repo.Path, Err: err}
			}
			if now.Add(wait).After(deadline) {
				return nil, tx.clockError(s)
			}
			tx.repo.Sleep(min(wait, 100*time.Millisecond))
		}
	}
	return times, nil
}

// after returns the time for a file that replaces base, and how long the clock has
// to run on before that time is allowed.
func (c Clock) after(base repo.Identity, now time.Time) (t time.Time, wait time.Duration) {
	t = now
	if base != (repo.Identity{}) {
		if least := base.Time().Add(c.Step); least.After(t) {
			t = least
		}
	}
	return t, t.Sub(now) - c.Limit
}

func (tx *Tx) clockError(s Switch) error {
	return &report.Error{
		Stage: "commit", Code: report.CodeClock, Kind: report.KindBusy, File: path.Join(tx.repo.Path, s.Index),
		Err: fmt.Errorf("is dated %s, which is in the future; now it is %s",
			s.Base.Time().UTC().Format(time.RFC3339Nano), tx.repo.Now().UTC().Format(time.RFC3339Nano)),
		Hint: "set the machine's clock, or the file's date with: touch " + path.Join(tx.repo.Path, s.Index),
	}
}

// stagedIndex is the name of a new index file. It begins with a dot and ends with the
// transaction: no upload's file is called that, nor that of another attempt.
func stagedIndex(j journal, index string) string {
	return path.Join(j.Stage, "."+index+"."+j.Transaction)
}

// stageAll puts the new index files into the stage and begins to make it durable. All of it
// is written and synced at once: the disk has one round to do, not one for each.
func (tx *Tx) stageAll(j *journal, c Change, mtimes []time.Time, durable *aside) error {
	for _, s := range c.Switches {
		j.Switches = append(j.Switches, journalSwitch{Index: s.Index, From: stagedIndex(*j, s.Index), Base: s.Base, Link: s.Link != ""})
	}
	if c.Settled != nil {
		durable.start(c.Settled)
	}
	files, err := tx.createIndexes(j, c)
	if err != nil {
		return err
	}
	stage := *j
	durable.start(func() error { return tx.inStage(c, tx.syncStage(stage)) })
	var work []func() error
	for i, f := range files {
		js := &j.Switches[i]
		work = append(work, func() error {
			if f == nil {
				return tx.keep(stage.Transaction, js)
			}
			return tx.fillIndex(f, stage.Transaction, js, c.Switches[i], mtimes[i], durable)
		})
	}
	if err := together(work...); err != nil {
		return tx.inStage(c, err)
	}
	for _, js := range j.Switches {
		j.Generation.Indexes = append(j.Generation.Indexes, repo.IndexState{Name: js.Index, SHA256: js.SHA256, Identity: js.Next})
	}
	return nil
}

// inStage says that something could not be written to the stage.
func (tx *Tx) inStage(c Change, err error) error {
	if err == nil {
		return nil
	}
	return repo.DiskError("commit", path.Join(tx.repo.Path, c.Stage), err)
}

// createIndexes makes the new index files, with nothing in them, and links that are some,
// for which nil is returned.
func (tx *Tx) createIndexes(j *journal, c Change) ([]vfs.File, error) {
	files := make([]vfs.File, len(c.Switches))
	for i := range c.Switches {
		js := &j.Switches[i]
		var err error
		if files[i], err = tx.createIndex(js, c.Switches[i]); err == nil {
			continue
		}
		for _, f := range files[:i] {
			if f != nil {
				_ = f.Close() // nothing was written to it
			}
		}
		return nil, repo.DiskError("commit", path.Join(tx.repo.Path, js.From), err)
	}
	return files, nil
}

// createIndex makes one of them.
func (tx *Tx) createIndex(js *journalSwitch, s Switch) (vfs.File, error) {
	if !js.Link {
		return tx.repo.FS.Create(js.From, repo.FileMode)
	}
	if !fs.ValidPath(s.Link) {
		return nil, fmt.Errorf("a link to %q would lead out of the repository", s.Link)
	}
	js.SHA256 = textSum(s.Link)
	return nil, tx.repo.FS.Symlink(s.Link, js.From)
}

// keep notes what a staged index is, and gives it its second name.
func (tx *Tx) keep(transaction string, js *journalSwitch) error {
	var err error
	js.Next, err = repo.Identify(tx.repo.FS, js.From)
	js.Next.ChangeTime = 0
	if err == nil && !js.Link {
		err = tx.repo.KeepIndex(transaction, js.Index, js.From)
	}
	return err
}

// fillIndex writes and dates a new index file, and begins to sync it, which makes the date
// durable too, while it is summed up.
func (tx *Tx) fillIndex(f vfs.File, transaction string, js *journalSwitch, s Switch, mtime time.Time, durable *aside) error {
	sum, err := s.Write(f)
	if err == nil {
		err = tx.repo.FS.Chtimes(js.From, mtime)
	}
	if err == nil {
		err = tx.keep(transaction, js)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	from := path.Join(tx.repo.Path, js.From)
	durable.start(func() error {
		err := f.Sync()
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return repo.DiskError("commit", from, err)
		}
		return nil
	})
	js.SHA256, err = sum()
	return err
}

// syncStage makes the stage's entries durable, and its own. Files of several uploads may
// lie in folders of it.
func (tx *Tx) syncStage(j journal) error {
	folders := []string{j.Stage, repo.StageDir}
	for _, p := range j.Puts {
		folders = with(folders, path.Join(j.Stage, path.Dir(p.From)))
	}
	if j.Generation.Number == 1 || tx.repo.MadeFolders() {
		folders = append(folders, repo.MetaDir, ".")
	}
	return tx.syncAll(folders)
}
