package pipeline

import (
	"bytes"
	"encoding/json"
	"io"
	"path"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/index"
)

// change is the draft as the commit room takes it. Both indexes are written even
// if one stays the same: their identities tell recovery whether somebody else has
// published. A file that a later step replaces again is not placed.
func (d *draft) change(stage string, opt Options) (commit.Change, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(d.steps); err != nil {
		return commit.Change{}, err
	}
	c := commit.Change{Stage: stage, Intent: text.Bytes(), Clock: clock, Names: d.view.Names}
	for i, name := range (Mmpack{}).Indexes() {
		c.Switches = append(c.Switches, commit.Switch{Index: name, Base: d.base[i], Write: writer(d.view, name)})
	}
	for i, p := range d.plans {
		for _, f := range p.Puts {
			if named, err := d.view.Names(f.Path); err != nil {
				return c, err
			} else if named {
				c.Puts = append(c.Puts, commit.Put{From: path.Join(d.steps[i].Folder, f.Name), To: f.Path, Size: f.Size, SHA256: f.SHA256})
			}
		}
		for _, f := range p.Retires {
			if named, err := d.view.Names(f.Path); err != nil {
				return c, err
			} else if !named {
				c.Retires = append(c.Retires, commit.Retire{Name: f.Path, Size: f.Size, SHA256: f.SHA256, Purge: d.steps[i].Purge})
			}
		}
	}
	var err error
	c.Records, err = d.records(opt)
	return c, err
}

// writer returns what writes one index file of a view.
func writer(view *index.Snapshot, name string) func(io.Writer) error {
	if name == index.SourceFile {
		return view.WriteSource
	}
	return view.WriteBinary
}
