package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// finish carries a departure out, from wherever it was interrupted, and tells the
// verdict. stays is true if the manifest is still there as it was. After an error
// nothing is lost, and the next scan goes on.
func (s *Scanner) finish(d departure, journaled bool) (stays bool, err error) {
	folder := privateDir
	if d.To != "" {
		folder = path.Join(RejectedDir, d.To)
		if err := s.openRejected(folder, d.Verdict); err != nil {
			return false, err
		}
	}
	reported := len(d.Verdict.Left)
	for i, f := range d.Files {
		var why string
		var err error
		switch {
		case d.To != "":
			why = s.moveAway(f, folder)
		case journaled:
			why, err = s.discard(f, fmt.Sprintf("%s.%d%s", d.journal(), i, asideSuffix))
		default:
			why = s.remove(f)
		}
		if err != nil {
			return false, err
		}
		if why != "" {
			d.Verdict.Left = append(d.Verdict.Left, Left{f.Name, why})
			stays = stays || f.Name == d.Verdict.Manifest
		}
	}
	if d.To != "" && len(d.Verdict.Left) > reported {
		// What the report says of the files was written before they were moved.
		if err := s.openRejected(folder, d.Verdict); err != nil {
			return stays, err
		}
	}
	err = s.settle(folder)
	if err == nil {
		err = s.writeFinal(d.Verdict)
	}
	if err == nil && d.Verdict.ManifestSHA256 != "" {
		err = s.forget(d.Verdict.ManifestSHA256)
	}
	if err == nil && journaled {
		err = s.opt.Drop.Remove(d.journal())
	}
	if err == nil || !journaled {
		s.conclude(d.Verdict)
	}
	return stays, err
}

// settle makes durable that the files have left; folder is where they went or, on
// their way out, were moved to.
func (s *Scanner) settle(folder string) error {
	if err := s.opt.Drop.SyncDir(folder); err != nil {
		return err
	}
	return s.opt.Drop.SyncDir(".")
}

// conclude logs what became of an upload.
func (s *Scanner) conclude(v Verdict) {
	log := s.opt.Log.With("upload", v.Manifest, "id", v.ID)
	for _, l := range v.Left {
		log.Warn("left in the drop folder", "file", l.File, "reason", l.Why)
	}
	if v.Result == report.Rejected {
		log.Warn("rejected", "codes", codes(v.Findings), "folder", v.Rejected)
	} else {
		log.Info(string(v.Result), "generation", v.Generation, "packages", len(v.Packages), "bytes", v.BytesAdded)
	}
}

// codes are those of the findings that refuse, each once.
func codes(findings []report.Finding) string {
	var list []string
	seen := map[report.Code]bool{}
	for _, f := range findings {
		if f.Refuses() && !seen[f.Code] {
			seen[f.Code] = true
			list = append(list, string(f.Code))
		}
	}
	return strings.Join(list, " ")
}

// changed is why a file stays that is not the one that was read.
const changed = "it was changed or replaced after it was read"

// remove deletes a file if it is still what was read.
func (s *Scanner) remove(f original) (why string) {
	info, err := s.opt.Drop.Lstat(f.Name)
	if err == nil && f.is(info) {
		err = s.opt.Drop.Remove(f.Name)
	} else if err == nil {
		return changed
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "it could not be deleted: " + err.Error()
	}
	return ""
}

// discard deletes a file if it is still what was read. It is moved out of
// everybody's way before the last look, so that nobody can put another file under
// its name between that look and the deletion. After an error it may be there
// still, and has to be done again.
func (s *Scanner) discard(f original, aside string) (why string, err error) {
	if why, err := s.emptyAside(f, aside); why != "" || err != nil {
		return why, err
	}
	info, err := s.opt.Drop.Lstat(f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !f.is(info):
		return changed, nil
	}
	err = s.opt.Drop.Rename(f.Name, aside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, fs.ErrPermission):
		return "it could not be deleted: " + err.Error(), nil
	case err != nil:
		return "", err
	}
	return s.emptyAside(f, aside)
}

// emptyAside deletes what was moved aside, or puts it back if it is something else.
func (s *Scanner) emptyAside(f original, aside string) (why string, err error) {
	info, err := s.opt.Drop.Lstat(aside)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case f.is(info):
		return "", s.opt.Drop.Remove(aside)
	}
	return changed, s.putBack(f, aside)
}

// putBack gives a file its name again or, if that is taken once more, a name among
// the refused.
func (s *Scanner) putBack(f original, aside string) error {
	_, err := s.opt.Drop.Lstat(f.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return s.opt.Drop.Rename(aside, f.Name)
	}
	to, err := s.freeName(RejectedDir, fit(f.Name, nameLimit-asideRoom)+".replaced")
	if err != nil {
		return err
	}
	return s.opt.Drop.Rename(aside, to)
}

// openRejected makes the folder of a refused upload, with the report in it, before
// anything is moved there.
func (s *Scanner) openRejected(folder string, v Verdict) error {
	if err := s.opt.Drop.Mkdir(folder, openMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	text, err := v.document()
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{"report.json", text}, {"report.txt", v.readable(s.opt.Now())}} {
		name := path.Join(folder, f.name)
		if err := vfs.ReplaceFile(s.opt.Drop, name, path.Join(folder, newSuffix), 0o644, f.text); err != nil {
			return err
		}
	}
	return s.opt.Drop.SyncDir(RejectedDir)
}

// moveAway moves a file to the refused ones if it is still what was looked at.
func (s *Scanner) moveAway(f original, folder string) (why string) {
	info, err := s.opt.Drop.Lstat(f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case err == nil && !f.is(info):
		return changed
	}
	var to string
	if err == nil {
		to, err = s.freeName(folder, f.Name)
	}
	if err == nil {
		err = s.opt.Drop.Rename(f.Name, to)
	}
	if err != nil {
		return "it could not be moved: " + err.Error()
	}
	return ""
}

// freeName is the name in a folder, with a number if it is taken.
func (s *Scanner) freeName(folder, name string) (string, error) {
	free := path.Join(folder, name)
	for n := 2; ; n++ {
		if _, err := s.opt.Drop.Lstat(free); errors.Is(err, fs.ErrNotExist) {
			return free, nil
		} else if err != nil {
			return "", err
		}
		free = path.Join(folder, fmt.Sprintf("%s.%d", fit(name, nameLimit-asideRoom), n))
	}
}
