package pipeline_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// sub is a folder of an FS, as a machine has several; its absolute name is /DIR.
type sub struct {
	fsys vfs.FS
	dir  string
}

func (s sub) at(name string) string { return path.Join(s.dir, name) }

func (s sub) Open(name string) (vfs.File, error) { return s.fsys.Open(s.at(name)) }
func (s sub) Create(name string, m fs.FileMode) (vfs.File, error) {
	return s.fsys.Create(s.at(name), m)
}
func (s sub) OpenLock(name string, m fs.FileMode) (vfs.File, error) {
	return s.fsys.OpenLock(s.at(name), m)
}
func (s sub) Append(name string, m fs.FileMode) (vfs.File, error) {
	return s.fsys.Append(s.at(name), m)
}
func (s sub) Mkdir(name string, m fs.FileMode) error  { return s.fsys.Mkdir(s.at(name), m) }
func (s sub) Rename(from, to string) error            { return s.fsys.Rename(s.at(from), s.at(to)) }
func (s sub) Remove(name string) error                { return s.fsys.Remove(s.at(name)) }
func (s sub) Lstat(name string) (vfs.Info, error)     { return s.fsys.Lstat(s.at(name)) }
func (s sub) ReadDir(name string) ([]vfs.Info, error) { return s.fsys.ReadDir(s.at(name)) }
func (s sub) SyncDir(name string) error               { return s.fsys.SyncDir(s.at(name)) }
func (s sub) Chmod(name string, m fs.FileMode) error  { return s.fsys.Chmod(s.at(name), m) }
func (s sub) Chtimes(name string, t time.Time) error  { return s.fsys.Chtimes(s.at(name), t) }
func (s sub) Symlink(target, name string) error       { return s.fsys.Symlink(target, s.at(name)) }
func (s sub) Readlink(name string) (string, error)    { return s.fsys.Readlink(s.at(name)) }
func (s sub) Link(from, to string) error              { return s.fsys.(vfs.Linker).Link(s.at(from), s.at(to)) }
func (s sub) Abs() (string, error)                    { return "/" + s.dir, nil }
func (s sub) OpenFolder(n string) (vfs.FS, func() error, error) {
	if _, err := s.fsys.Lstat(n[1:]); err != nil {
		return nil, nil, err
	}
	return sub{s.fsys, n[1:]}, func() error { return nil }, nil
}

var _ vfs.Neighbour = sub{}

// setWorld is a machine with several repositories in folders of one disk.
type setWorld struct {
	*vfs.Mem
	*clock
	names []string
	ids   atomic.Int64
}

// setArch is the architecture of a repository of that name.
func setArch(name string) string { return name + "-debian" }

func newSetWorld(names ...string) *setWorld {
	c := &clock{}
	w := &setWorld{Mem: vfs.NewMem(c.now), clock: c, names: names}
	for _, n := range names {
		must(w.Mkdir(n, 0o755))
		r, _, err := repo.Init(ctx(), sub{w.Mem, n}, "/"+n, pipeline.Mmpack{}, repo.InitOptions{Arch: setArch(n)})
		must(err)
		// The order of the repositories, which is by their ids, is always the same.
		file := n + "/" + repo.SettingsFile
		text, err := vfs.ReadFile(w.Mem, file, 1<<20)
		must(err)
		text = bytes.Replace(text, []byte(r.Settings.ID), []byte("id-"+n), 1)
		must(vfs.ReplaceFile(w.Mem, file, file+".new", 0o600, text))
	}
	w.SyncAll()
	return w
}

// with is the same machine on another state of the disk.
func (w *setWorld) with(m *vfs.Mem) *setWorld {
	out := &setWorld{Mem: m, clock: w.clock, names: w.names}
	out.ids.Store(w.ids.Load() + 1000)
	return out
}

// open opens one of the repositories through fsys, which may observe the disk.
func (w *setWorld) open(fsys vfs.FS, name string) (*repo.Repo, error) {
	r, err := pipeline.Open(sub{fsys, name}, "/"+name)
	if err != nil {
		return nil, err
	}
	r.Now, r.Sleep = w.now, w.skip
	r.NewID = func() string { return fmt.Sprintf("id%06d", w.ids.Add(1)) }
	return r, nil
}

