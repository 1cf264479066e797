package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/vfs"
)

// keptSuffix ends the name of a list of published files that are not deleted yet.
const keptSuffix = ".kept"

// kept are files of a published upload that some other manifest may name: it cannot
// be read yet. They are deleted when that is known.
type kept struct {
	ID    string     `json:"id"`
	Files []original `json:"files"`
}

// naming is which files the manifests in the folder name, just now.
type naming struct {
	by map[string]string
	// unclear is a manifest that may name any file; empty if there is none.
	unclear string
}

// naming reads the manifests that are in the folder now, but for the one that leaves.
// Those that were read before are not read again.
func (s *Scanner) naming(leaves original) naming {
	n := naming{by: map[string]string{}}
	list, err := s.opt.Drop.ReadDir(".")
	if err != nil {
		s.opt.Log.Error("the drop folder cannot be read", "folder", s.opt.Path, "error", err)
		n.unclear = "the drop folder cannot be listed: some manifest"
	}
	for _, info := range list {
		if !s.declares(info.Name) || s.leaving[info.Name] || !s.ordinary(info) || leaves.Name == info.Name && leaves.is(info) {
			continue
		}
		a := s.arrivals[info.Name]
		if a == nil || a.origin != repo.IdentityOf(info) {
			a = &arrival{name: info.Name}
			if err := s.guard(a.name, func() { a.read(s.opt.Drop, s.arch) }); err != nil {
				a.fault = err
			}
		}
		n.add(a)
	}
	return n
}

func (n *naming) add(a *arrival) {
	switch {
	case a.done, errors.Is(a.fault, fs.ErrNotExist):
	case a.fault != nil, len(a.unusable) > 0:
		n.unclear = a.name
	default:
		for _, name := range a.names() {
			n.by[name] = a.name
		}
	}
}

// leaveShared takes those files out that another manifest names, too, and, if they
// are to be deleted, those that one may name.
func (s *Scanner) leaveShared(d *departure) {
	last := len(d.Files) - 1
	n := s.naming(d.Files[last])
	later := kept{ID: d.Verdict.ID}
	var own []original
	for i, f := range d.Files {
		switch by, named := n.by[f.Name]; {
		case i == last:
			own = append(own, f)
		case named:
			d.Verdict.Left = append(d.Verdict.Left, Left{f.Name, by + " names it, too"})
		case n.unclear != "" && d.To == "":
			later.Files = append(later.Files, f)
			d.Verdict.Left = append(d.Verdict.Left, Left{f.Name, n.unclear + " cannot be read yet and may name it, too; it is deleted when no manifest does"})
		default:
			own = append(own, f)
		}
	}
	d.Files = own
	if len(later.Files) == 0 {
		return
	}
	if err := s.writeKept(later); err != nil {
		s.opt.Log.Warn("published files stay", "upload", d.Verdict.Manifest, "id", d.Verdict.ID, "error", err)
	}
}

func (k kept) file() string { return path.Join(privateDir, k.ID+keptSuffix) }

func (s *Scanner) writeKept(k kept) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return vfs.ReplaceFile(s.opt.Drop, k.file(), k.file()+newSuffix, 0o600, text)
}

// releaseKept deletes what was kept, when every manifest in the folder can be read.
func (s *Scanner) releaseKept() {
	list, err := s.opt.Drop.ReadDir(privateDir)
	if err != nil || !slices.ContainsFunc(list, isKept) {
		// That it cannot be listed is told by who looks for journals.
		return
	}
	n := s.naming(original{})
	if n.unclear != "" {
		return
	}
	for _, i := range list {
		if !isKept(i) {
			continue
		}
		name := path.Join(privateDir, i.Name)
		fault := s.guard(i.Name, func() { err = s.release(name, n) })
		if err = errors.Join(fault, err); err != nil {
			s.opt.Log.Error("published files cannot be deleted yet", "file", name, "error", err)
		}
	}
}

func isKept(i vfs.Info) bool { return i.IsRegular() && strings.HasSuffix(i.Name, keptSuffix) }

// release deletes those files of one list that no manifest names.
func (s *Scanner) release(name string, n naming) error {
	text, err := vfs.ReadFile(s.opt.Drop, name, journalLimit)
	if err != nil {
		return err
	}
	var k kept
	if err := json.Unmarshal(text, &k); err != nil || k.file() != name ||
		slices.ContainsFunc(k.Files, func(f original) bool { return !isBase(f.Name) }) {
		s.opt.Log.Error("a list of published files is damaged and is dropped", "file", name)
		return s.opt.Drop.Remove(name)
	}
	for i, f := range k.Files {
		aside := fmt.Sprintf("%s.%d%s", name, i, asideSuffix)
		if _, named := n.by[f.Name]; named {
			// It leaves with the manifest that names it.
			_, err = s.emptyAside(f, aside)
		} else {
			_, err = s.discard(f, aside)
		}
		if err != nil {
			return err
		}
	}
	if err := s.settle(privateDir); err != nil {
		return err
	}
	return s.opt.Drop.Remove(name)
}
