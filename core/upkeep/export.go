package upkeep

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

// Exported is what one export has done, or would do.
type Exported struct {
	Schema     int    `json:"schema"`
	Repository string `json:"repository"`
	Folder     string `json:"folder"`
	DryRun     bool   `json:"dry_run,omitempty"`
	// Generation is the one that was exported; 0 if the repository has no history.
	Generation uint64 `json:"generation,omitempty"`
	// Added, Kept and Removed count files, the index files not among them.
	Added   int `json:"added"`
	Kept    int `json:"kept"`
	Removed int `json:"removed"`
	// Bytes is the size of what was added, Size that of all published files.
	Bytes    int64            `json:"bytes"`
	Size     int64            `json:"size"`
	Findings []report.Finding `json:"findings,omitempty"`
}

// Target is where an export goes.
type Target struct {
	FS vfs.FS
	// Path is the folder as the user named it.
	Path string
	// Ignore are patterns ([path.Match]) of names at its top that belong there though
	// no export has made them.
	Ignore []string
	// DryRun tells what would happen; it takes no lock and changes nothing.
	DryRun bool
}

// workDir is in the target while an export is at work. Its list names every file that
// is, or may become, the export's.
const (
	workDir  = ".mmpush-export"
	listFile = workDir + "/files"
)

// exportTries is how often an export begins anew when files went away under it.
const exportTries = 5

// errGone is about a file that its index names and that is not there, or is another.
var errGone = errors.New("is published, but it is not there as the index says")

// Export makes the target hold exactly what one generation of the indexes names: new
// files first, each whole, then the indexes, then what has vanished goes. Files that
// are there stay. At each moment, also if it is killed, the indexes in the target name
// only files that are there, unless a name has got other bytes since the last export;
// such files are replaced at the same moment as the indexes. The lock is held only
// while the indexes are copied.
func Export(ctx context.Context, r *repo.Repo, f Format, to Target, opt commit.Options) (Exported, error) {
	e := &exporter{ctx: ctx, r: r, format: f, to: to, done: Exported{
		Schema: report.Schema, Repository: r.Path, Folder: to.Path, DryRun: to.DryRun,
	}}
	err := e.run(opt)
	return e.done, err
}

type exporter struct {
	ctx    context.Context
	r      *repo.Repo
	format Format
	to     Target
	// old is what the target's indexes name, ours every file that an export has put
	// there.
	old  map[string]File
	ours map[string]bool
	// interrupted: an earlier export has not come to its end, so that a file may have
	// other bytes than the target's index says.
	interrupted bool
	done        Exported
}

func (e *exporter) run(opt commit.Options) error {
	lock, err := e.lock()
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := e.look(); err != nil {
		return err
	}
	if e.to.DryRun {
		p, err := e.format.Published(e.r.FS)
		if err != nil {
			return e.r.Tell("export", err)
		}
		return e.compare(p.Files)
	}
	for try := 1; ; try++ {
		err := e.attempt(opt)
		if !errors.Is(err, errGone) || try == exportTries || !e.moved() {
			return err
		}
	}
}

// lock keeps two exports from working on one folder.
func (e *exporter) lock() (vfs.File, error) {
	f, err := e.to.FS.Open(".")
	if err != nil {
		return nil, e.problem(".", err)
	}
	if err := f.TryLock(); err != nil {
		// The error of TryLock is the one that tells.
		_ = f.Close()
		if !errors.Is(err, vfs.ErrLocked) {
			return nil, e.problem(".", err)
		}
		return nil, &report.Error{
			Stage: "export", Code: report.CodeLocked, Kind: report.KindBusy, File: e.to.Path,
			Err: errors.New("another export is at work on it"), Hint: "try again when it is done",
		}
	}
	return f, nil
}

// problem is about the target.
func (e *exporter) problem(name string, err error) error {
	return &report.Error{
		Stage: "export", Code: report.CodeDisk, Kind: report.KindInternal, File: path.Join(e.to.Path, name), Err: err,
		Hint: "the repository was not touched; run the same command again when the cause is gone: it goes on where it ended",
	}
}

