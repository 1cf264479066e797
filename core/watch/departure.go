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
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// journalLimit is far above what the verdict and the names of one upload take.
const journalLimit = 64 << 20

// departure is how an upload leaves the folder. It is written down before the first
// file is touched, so that a watcher that is killed in between is finished by the
// next.
type departure struct {
	Verdict Verdict `json:"verdict"`
	// To is the folder below rejected; if it is empty, the files are deleted.
	To string `json:"to,omitempty"`
	// Files are in the order in which they go: the manifest last.
	Files []original `json:"files"`
}

// original is one of the uploader's files as it was before it was read.
type original struct {
	Name string `json:"name"`
	repo.Identity
}

// sameFile reports whether two looks saw one file with one content, as far as
// inode, size and modification time tell.
func sameFile(a, b vfs.Info) bool { return repo.IdentityOf(a).SameFile(repo.IdentityOf(b)) }

func (o original) is(info vfs.Info) bool {
	return info.IsRegular() && o.SameFile(repo.IdentityOf(info))
}

// originals are those of the files that are there, and the manifest.
func originals(a *arrival, seen listing, files []want) []original {
	var list []original
	taken := map[string]bool{a.name: true}
	for _, w := range files {
		if info, ok := seen[w.name]; ok && info.IsRegular() && !taken[w.name] {
			taken[w.name] = true
			list = append(list, original{w.name, repo.IdentityOf(info)})
		}
	}
	return append(list, original{a.name, repo.IdentityOf(seen[a.name])})
}

// depart lets an upload leave: its files, its verdict, and what we know of it.
func (s *Scanner) depart(a *arrival, d departure) {
	s.leaveShared(&d)
	if d.To == "" {
		d.leaveOthers(a, s.look(a))
	}
	journaled := true
	if err := s.writeJournal(d); err != nil {
		if d.To != "" {
			s.trouble(a, repo.DiskError("watch", path.Join(s.opt.Path, privateDir), err))
			return
		}
		// On a full disk only the deletion makes room.
		journaled = false
		s.opt.Log.Warn("the journal cannot be written", "upload", a.name, "id", a.id, "error", err)
	}
	delete(s.arrivals, a.name)
	s.count(d.Verdict.Result)
	stays, err := s.finish(d, journaled)
	if err != nil {
		s.opt.Log.Error("has not left yet", "upload", a.name, "id", a.id, "error", err)
		if journaled {
			s.leaving[a.name], s.resumes = true, s.opt.Now().Add(firstRetry)
			return
		}
	}
	if stays {
		a.done = true
		s.arrivals[a.name] = a
	}
}

// leaveOthers tells which files are left because they are for other repositories.
func (d *departure) leaveOthers(a *arrival, there listing) {
	for _, w := range a.others {
		ours := slices.ContainsFunc(a.wants, func(x want) bool { return x.name == w.name })
		if _, ok := there[w.name]; ok && !ours {
			d.Verdict.Left = append(d.Verdict.Left, Left{w.name, "it is for another architecture: " + w.arch})
		}
	}
}

func (s *Scanner) count(r report.Result) {
	switch r {
	case report.Rejected:
		s.totals.Rejected++
	case report.Unchanged:
		s.totals.Unchanged++
	default:
		s.totals.Published++
	}
}

func (d departure) journal() string { return path.Join(privateDir, d.Verdict.ID) }

func (s *Scanner) writeJournal(d departure) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return vfs.ReplaceFile(s.opt.Drop, d.journal(), d.journal()+newSuffix, 0o600, text)
}

// newSuffix ends the name of a file that is not written to its end, asideSuffix
// that of an original on its way out.
const (
	newSuffix   = ".new"
	asideSuffix = ".aside"
)

// finishAll finishes what a watcher that was killed, or met a full disk, has begun.
// It returns the manifests that are still on their way out.
func (s *Scanner) finishAll() (leaving map[string]bool) {
	if s.opt.Now().Before(s.resumes) {
		return s.leaving
	}
	leaving = map[string]bool{}
	defer func() {
		if s.leaving = leaving; len(leaving) > 0 {
			s.resumes = s.opt.Now().Add(firstRetry)
		}
	}()
	list, err := s.opt.Drop.ReadDir(privateDir)
	if err != nil {
		s.opt.Log.Error("the drop folder cannot be used", "folder", s.opt.Path, "error", err)
	}
	for _, i := range list {
		name := path.Join(privateDir, i.Name)
		switch {
		case i.Name == lockName || strings.HasSuffix(i.Name, intentSuffix) || isKept(i) || strings.HasSuffix(i.Name, asideSuffix) || !i.IsRegular():
		case strings.HasSuffix(i.Name, newSuffix):
			// The next of its name replaces it, if it cannot be deleted.
			_ = s.opt.Drop.Remove(name)
		default:
			s.resume(name, leaving)
		}
	}
	return leaving
}

// resume finishes one departure, if it can.
func (s *Scanner) resume(name string, leaving map[string]bool) {
	text, err := vfs.ReadFile(s.opt.Drop, name, journalLimit)
	if err != nil {
		s.opt.Log.Error("a journal of the drop folder cannot be read", "file", name, "error", err)
		return
	}
	d, err := parseJournal(name, text)
	if err != nil {
		s.opt.Log.Error("a journal of the drop folder is damaged and is dropped", "file", name, "error", err)
		if err := vfs.RemoveAll(s.opt.Drop, name); err != nil {
			s.opt.Log.Error("it cannot be dropped", "file", name, "error", err)
		}
		return
	}
	if fault := s.guard(d.Verdict.Manifest, func() { _, err = s.finish(d, true) }); fault != nil {
		err = fault
	}
	if err != nil {
		leaving[d.Verdict.Manifest] = true
		s.opt.Log.Error("has not left yet", "upload", d.Verdict.Manifest, "id", d.Verdict.ID, "error", err)
		return
	}
	s.opt.Log.Info("finished what was interrupted", "upload", d.Verdict.Manifest, "id", d.Verdict.ID)
}

// parseJournal reads a journal and believes no name in it: anybody who may write to
// the drop folder may have put it there.
func parseJournal(file string, text []byte) (d departure, err error) {
	if err := json.Unmarshal(text, &d); err != nil {
		return d, err
	}
	if d.journal() != file || !isBase(d.Verdict.Manifest) || d.To != "" && !isBase(d.To) || !isBase("x"+d.Verdict.ManifestSHA256) {
		return d, errors.New("it names what it may not")
	}
	for _, f := range d.Files {
		if !isBase(f.Name) {
			return d, fmt.Errorf("it names %q", f.Name)
		}
	}
	return d, nil
}

func isBase(name string) bool {
	return fs.ValidPath(name) && name != "." && !strings.Contains(name, "/")
}