// one is a machine with one of the repositories alone, for the judges.
func (w *setWorld) one(name string) *world {
	out := &world{Mem: w.Mem, clock: w.clock}
	r, err := w.open(w.Mem, name)
	must(err)
	out.own = r
	return out
}

// setAction changes the repositories of a machine.
type setAction func(w *setWorld, fsys vfs.FS) error

// publishAll pushes genuine uploads, one to each repository, as one decision.
func publishAll(uploads ...string) setAction {
	return func(w *setWorld, fsys vfs.FS) error {
		var targets []pipeline.Target
		for i, u := range uploads {
			t, err := w.target(fsys, w.names[i], u)
			if err != nil {
				return err
			}
			targets = append(targets, t)
		}
		_, err := pushTargets(targets)
		return err
	}
}

func pushTargets(targets []pipeline.Target) ([]report.Report, error) {
	reps, err := pipeline.PublishAll(ctx(), targets)
	for _, rep := range reps {
		if err == nil && rep.Result == report.Rejected {
			err = fmt.Errorf("refused: %v", rep.Findings)
		}
	}
	return reps, err
}

// target is a genuine upload for one of the repositories, everything allowed.
func (w *setWorld) target(fsys vfs.FS, name, upload string) (pipeline.Target, error) {
	r, err := w.open(fsys, name)
	if err != nil {
		return pipeline.Target{}, err
	}
	u, err := openUpload(upload)
	m := *u.Manifest
	m.Binary = append(m.Binary[:0:0], m.Binary...)
	// A package does not say what architecture it is for.
	m.Binary[0].Name = setArch(name)
	u.Manifest = &m
	return pipeline.Target{Repo: r, Request: pipeline.Request{
		Upload: u, Requests: plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true},
		Options: pipeline.Options{LockWait: 10 * time.Second, Program: "test", Transport: "dir", Who: "somebody"},
	}}, err
}

// publishOne pushes to one repository.
func publishOne(name, upload string) setAction {
	return func(w *setWorld, fsys vfs.FS) error {
		t, err := w.target(fsys, name, upload)
		if err == nil {
			_, err = pushTargets([]pipeline.Target{t})
		}
		return err
	}
}

// setupAll runs actions that must succeed, and lets the disk come to rest.
func (w *setWorld) setup(t testing.TB, actions ...setAction) {
	t.Helper()
	for _, a := range actions {
		if err := a(w, w.Mem); err != nil {
			t.Fatalf("setup: %v", err)
		}
	}
	w.SyncAll()
}

// recoverOne takes the lock of one repository and gives it back.
func (w *setWorld) recoverOne(fsys vfs.FS, name string) error {
	r, err := w.open(fsys, name)
	if err != nil {
		return err
	}
	tx, err := commit.Begin(ctx(), r, pipeline.CommitOptions(pipeline.Options{LockWait: time.Second}))
	if err != nil {
		return err
	}
	return tx.Close()
}

// texts are the indexes of all repositories.
func (w *setWorld) texts() ([]string, error) {
	var list []string
	for _, n := range w.names {
		text, err := indexes(sub{w.Mem, n})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		list = append(list, text)
	}
	return list, nil
}

// judgeServedAll is what readers of each repository see, whenever they look.
func (w *setWorld) judgeServedAll() error {
	for _, n := range w.names {
		if err := judgeServed(sub{w.Mem, n}); err != nil {
			return fmt.Errorf("%s as served: %w", n, err)
		}
	}
	return nil
}

// judgeSettledAll wants nothing unfinished anywhere.
func (w *setWorld) judgeSettledAll() error {
	for _, n := range w.names {
		if err := judgeSettled(w.one(n)); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
		if left, err := w.ReadDir(path.Join(n, repo.DecisionsDir)); err == nil && len(left) > 0 {
			return fmt.Errorf("%s: the decision %s is left", n, left[0].Name)
		}
		text, err := vfs.ReadFile(w.Mem, path.Join(n, repo.HistoryFile), 1<<20)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		r, err := w.open(w.Mem, n)
		must(err)
		if last, _, err := r.LastGeneration(); err != nil || uint64(strings.Count(string(text), "\n")) != last.Number {
			return fmt.Errorf("%s: history: generation %d is not the last of the lines (%v):\n%.300s", n, last.Number, err, text)
		}
	}
	return nil
}
