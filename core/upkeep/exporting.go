package upkeep

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// attempt exports the generation that is there now.
func (e *exporter) attempt(opt commit.Options) error {
	e.done.Added, e.done.Kept, e.done.Removed, e.done.Bytes, e.done.Size = 0, 0, 0, 0, 0
	if err := e.begin(); err != nil {
		return e.problem(workDir, err)
	}
	if err := e.copyIndexes(opt); err != nil {
		return err
	}
	p, err := e.published()
	if err != nil {
		return err
	}
	if err := e.writeList(p.Files); err != nil {
		return e.problem(listFile, err)
	}
	late, err := e.place(p.Files)
	if err != nil {
		return err
	}
	if err := e.switchIndexes(late); err != nil {
		return e.problem(".", err)
	}
	if err := e.clear(p.Files); err != nil {
		return e.problem(".", err)
	}
	return nil
}

// published is what the copied indexes name. What a link leads to is not copied yet, and
// is read where it is; if the link says something else by now, the copy is out of date.
func (e *exporter) published() (Published, error) {
	staged := map[string]string{}
	for _, name := range e.format.Indexes() {
		staged[name] = path.Join(workDir, name)
	}
	if _, linked := e.format.(Linked); !linked {
		p, err := e.format.Published(vfs.Alias(e.to.FS, staged))
		return p, e.r.Tell("export", err)
	}
	p, err := e.format.Published(e.r.FS)
	for name, copied := range staged {
		now, nowErr := e.r.FS.Readlink(name)
		was, wasErr := e.to.FS.Readlink(copied)
		if err == nil && (nowErr != nil || wasErr != nil || now != was) {
			err = &report.Error{Stage: "export", Code: report.CodeLost, Kind: report.KindBusy, File: name,
				Err: fmt.Errorf("%w: another generation was published meanwhile", errGone), Hint: "run the same command again"}
		}
	}
	return p, e.r.Tell("export", err)
}

// moved reports whether the indexes are others than those that were copied.
func (e *exporter) moved() bool {
	for _, name := range e.format.Indexes() {
		now, err := e.r.FS.Lstat(name)
		copied, copiedErr := e.to.FS.Lstat(path.Join(workDir, name))
		if err != nil || copiedErr != nil || now.Size != copied.Size || !now.ModTime.Equal(copied.ModTime) {
			return true
		}
	}
	return false
}

// begin makes the work folder, empty but for the list.
func (e *exporter) begin() error {
	err := e.to.FS.Mkdir(workDir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	entries, err := e.to.FS.ReadDir(workDir)
	if err != nil {
		return err
	}
	for _, i := range entries {
		if name := path.Join(workDir, i.Name); name != listFile {
			if err := vfs.RemoveAll(e.to.FS, name); err != nil {
				return err
			}
		}
	}
	return e.to.FS.SyncDir(".")
}

// copyIndexes copies the pair of one generation, under the lock: it holds nobody up for
// long.
func (e *exporter) copyIndexes(opt commit.Options) error {
	tx, err := commit.Begin(e.ctx, e.r, opt)
	if err != nil {
		return err
	}
	defer tx.Close()
	e.done.Findings = tx.Notes
	last, _, err := e.r.LastGeneration()
	if err != nil {
		return err
	}
	e.done.Generation = last.Number
	for _, name := range e.format.Indexes() {
		if err := e.copyIndex(name); err != nil {
			return err
		}
	}
	return nil
}

func (e *exporter) copyIndex(name string) error {
	if _, linked := e.format.(Linked); linked {
		return e.copyLink(name)
	}
	src, err := e.r.FS.Open(name)
	if err != nil {
		return &report.Error{Stage: "export", Code: report.CodeIndex, Kind: report.KindInternal, File: path.Join(e.r.Path, name),
			Err: err, Hint: "mmpush fsck says more"}
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return repo.DiskError("export", path.Join(e.r.Path, name), err)
	}
	as := path.Join(workDir, name)
	dst, err := e.to.FS.Create(as, repo.FileMode)
	if err != nil {
		return e.problem(as, err)
	}
	err = copyWhole(dst, src)
	if err == nil {
		err = e.to.FS.Chtimes(as, info.ModTime)
	}
	if err == nil {
		err = dst.Sync()
	}
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return e.problem(as, err)
	}
	return nil
}

// copyLink makes the link that an index is.
func (e *exporter) copyLink(name string) error {
	says, err := e.r.FS.Readlink(name)
	if err != nil {
		return &report.Error{Stage: "export", Code: report.CodeIndex, Kind: report.KindInternal, File: path.Join(e.r.Path, name),
			Err: err, Hint: "mmpush fsck says more"}
	}
	as := path.Join(workDir, name)
	if err := e.to.FS.Symlink(says, as); err != nil {
		return e.problem(as, err)
	}
	return nil
}