// look reads what the target holds, and refuses a folder that has anything else.
func (e *exporter) look() error {
	e.old, e.ours = map[string]File{}, map[string]bool{}
	for _, name := range e.format.Indexes() {
		e.ours[name] = true
	}
	for _, link := range e.links() {
		e.ours[link[0]] = true
	}
	p, err := e.format.Published(e.to.FS)
	if err != nil {
		return e.refuse([]string{fileOf(err)})
	}
	for _, f := range p.Files {
		e.old[f.Path], e.ours[f.Path] = f, true
	}
	text, err := vfs.ReadFile(e.to.FS, listFile, 1<<28)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e.problem(listFile, err)
	}
	e.interrupted = err == nil
	for name := range strings.Lines(string(text)) {
		e.ours[strings.TrimSuffix(name, "\n")] = true
	}
	strangers, err := e.strangers(".")
	if err != nil {
		return e.problem(".", err)
	}
	if len(strangers) > 0 {
		return e.refuse(strangers)
	}
	return nil
}

// strangers are the files of the target that no export has put there.
func (e *exporter) strangers(dir string) ([]string, error) {
	entries, err := list(e.to.FS, dir)
	var found []string
	for _, i := range entries {
		name := path.Join(dir, i.Name)
		switch {
		case name == workDir || e.ours[name] && i.IsRegular() || dir == "." && (e.ignored(name) || e.isLink(name, i)):
		case i.Mode.IsDir() && (name == repo.PoolDir || strings.HasPrefix(name, repo.PoolDir+"/") || e.holdsOurs(name)):
			below, belowErr := e.strangers(name)
			found, err = append(found, below...), errors.Join(err, belowErr)
		default:
			found = append(found, name)
		}
	}
	return found, err
}

// holdsOurs reports whether an export has put files below a folder.
func (e *exporter) holdsOurs(dir string) bool {
	for name := range e.ours {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

// links are those by which clients come, for a format that has any.
func (e *exporter) links() [][2]string {
	if l, ok := e.format.(Linked); ok {
		return slices.Concat(l.Links(e.to.FS), l.Links(e.r.FS))
	}
	return nil
}

// isLink reports whether it is a link that an export of a linked format makes.
func (e *exporter) isLink(name string, i vfs.Info) bool {
	if _, linked := e.format.(Linked); !linked || i.Mode&fs.ModeSymlink == 0 {
		return false
	}
	says, err := e.to.FS.Readlink(name)
	return err == nil && (e.isIndex(name) || slices.Contains(e.links(), [2]string{name, says}))
}

func (e *exporter) ignored(name string) bool {
	for _, p := range e.to.Ignore {
		if ok, err := path.Match(p, name); ok && err == nil {
			return true
		}
	}
	return false
}

func (e *exporter) refuse(names []string) error {
	text := strings.Join(names[:min(len(names), 3)], ", ")
	if len(names) > 3 {
		text += fmt.Sprintf(" and %d more", len(names)-3)
	}
	return &report.Error{
		Stage: "export", Code: report.CodeForeign, Kind: report.KindUsage, File: e.to.Path,
		Err:  fmt.Errorf("has files that no export has put there: %s", text),
		Hint: "export into an empty folder, or that of an earlier export; --ignore PATTERN for what belongs there, such as CNAME",
	}
}

// compare tells what an export would do.
func (e *exporter) compare(files []File) error {
	now := map[string]bool{}
	for _, f := range files {
		now[f.Path] = true
		there, err := e.there(f)
		if err != nil {
			return e.problem(f.Path, err)
		}
		e.count(f, there)
	}
	for name := range e.ours {
		if !now[name] && !e.stays(name) {
			if _, err := e.to.FS.Lstat(name); err == nil {
				e.done.Removed++
			}
		}
	}
	return nil
}

func (e *exporter) count(f File, kept bool) {
	e.done.Size += f.Size
	if kept {
		e.done.Kept++
		return
	}
	e.done.Added++
	e.done.Bytes += f.Size
}

func (e *exporter) isIndex(name string) bool {
	for _, i := range e.format.Indexes() {
		if i == name {
			return true
		}
	}
	return false
}

// stays reports whether a name is an index, or a link to one.
func (e *exporter) stays(name string) bool {
	return e.isIndex(name) || slices.ContainsFunc(e.links(), func(l [2]string) bool { return l[0] == name })
}

// there reports whether the target has a file already: its own index says with which
// bytes; else they are read.
func (e *exporter) there(f File) (bool, error) {
	info, err := e.to.FS.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) || vfs.CannotExist(err) {
		return false, nil
	}
	if err != nil || !info.IsRegular() || info.Size != f.Size {
		return false, err
	}
	if old, ok := e.old[f.Path]; ok && !e.interrupted {
		return old.SHA256 == f.SHA256, nil
	}
	c := checker{ctx: e.ctx, r: &repo.Repo{FS: e.to.FS}, sums: map[string]summed{}}
	sum, err := c.sum(f.Path, info)
	return sum == f.SHA256, err
}
