package installable

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// world is what clients find before a change and after it.
type world struct {
	report.List
	view index.View
	// after are the versions of the names that the change is about, empty for one that
	// goes; before are those of them whose published version does not stay.
	after, before map[string]string
	others        bases
}

// change takes the edit, in the order in which it is made.
func (w *world) change(e index.Edit) error {
	for _, name := range e.DropBinaries {
		w.after[name] = ""
	}
	for _, b := range incoming(e) {
		w.after[b.Name] = b.Version
	}
	for name, version := range w.after {
		b, ok, err := w.view.Binary(name)
		if err != nil {
			return err
		}
		if ok && b.Version != version {
			w.before[name] = b.Version
		}
	}
	return nil
}

// version is that of a package in this repository, empty if it is not there.
func (w *world) version(name string, after bool) (string, error) {
	if v, ok := w.before[name]; ok && !after {
		return v, nil
	}
	if v, ok := w.after[name]; ok {
		return v, nil
	}
	b, _, err := w.view.Binary(name)
	return b.Version, err
}

// met reports whether anything that clients find meets a need.
func (w *world) met(n need, after bool) (bool, error) {
	here, err := w.version(n.name, after)
	if err != nil || here != "" && n.met(here) {
		return err == nil, err
	}
	there, err := w.others.versions(n.name)
	for _, v := range there {
		if n.met(v) {
			return true, err
		}
	}
	return false, err
}

// there says which versions of a package clients will find.
func (w *world) there(name string) string {
	var all []string
	if v, _ := w.version(name, true); v != "" {
		all = append(all, v)
	}
	others, _ := w.others.versions(name)
	all = append(all, others...)
	if len(all) == 0 {
		return "no package " + name
	}
	return name + " " + strings.Join(all, ", ")
}

// bases are the other repositories, opened when the first of them is needed.
type bases struct {
	paths  []string
	opened bool
	err    error
	views  []*index.Snapshot
	dirs   []*vfs.Dir
}

// versions are those of a package in the other repositories.
func (b *bases) versions(name string) ([]string, error) {
	if !b.opened {
		b.opened = true
		b.err = b.open()
	}
	if b.err != nil {
		return nil, b.err
	}
	var list []string
	for i, v := range b.views {
		p, ok, err := v.Binary(name)
		if errors.Is(err, index.ErrCache) {
			p, ok, err = b.uncached(i, name)
		}
		if err != nil {
			return nil, b.wrong(b.paths[i], err)
		}
		if ok {
			list = append(list, p.Version)
		}
	}
	return list, nil
}

func (b *bases) open() error {
	for _, path := range b.paths {
		dir, err := vfs.OpenDir(path)
		if err != nil {
			return b.wrong(path, err)
		}
		b.dirs = append(b.dirs, dir)
		// A folder that is not there, or not mounted, must not pass for an empty
		// repository.
		if _, err := dir.Lstat(index.BinaryFile); err != nil {
			return b.wrong(path, err)
		}
		view, err := index.OpenCached(dir, repo.CacheFile)
		if err != nil {
			return b.wrong(path, err)
		}
		b.views = append(b.views, view)
	}
	return nil
}

// uncached asks again, without the cache that lied.
func (b *bases) uncached(i int, name string) (index.Binary, bool, error) {
	view, err := index.Open(b.dirs[i])
	if err != nil {
		return index.Binary{}, false, err
	}
	err = b.views[i].Close()
	b.views[i] = view
	p, ok, again := view.Binary(name)
	return p, ok, errors.Join(err, again)
}

func (b *bases) wrong(path string, err error) error {
	return &report.Error{
		Stage: "verify", Code: report.CodeSettings, Kind: report.KindUsage, File: path,
		Err:  fmt.Errorf("cannot be read as a base of this repository: %w", err),
		Hint: "each folder under bases in the settings of the verifier installable has to be a repository",
	}
}

func (b *bases) close() error {
	var all error
	for _, v := range b.views {
		all = errors.Join(all, v.Close())
	}
	for _, d := range b.dirs {
		all = errors.Join(all, d.Close())
	}
	return all
}
