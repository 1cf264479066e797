package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/repo"
)

// change is the draft as the commit room takes it. Both indexes are written even
// if one stays the same: their identities tell recovery whether somebody else has
// published. A file that a later step replaces again is not placed, unless its step
// stands for itself: then it is placed and retired.
func (d *draft) change(r *repo.Repo, stage string, opt Options) (commit.Change, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(d.steps); err != nil {
		return commit.Change{}, err
	}
	c := commit.Change{Stage: stage, Intent: text.Bytes(), Clock: clock, Names: d.view.Names}
	for i, name := range (Mmpack{}).Indexes() {
		c.Switches = append(c.Switches, commit.Switch{Index: name, Base: d.base[i], Write: d.writer(name)})
	}
	retired := map[commit.Retire]bool{}
	for i, p := range d.plans {
		for _, f := range p.Puts {
			if named, err := d.view.Names(f.Path); err != nil {
				return c, err
			} else if named || d.steps[i].Own {
				c.Puts = append(c.Puts, commit.Put{From: path.Join(d.steps[i].Folder, f.Name), To: f.Path, Size: f.Size, SHA256: f.SHA256})
			}
		}
		for _, f := range p.Retires {
			if named, err := d.view.Names(f.Path); err != nil {
				return c, err
			} else if gone := (commit.Retire{Name: f.Path, Size: f.Size, SHA256: f.SHA256, Purge: d.steps[i].Purge}); !named && !retired[gone] {
				retired[gone] = true
				c.Retires = append(c.Retires, gone)
			}
		}
	}
	var err error
	if c.Foreign, _, err = foreign(r); err != nil {
		return c, err
	}
	c.Records, err = d.records(r, opt)
	return c, err
}

// writer returns what writes one index file of what the steps leave, and notes how.
func (d *draft) writer(name string) func(io.Writer) (func() (string, error), error) {
	written := &index.Written{}
	d.written[name] = written
	return func(w io.Writer) (func() (string, error), error) {
		var err error
		*written, err = write(d.view, name, w)
		return written.Sum, err
	}
}

// write writes one index file of a view.
func write(view *index.Snapshot, name string, w io.Writer) (index.Written, error) {
	if name == index.SourceFile {
		return view.WriteSource(w)
	}
	return view.WriteBinary(w)
}

// saveCache keeps what is known of the index files that have just been published, so
// that the next one who opens them need not read them. Without it they are read.
func (d *draft) saveCache(r *repo.Repo) {
	_ = index.SaveCache(r.FS, repo.CacheFile, repo.CacheFile+".new", r.PrivateFileMode(),
		*d.written[index.BinaryFile], *d.written[index.SourceFile])
}

// dropCache removes the cache if an error says that it lied.
func dropCache(r *repo.Repo, err error) {
	if errors.Is(err, index.ErrCache) {
		_ = r.FS.Remove(repo.CacheFile)
	}
}