// writeList makes durable, ahead of any change of the target, which files are the
// exports'.
func (e *exporter) writeList(files []File) error {
	for _, f := range files {
		e.ours[f.Path] = true
	}
	var text bytes.Buffer
	for _, name := range sorted(e.ours) {
		text.WriteString(name + "\n")
	}
	return vfs.ReplaceFile(e.to.FS, listFile, listFile+".new", 0o600, text.Bytes())
}

// lateFile is a file whose name the target's indexes give other bytes now: it takes its
// place together with the indexes.
type lateFile struct{ from, to string }

// place brings the files that are missing, durably.
func (e *exporter) place(files []File) (late []lateFile, err error) {
	var folders []string
	for i, f := range files {
		if err := e.ctx.Err(); err != nil {
			return nil, &report.Error{Stage: "export", Code: report.CodeStopped, Kind: report.KindBusy, File: e.to.Path, Err: err}
		}
		there, err := e.there(f)
		if err == nil && there {
			err = e.readable(f)
		}
		if err != nil {
			return nil, e.problem(f.Path, err)
		}
		e.count(f, there)
		if there {
			continue
		}
		temp := path.Join(workDir, "file-"+strconv.Itoa(i))
		if err := e.fetch(f, temp); err != nil {
			return nil, err
		}
		if err := e.makeFolders(f.Path); err != nil {
			return nil, e.problem(f.Path, err)
		}
		if _, served := e.old[f.Path]; served {
			late = append(late, lateFile{temp, f.Path})
			continue
		}
		if err := e.to.FS.Rename(temp, f.Path); err != nil {
			return nil, e.problem(f.Path, err)
		}
		if dir := path.Dir(f.Path); !slices.Contains(folders, dir) {
			folders = append(folders, dir)
		}
	}
	for _, dir := range folders {
		if err := e.to.FS.SyncDir(dir); err != nil {
			return nil, e.problem(dir, err)
		}
	}
	return late, nil
}

// readable gives a file that stays the mode of a published one.
func (e *exporter) readable(f File) error {
	info, err := e.to.FS.Lstat(f.Path)
	if err != nil || info.Mode.Perm() == repo.FileMode {
		return err
	}
	return e.to.FS.Chmod(f.Path, repo.FileMode)
}

// fetch copies one file from the repository.
func (e *exporter) fetch(f File, temp string) error {
	err := copyFile(e.r.FS, f.Path, e.to.FS, temp, f)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOther) {
		return &report.Error{
			Stage: "export", Code: report.CodeLost, Kind: report.KindInternal, File: path.Join(e.r.Path, f.Path),
			Err: fmt.Errorf("%w: %w", errGone, err), Hint: "see mmpush fsck --deep; the export is as it was before",
		}
	}
	if err != nil {
		return e.problem(f.Path, err)
	}
	return nil
}

func (e *exporter) makeFolders(name string) error {
	for _, dir := range parents(name) {
		err := e.to.FS.Mkdir(dir, repo.FolderMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			err = e.to.FS.SyncDir(path.Dir(dir))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// switchIndexes puts the indexes in their places, in the order of a commit.
func (e *exporter) switchIndexes(late []lateFile) error {
	for _, l := range late {
		if err := e.to.FS.Rename(l.from, l.to); err != nil {
			return err
		}
	}
	for _, l := range late {
		if err := e.to.FS.SyncDir(path.Dir(l.to)); err != nil {
			return err
		}
	}
	for _, name := range e.format.Indexes() {
		if err := e.to.FS.Rename(path.Join(workDir, name), name); err != nil {
			return err
		}
	}
	if err := e.to.FS.SyncDir("."); err != nil {
		return err
	}
	if l, ok := e.format.(Linked); ok {
		return l.MakeLinks(e.to.FS, workDir)
	}
	return nil
}

// clear takes away what has vanished, and the work folder. The list goes only when the
// rest is gone for good: a file that a power loss brings back has to be known.
func (e *exporter) clear(files []File) error {
	named := map[string]bool{}
	for _, f := range files {
		named[f.Path] = true
	}
	var folders []string
	for _, name := range sorted(e.ours) {
		if named[name] || e.stays(name) {
			continue
		}
		err := e.to.FS.Remove(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !vfs.CannotExist(err) {
			return err
		}
		if err == nil {
			e.done.Removed++
			if dir := path.Dir(name); !slices.Contains(folders, dir) {
				folders = append(folders, dir)
			}
		}
	}
	for _, dir := range folders {
		if err := e.to.FS.SyncDir(dir); err != nil {
			return err
		}
		if dir != "." {
			// Each stays if another file is in it.
			_ = e.to.FS.Remove(dir)
			_ = e.to.FS.Remove(path.Dir(dir))
		}
	}
	return vfs.RemoveAll(e.to.FS, workDir)
}
