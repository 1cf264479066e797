package dir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
)

// Transport pushes to one repository in a folder of this machine.
type Transport struct {
	// FS is the repository's folder, Path its name for messages.
	FS   vfs.FS
	Path string
	// Init, if not nil, makes the repository where there is none.
	Init *repo.InitOptions
	// Who is the operator's name, for the history.
	Who       string
	Verifiers []verify.Named
	// Required makes the verifiers that the repository's settings ask for (see
	// pipeline.Options).
	Required func(*repo.Repo) ([]verify.Named, error)
	Options  transport.Options
}

var _ transport.Transport = (*Transport)(nil)

// Push implements [transport.Transport].
func (t *Transport) Push(ctx context.Context, u upload.Upload) (report.Report, error) {
	r, err := t.open(ctx)
	if err != nil {
		return report.Report{}, err
	}
	o := t.Options
	return pipeline.Publish(ctx, r, pipeline.Request{
		Upload:    u,
		Requests:  plan.Requests{Rebuild: o.Rebuild, Downgrade: o.Downgrade, TakeOver: o.TakeOver},
		Verifiers: t.Verifiers,
		Options: pipeline.Options{
			Who: t.Who, Transport: "dir", DryRun: o.DryRun, LockWait: o.LockWait, Program: o.Program, Waiting: o.Waiting, Progress: o.Progress,
			Required: t.Required,
		},
	})
}

func (t *Transport) open(ctx context.Context) (*repo.Repo, error) {
	if t.Init == nil || t.Options.DryRun {
		return pipeline.Open(t.FS, t.Path)
	}
	opt := *t.Init
	opt.Patience = repo.Patience{Wait: t.Options.LockWait, Program: t.Options.Program, Waiting: t.Options.Waiting}
	r, _, err := repo.Init(ctx, t.FS, t.Path, pipeline.Mmpack{}, opt)
	return r, err
}

// OpenFolder opens a repository's folder; with create it makes the folder, but not
// its parents, where it is missing. The caller closes it.
func OpenFolder(path string, create bool) (*vfs.Dir, error) {
	if create {
		err := os.Mkdir(path, repo.FolderMode)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, parentError(path)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, folderError(path, err)
		}
	}
	d, err := vfs.OpenDir(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	return d, nil
}

func parentError(path string) error {
	parent := filepath.Dir(path)
	return &report.Error{
		Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: parent,
		Err:  errors.New("there is no such folder"),
		Hint: "make it first: only the repository's own folder is made",
	}
}

func folderError(path string, err error) error {
	e := &report.Error{Stage: "open", Code: report.CodeNoRepo, Kind: report.KindUsage, File: path, Err: err}
	if errors.Is(err, fs.ErrNotExist) {
		e.Err = errors.New("there is no such folder")
		e.Hint = "mmpush init " + path + " --arch ARCH makes a repository (ARCH is such as amd64-debian)"
	}
	return e
}
