package gitpush

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/vfs"
)

const (
	// folderOfOurs is in the bare repository.
	folderOfOurs = "mmpush"
	workFolder   = folderOfOurs + "/work"
	ledgerFile   = folderOfOurs + "/unpublished.json"
	ledgerLock   = folderOfOurs + "/lock"
	maxLedger    = 64 << 20
	maxStatus    = 16 << 20
	// keptWorks is how many pushes are remembered.
	keptWorks = 100
	// maxSweep is how many old ones one push looks at.
	maxSweep = 20
)

// prepare makes the folders of ours.
func (r *Repository) prepare() error {
	for _, dir := range []string{folderOfOurs, workFolder} {
		if err := r.FS.Mkdir(dir, r.folderMode()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// folderMode and fileMode share what is ours with whom the repository's objects are
// shared with, and with nobody else.
func (r *Repository) folderMode() fs.FileMode {
	if r.shared() {
		return 0o770 | fs.ModeSetgid
	}
	return 0o700
}

func (r *Repository) fileMode() fs.FileMode {
	if r.shared() {
		return 0o660
	}
	return 0o600
}

func (r *Repository) shared() bool {
	info, err := r.FS.Lstat("objects")
	return err == nil && info.Mode&0o020 != 0
}

// Work is one push under way, and what is kept of it: a log, a status, and while it
// lasts the checkouts of builds.
type Work struct {
	ID string
	r  *Repository
}

// Status is what `mmpush status ID` tells.
type Status struct {
	Schema int    `json:"schema"`
	ID     string `json:"id"`
	// Result is "running", or the worst of the refs' results.
	Result   string    `json:"result"`
	Who      string    `json:"who,omitempty"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished,omitzero"`
	// Reports are the verdicts so far.
	Reports []RefReport `json:"reports,omitempty"`
	// Log is what the pusher was, or would have been, told.
	Log string `json:"-"`
}

// RefReport is the verdict on one manifest of one ref.
type RefReport struct {
	Ref    string `json:"ref"`
	Target string `json:"target"`
	report.Report
	Error string `json:"error,omitempty"`
}

// NewWork makes the folder of one more push.
func (r *Repository) NewWork() (Work, error) {
	w := Work{strings.ToLower(rand.Text()[:10]), r}
	err := r.prepare()
	if err == nil {
		err = r.FS.Mkdir(w.path("."), r.folderMode())
	}
	if err != nil {
		return w, w.failed(err)
	}
	return w, nil
}

// Sweep deletes older pushes that nobody will ask for any more. It fails silently: the
// next push tries again.
func (w Work) Sweep() {
	r := w.r
	list, err := r.FS.ReadDir(workFolder)
	if err != nil || len(list) <= keptWorks {
		return
	}
	slices.SortFunc(list, func(a, b vfs.Info) int { return a.ModTime.Compare(b.ModTime) })
	for _, old := range list[:min(len(list)-keptWorks, maxSweep)] {
		if s, err := (Work{old.Name, r}).Status(); old.Name != w.ID && (err != nil || s.Result != "running" || time.Since(s.Started) > 48*time.Hour) {
			_ = vfs.RemoveAll(r.FS, path.Join(workFolder, old.Name))
		}
	}
}

// OpenWork finds a push by its id.
func (r *Repository) OpenWork(id string) (Work, error) {
	w := Work{id, r}
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return w, unknownWork(id)
	}
	if _, err := r.FS.Lstat(w.path(".")); err != nil {
		return w, unknownWork(id)
	}
	return w, nil
}

func unknownWork(id string) error {
	return &report.Error{
		Stage: "arguments", Code: report.CodeUsage, Kind: report.KindUsage, Err: fmt.Errorf("there is no push of the id %q here", id),
		Hint: "the hook printed the id; --git-dir names the bare repository",
	}
}

func (w Work) path(name string) string { return path.Join(workFolder, w.ID, name) }

// Log opens the log for more.
func (w Work) Log() (vfs.File, error) {
	f, err := w.r.FS.Append(w.path("log"), w.r.fileMode())
	return f, w.failed(err)
}

// Set writes the status.
func (w Work) Set(s Status) error {
	s.Schema, s.ID = report.Schema, w.ID
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = vfs.ReplaceFile(w.r.FS, w.path("status.json"), w.path("status.new"), w.r.fileMode(), text)
	}
	return w.failed(err)
}

// Status reads the status and the log.
func (w Work) Status() (Status, error) {
	var s Status
	text, err := vfs.ReadFile(w.r.FS, w.path("status.json"), maxStatus)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, w.failed(err)
	}
	f, err := w.r.FS.Open(w.path("log"))
	if err == nil {
		defer f.Close()
		text, err = io.ReadAll(io.LimitReader(f, maxStatus))
		s.Log = string(text)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s, w.failed(err)
}

func (w Work) failed(err error) error {
	if err == nil {
		return nil
	}
	return &report.Error{Stage: "push", Code: report.CodeDisk, File: filepath.Join(w.r.Path, w.path(".")), Err: err}
}
