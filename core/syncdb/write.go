package syncdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// maxAhead is how far ahead of the clock a database may be dated.
const maxAhead = 2 * time.Second

// prepare writes the new databases into the stage and says what is to be committed.
func (g *gensync) prepare(ctx context.Context, stage string) (commit.Change, error) {
	intent, err := json.Marshal(g.wish)
	if err != nil {
		return commit.Change{}, err
	}
	date, err := g.date(ctx)
	if err != nil {
		return commit.Change{}, err
	}
	packed, err := g.rewrite()
	if err != nil {
		return commit.Change{}, g.repo.Tell("plan", g.readError(err))
	}
	id := g.repo.NewID()
	folder := path.Join(g.folder(), id)
	c := commit.Change{Stage: stage, Intent: intent, Records: g.records(), Names: namesOf(g.snap.view, g.verdict.edit, folder)}
	for _, p := range g.verdict.puts {
		c.Puts = append(c.Puts, commit.Put{From: p.Name, To: p.Name, Size: p.Size, SHA256: p.SHA256})
	}
	for _, p := range g.verdict.retires {
		c.Retires = append(c.Retires, commit.Retire{Name: p.Name, Size: p.Size, SHA256: p.SHA256})
	}
	if err := g.repo.FS.Mkdir(path.Join(stage, id), g.repo.PrivateFolderMode()); err != nil {
		return c, repo.DiskError("commit", g.repo.Path, err)
	}
	for _, k := range []Kind{DB, Files} {
		from := path.Join(id, g.file(k))
		if err := g.stageDatabase(path.Join(stage, from), packed[k], date); err != nil {
			return c, repo.DiskError("commit", path.Join(g.repo.Path, g.file(k)), err)
		}
		sum := sha256.Sum256(packed[k])
		c.Puts = append(c.Puts, commit.Put{
			From: from, To: path.Join(folder, g.file(k)), Size: int64(len(packed[k])), SHA256: hex.EncodeToString(sum[:]),
		})
	}
	c.Switches = []commit.Switch{{Index: g.current(), Base: g.snap.link, Link: folder}}
	return c, nil
}

// rewrite applies the edit to both databases at once.
func (g *gensync) rewrite() (packed [2][]byte, err error) {
	other := make(chan error, 1)
	go func() {
		var err error
		packed[Files], err = repack(g.snap.packed[Files], Files, g.verdict.edit)
		other <- err
	}()
	packed[DB], err = repack(g.snap.packed[DB], DB, g.verdict.edit)
	err = errors.Join(err, <-other)
	return packed, err
}

func repack(packed []byte, k Kind, e Edit) ([]byte, error) {
	in, err := unpack(packed)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var b bytes.Buffer
	z := archive.NewGzipWriter(&b)
	if err := Rewrite(z, in, k, e, archive.DefaultLimits()); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

func (g *gensync) stageDatabase(name string, text []byte, date time.Time) error {
	f, err := g.repo.FS.Create(name, repo.FileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = g.repo.FS.Chtimes(name, date)
	}
	if err == nil {
		// A sync makes the date durable too.
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// date is that of the new databases: in whole seconds, as pacman compares them, later
// than that of the old ones, and never more than a little ahead of the clock.
func (g *gensync) date(ctx context.Context) (time.Time, error) {
	least := g.snap.time.Truncate(time.Second).Add(time.Second)
	deadline := g.repo.Now().Add(g.opt.LockWait)
	for {
		now := g.repo.Now()
		wait := least.Sub(now) - maxAhead
		switch {
		case !least.After(now):
			return now, nil
		case wait <= 0:
			return least, nil
		case ctx.Err() != nil:
			return now, &report.Error{Stage: "commit", Code: report.CodeStopped, Kind: report.KindBusy, File: g.repo.Path, Err: ctx.Err()}
		case now.Add(wait).After(deadline):
			return now, &report.Error{Stage: "commit", Code: report.CodeClock, Kind: report.KindBusy,
				File: path.Join(g.repo.Path, g.snap.folder, g.file(DB)),
				Err:  fmt.Errorf("is dated %s, which is in the future; now it is %s", g.snap.time.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
				Hint: "set the machine's clock, or the file's date with touch; pacman fetches a database only if its date has grown",
			}
		}
		g.repo.Sleep(min(wait, 100*time.Millisecond))
	}
}

// records are the history's changes: one for each who brings packages, one for what is
// removed.
func (g *gensync) records() []repo.Change {
	var list []repo.Change
	at := map[[2]string]int{}
	for _, l := range g.verdict.packages {
		if l.Action == report.ActionKeep {
			continue
		}
		who, action := l.who, repo.ActionPublish
		if who == "" {
			who = g.wish.Who
		}
		if l.Action == report.ActionRemove {
			action = repo.ActionRemove
		}
		key := [2]string{action, who}
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, repo.Change{Action: action, Who: who, Transport: g.wish.Transport})
		}
		list[i].Packages = append(list[i].Packages, l.Package)
	}
	list[0].Findings = g.verdict.findings
	return list
}

// seenFile is a file that was hashed.
type seenFile struct {
	id  repo.Identity
	sum string
}

// at tells what stands at a name. A file is hashed once, as long as it is the same: what
// was read before the lock need not be read again under it.
func (g *gensync) at(name string) (taken, error) {
	info, err := g.repo.FS.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return taken{}, nil
	}
	t := taken{Exists: true, Size: info.Size}
	if err != nil || !info.IsRegular() || info.Mode&0o444 != 0o444 {
		return t, err
	}
	id := repo.IdentityOf(info)
	if seen, ok := g.seen[name]; !ok || seen.id != id {
		sum, err := g.sum(name)
		if err != nil {
			return t, err
		}
		g.seen[name] = seenFile{id, sum}
	}
	t.SHA256 = g.seen[name].sum
	return t, nil
}

func (g *gensync) sum(name string) (string, error) {
	f, err := g.repo.FS.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
