package commit

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// prepare writes the new index files into the stage and makes the stage durable.
func (tx *Tx) prepare(ctx context.Context, c Change, p *pact) (journal, error) {
	j, err := tx.newJournal(c, p)
	if err != nil {
		return j, err
	}
	if j.Retires, err = tx.retirable(c.Retires); err != nil {
		return j, repo.DiskError("commit", tx.repo.Path, err)
	}
	if err := tx.clearWay(c); err != nil {
		return j, repo.DiskError("commit", tx.repo.Path, err)
	}
	if err := tx.repo.CheckRecords(); err != nil {
		return j, err
	}
	mtimes, err := tx.indexTimes(ctx, c)
	if err != nil {
		return j, err
	}
	for i, s := range c.Switches {
		js, err := tx.stageIndex(j, s, mtimes[i])
		if err != nil {
			return j, repo.DiskError("commit", path.Join(tx.repo.Path, c.Stage, s.Index), err)
		}
		j.Switches = append(j.Switches, js)
		j.Generation.Indexes = append(j.Generation.Indexes, repo.IndexState{Name: js.Index, SHA256: js.SHA256, Identity: js.Next})
	}
	if err := tx.reserve(j); err != nil {
		return j, repo.DiskError("commit", path.Join(tx.repo.Path, c.Stage), err)
	}
	if err := tx.syncStage(j); err != nil {
		return j, repo.DiskError("commit", path.Join(tx.repo.Path, c.Stage), err)
	}
	return j, nil
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

// stageIndex writes one new index file.
func (tx *Tx) stageIndex(j journal, s Switch, mtime time.Time) (journalSwitch, error) {
	js := journalSwitch{Index: s.Index, From: stagedIndex(j, s.Index), Base: s.Base}
	if s.Link != "" {
		return tx.stageLink(js, s.Link)
	}
	f, err := tx.repo.FS.Create(js.From, repo.FileMode)
	if err != nil {
		return js, err
	}
	err = tx.fillIndex(f, js.From, s, mtime)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return js, err
	}
	if js.SHA256, err = sumOf(tx.repo.FS, js.From); err != nil {
		return js, err
	}
	js.Next, err = repo.Identify(tx.repo.FS, js.From)
	js.Next.ChangeTime = 0
	if err == nil {
		err = tx.repo.KeepIndex(j.Transaction, s.Index, js.From)
	}
	return js, err
}

// stageLink makes a link that will be an index. The sync of the stage makes it durable.
func (tx *Tx) stageLink(js journalSwitch, target string) (journalSwitch, error) {
	if !fs.ValidPath(target) {
		return js, fmt.Errorf("a link to %q would lead out of the repository", target)
	}
	err := tx.repo.FS.Symlink(target, js.From)
	if err != nil {
		return js, err
	}
	js.Link, js.SHA256 = true, textSum(target)
	js.Next, err = repo.Identify(tx.repo.FS, js.From)
	js.Next.ChangeTime = 0
	return js, err
}

// fillIndex writes, dates and syncs: a sync makes the date durable too.
func (tx *Tx) fillIndex(f vfs.File, name string, s Switch, mtime time.Time) error {
	if err := s.Write(f); err != nil {
		return err
	}
	if err := tx.repo.FS.Chtimes(name, mtime); err != nil {
		return err
	}
	return f.Sync()
}

// syncStage makes the stage's entries durable, and its own. The files of several
// uploads are in a folder of the stage each.
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
