package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	arch     = "amd64-debian"
	corpus   = "../../testdata/mmpack/uploads"
	foo100   = "01-foo-1.0.0"
	weather  = "02-weather-data-2024.01"
	greet090 = "03-greet-0.9.0"
	foo110   = "06-foo-1.1.0"
	foo110b  = "07-foo-1.1.0-rebuild"
	greet100 = "08-greet-1.0.0"
	foo200   = "10-foo-2.0.0"
)

// uploads returns the genuine uploads, in memory: a folder for each.
var uploads = sync.OnceValue(func() *vfs.Mem {
	m := vfs.NewMem(time.Now)
	dirs, err := os.ReadDir(corpus)
	must(err)
	for _, d := range dirs {
		must(m.Mkdir(d.Name(), 0o755))
		files, err := os.ReadDir(filepath.Join(corpus, d.Name()))
		must(err)
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(corpus, d.Name(), f.Name()))
			must(err)
			must(vfs.CreateSynced(m, path.Join(d.Name(), f.Name()), 0o644, text))
		}
	}
	return m
})

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// clock goes on by a microsecond each time somebody looks at it.
type clock struct{ ticks atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(c.ticks.Add(1)) * time.Microsecond)
}

func (c *clock) skip(d time.Duration) { c.ticks.Add(int64(d / time.Microsecond)) }

// world is one repository in memory and its time.
type world struct {
	*vfs.Mem
	*clock
	ids atomic.Int64
	// own is the repository as the judges open it, once.
	own *repo.Repo
}

func newWorld() *world {
	c := &clock{}
	w := &world{Mem: vfs.NewMem(c.now), clock: c}
	_, _, err := repo.Init(context.Background(), w.Mem, "/repo", pipeline.Mmpack{}, repo.InitOptions{Arch: arch})
	must(err)
	w.SyncAll()
	return w
}

// with is the same world on another state of the disk.
func (w *world) with(m *vfs.Mem) *world {
	out := &world{Mem: m, clock: w.clock}
	out.ids.Store(w.ids.Load() + 1000)
	return out
}

// open opens the repository through fsys, which may observe the world's disk.
func (w *world) open(fsys vfs.FS) (*repo.Repo, error) {
	r, err := pipeline.Open(fsys, "/repo")
	if err != nil {
		return nil, err
	}
	r.Now = w.now
	r.Sleep = w.skip
	r.NewID = func() string { return fmt.Sprintf("id%06d", w.ids.Add(1)) }
	return r, nil
}

// repo is the repository for whoever only looks.
func (w *world) repo() (*repo.Repo, error) {
	var err error
	if w.own == nil {
		w.own, err = w.open(w.Mem)
	}
	return w.own, err
}

// folder is the repository's folder.
func (w *world) folder() vfs.FS {
	r, err := w.repo()
	must(err)
	return r.FS
}

// action is something that changes a repository.
type action func(w *world, fsys vfs.FS) (report.Report, error)

// publish pushes a genuine upload, everything allowed.
func publish(name string) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		return w.push(fsys, name, plan.Requests{Rebuild: true, Downgrade: true, TakeOver: true})
	}
}

func (w *world) push(fsys vfs.FS, name string, requests plan.Requests) (report.Report, error) {
	r, err := w.open(fsys)
	if err != nil {
		return report.Report{}, err
	}
	u, err := openUpload(name)
	if err != nil {
		return report.Report{}, err
	}
	return pipeline.Publish(context.Background(), r, pipeline.Request{
		Upload: u, Requests: requests, Options: pipeline.Options{LockWait: 10 * time.Second, Program: "test", Transport: "dir", Who: "somebody"},
	})
}

func openUpload(name string) (upload.Upload, error) {
	list, err := uploads().ReadDir(name)
	if err != nil {
		return upload.Upload{}, err
	}
	for _, i := range list {
		if strings.HasSuffix(i.Name, ".mmpack-manifest") {
			u, findings, err := upload.Open(context.Background(), uploads(), name, i.Name)
			if report.Refused(findings) {
				err = errors.Join(err, fmt.Errorf("findings: %v", findings))
			}
			return u, err
		}
	}
	return upload.Upload{}, fmt.Errorf("%s has no manifest", name)
}

// remove takes a source out.
func remove(sel index.Selector) action {
	return func(w *world, fsys vfs.FS) (report.Report, error) {
		r, err := w.open(fsys)
		if err != nil {
			return report.Report{}, err
		}
		return pipeline.Remove(context.Background(), r, sel, pipeline.Options{LockWait: 10 * time.Second})
	}
}

// setup runs actions that must succeed, and lets the disk come to rest.
func (w *world) setup(t testing.TB, actions ...action) {
	t.Helper()
	for _, a := range actions {
		rep, err := a(w, w.Mem)
		if err != nil || rep.Result == report.Rejected {
			t.Fatalf("setup: %v %v %v", rep.Result, rep.Findings, err)
		}
	}
	w.SyncAll()
}

// indexes is what the repository publishes, as text: the pool's folders are named
// by what is in them.
func indexes(fsys vfs.FS) (string, error) {
	view, err := index.Open(fsys)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for s, err := range view.All() {
		if err != nil {
			return "", err
		}
		b.WriteString(s.Text)
	}
	sources, err := view.Sources(index.Selector{})
	if err != nil {
		return "", err
	}
	for _, s := range sources {
		b.WriteString(s.Text)
	}
	return b.String(), nil
}

// walk lists all ordinary files below a folder.
func walk(fsys vfs.FS, dir string) ([]string, error) {
	list, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []string
	for _, i := range list {
		name := path.Join(dir, i.Name)
		if !i.Mode.IsDir() {
			files = append(files, name)
			continue
		}
		below, err := walk(fsys, name)
		if err != nil {
			return nil, err
		}
		files = append(files, below...)
	}
	return files, nil
}
