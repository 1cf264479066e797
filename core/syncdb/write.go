package syncdb

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
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
	id := g.repo.NewID()
	folder := path.Join(g.folder(), id)
	c := commit.Change{Stage: stage, Intent: intent, Records: g.records(), Names: namesOf(g.snap.view, g.verdict.edit, folder)}
	for _, p := range g.verdict.puts {
		c.Puts = append(c.Puts, commit.Put{From: path.Join(p.Folder, p.Name), To: p.Name, Size: p.Size, SHA256: p.SHA256})
	}
	for _, p := range g.verdict.retires {
		c.Retires = append(c.Retires, commit.Retire{Name: p.Name, Size: p.Size, SHA256: p.SHA256, Purge: g.wish.Purge})
	}
	if err = g.repo.FS.Mkdir(path.Join(stage, id), g.repo.PrivateFolderMode()); err != nil {
		return c, repo.DiskError("commit", g.repo.Path, err)
	}
	databases, err := g.rewrite(path.Join(stage, id), date)
	if err != nil {
		return c, err
	}
	for k, d := range databases {
		name := g.file(Kind(k))
		c.Puts = append(c.Puts, commit.Put{From: path.Join(id, name), To: path.Join(folder, name), Size: d.size, SHA256: d.sum})
	}
	signatures, err := g.sign(ctx, stage, id, folder, date)
	if err != nil {
		return c, err
	}
	c.Puts = append(c.Puts, signatures...)
	g.published = folder
	c.Switches = []commit.Switch{{Index: g.current(), Base: g.snap.link, Link: folder}}
	return c, nil
}

// written is one database.
type written struct {
	size   int64
	sum    string
	pieces []piece
}

// rewrite writes both databases at once, with the edit applied.
func (g *gensync) rewrite(to string, date time.Time) (made [2]written, err error) {
	other := make(chan error, 1)
	go func() {
		var err error
		made[Files], err = g.rewriteOne(Files, to, date)
		other <- err
	}()
	made[DB], err = g.rewriteOne(DB, to, date)
	if err = cmp.Or(err, <-other); err != nil {
		return made, err
	}
	g.pieces = nil
	if pieces, ok := samePieces(made[DB].pieces, made[Files].pieces); ok && !g.snap.view.odd && wellCut(pieces) == nil {
		g.pieces = pieces
	}
	return made, nil
}

// rewriteOne writes one database, dates and syncs it.
func (g *gensync) rewriteOne(k Kind, to string, date time.Time) (d written, err error) {
	name := path.Join(to, g.file(k))
	fail := func(err error) error { return repo.DiskError("commit", path.Join(g.repo.Path, g.file(k)), err) }
	f, err := g.repo.FS.Create(name, repo.FileMode)
	if err != nil {
		return d, fail(err)
	}
	w := &rewriter{kind: k, view: g.snap.view, src: g.snap.files[k], size: g.snap.sizes[k], edit: g.verdict.edit, l: archive.DefaultLimits()}
	d.pieces, err = w.write(failing{f, path.Join(g.repo.Path, g.file(k))})
	if err != nil {
		if _, ok := errors.AsType[*report.Error](err); !ok {
			err = g.repo.Tell("plan", g.readError(err))
		}
		return d, errors.Join(err, f.Close())
	}
	d.size, d.sum = w.n, hex.EncodeToString(w.sum.Sum(nil))
	if err = g.repo.FS.Chtimes(name, date); err == nil {
		// A sync makes the date durable too.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		err = fail(err)
	}
	return d, err
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
// removed; an undo and a healing are one change.
func (g *gensync) records() []repo.Change {
	var list []repo.Change
	var was, is [][]mark
	at := map[[2]string]int{}
	for _, l := range g.verdict.packages {
		if l.Action == report.ActionKeep {
			continue
		}
		who, action := cmp.Or(l.who, g.wish.Who), repo.ActionPublish
		switch {
		case g.wish.Undoes != "":
			who, action = g.wish.Who, repo.ActionUndo
		case len(g.wish.Heal) > 0:
			action = repo.ActionHeal
		case l.Action == report.ActionRemove:
			action = repo.ActionRemove
		}
		key := [2]string{action, who}
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			list = append(list, repo.Change{
				Action: action, Who: who, Transport: g.wish.Transport, Undoes: g.wish.Undoes, Purged: g.wish.Purge && action == repo.ActionRemove,
			})
			was, is = append(was, nil), append(is, nil)
		}
		list[i].Packages = append(list[i].Packages, l.Package)
		if l.was != nil {
			was[i] = append(was[i], *l.was)
		}
		if l.is != nil {
			is[i] = append(is[i], *l.is)
		}
	}
	if len(list) == 0 {
		list = append(list, repo.Change{Action: repo.ActionHeal, Who: g.wish.Who, Transport: g.wish.Transport})
		was, is = append(was, nil), append(is, nil)
	}
	for i := range list {
		list[i].Dropped, list[i].Added = marks(was[i]), marks(is[i])
	}
	list[0].Findings, list[0].Verifiers = slices.Concat(g.wish.Found, g.verdict.findings), g.wish.Verifiers
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
		sum, err := vfs.SHA256(g.repo.FS, name)
		if err != nil {
			return t, err
		}
		g.seen[name] = seenFile{id, sum}
	}
	t.SHA256 = g.seen[name].sum
	return t, nil
}

// keepOld is how many older versions of a package stay.
func (g *gensync) keepOld() int {
	if g.opt.KeepOld != nil {
		return *g.opt.KeepOld
	}
	return g.repo.Settings.KeepOld
}

// versions are the files of a package that stand beside the databases, that a publish of ours
// has put there, and that are not retired. A file that somebody has copied into the folder, to
// publish it next perhaps, is his.
func (g *gensync) versions(name string) ([]version, error) {
	records, err := g.repo.RetiredFiles()
	if err != nil {
		return nil, err
	}
	retired := map[string]uint64{}
	for _, r := range records {
		retired[r.Name] = r.Ino
	}
	entries, err := g.repo.FS.ReadDir(".")
	if err != nil {
		return nil, err
	}
	there, sizes := map[string]string{}, map[string]int64{}
	for _, i := range entries {
		v, ok := versionOf(i.Name, name)
		if ino, is := retired[i.Name]; ok && i.IsRegular() && (!is || ino != i.Ino) {
			there[i.Name], sizes[i.Name] = v, i.Size
		}
	}
	published, _, err := g.snap.view.Package(name)
	if err != nil {
		return nil, err
	}
	delete(sizes, published.FileName)
	ours, err := g.repo.Brought(sizes)
	var list []version
	for file, v := range there {
		if ours[file] || file == published.FileName {
			list = append(list, version{file, v})
		}
	}
	return list, err
}

// versionOf is the version in the name of a package's file, if it is of that package.
func versionOf(file, name string) (string, bool) {
	folder := cutLast(file)
	if _, ok := alpm.IsFileName(file); !ok || nameOf(folder) != name {
		return "", false
	}
	v := strings.TrimPrefix(folder, name+"-")
	return v, alpm.ValidVersion(v)
}
