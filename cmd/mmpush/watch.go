package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/watch"
)

type watchCmd struct {
	Dir string `arg:"" complete:"folder" help:"The drop folder."`

	repoFlag
	Settle         time.Duration `default:"10m" placeholder:"DURATION" help:"Refuse an upload that is not whole when nothing of it has changed for so long. Default: 10m."`
	Rebuild        bool          `help:"Allow uploads to replace a published version by other bytes."`
	AllowDowngrade bool          `help:"Allow uploads of a version that is less than the published one."`
	TakeOver       bool          `help:"Allow uploads to take a package over from another source."`

	verifierFlags
}

// Help is shown by --help.
func (*watchCmd) Help() string {
	return `Publishes what is copied into the folder: manifests with their files, in any order; for a pacman repository, the packages that push brings to sftp://. What is published is deleted there, ` +
		`what is refused moves to DIR/rejected, and DIR/verdicts has the answer for each manifest. Runs until it is told to stop: ` +
		`by SIGTERM, with the exit code 0, or by Ctrl-C, with 130. What happens is logged on standard error.`
}

func (c *watchCmd) run(ctx context.Context, a *app) (doc any, code int) {
	at, err := c.at(a, "which repository to publish in")
	switch {
	case err != nil:
		return a.fail(err)
	case c.Settle <= 0:
		return a.fail(wrongUsage("give a time such as 10m or 30s", "--settle=%s: a time is more than nothing", c.Settle))
	}
	if err := c.ask(a); err != nil {
		return a.fail(err)
	}
	requests := plan.Requests{Rebuild: c.Rebuild, Downgrade: c.AllowDowngrade, TakeOver: c.TakeOver}
	return a.watch(ctx, at, c.Dir, requests, c.Settle)
}

// watchLockWait is how long a publish waits for the lock before it is put off.
const watchLockWait = 10 * time.Second

// resultStopped is the result of a watcher that was told to stop.
const resultStopped report.Result = "stopped"

// watched is the document of watch: what it did until it was told to stop.
type watched struct {
	Schema     int           `json:"schema"`
	Result     report.Result `json:"result"`
	Repository string        `json:"repository"`
	Folder     string        `json:"folder"`
	watch.Totals
}

// watch publishes what comes into a drop folder until ctx ends. An upload that is
// not whole is refused when nothing of it has changed for the settle time.
func (a *app) watch(ctx context.Context, repository, drop string, requests plan.Requests, settle time.Duration) (doc any, code int) {
	r, done, err := a.openAny(repository)
	if err != nil {
		return a.fail(err)
	}
	_, pacman := r.Format.(syncdb.Format)
	if pacman {
		err = watchesPackages(a, requests)
		if err == nil {
			_, err = a.requiredOfPackages(r)
		}
	} else {
		_, err = a.required(r)
	}
	done()
	if err != nil {
		return a.fail(err)
	}
	folder, err := openDrop(drop)
	if err != nil {
		return a.fail(err)
	}
	defer folder.Close()
	if err := apart(drop, repository); err != nil {
		return a.fail(err)
	}
	log := slog.New(slog.NewTextHandler(a.Stderr, nil))
	o := watch.Options{
		Drop: a.folder(folder), Path: drop, Settle: settle, Log: log,
		Open: func() (*repo.Repo, func(), error) { return a.openAny(repository) },
		Request: pipeline.Request{Requests: requests, Options: pipeline.Options{
			Who: a.User, Transport: "watch", LockWait: watchLockWait, Program: program("watch"), Required: a.required,
		}},
	}
	if pacman {
		o.Packages = droppedPackages{a, o.Drop, requests}
	}
	s, err := watch.New(o)
	if err != nil {
		return a.fail(err)
	}
	defer s.Close()
	if err := ownFolders(drop, watch.Folders()...); err != nil {
		return a.fail(err)
	}
	log.Info("watching", "folder", drop, "repository", repository, "architecture", r.Arch, "settle", settle)
	if err := s.Run(ctx); err != nil {
		return a.fail(err)
	}
	return a.stoppedWatching(ctx, watched{report.Schema, resultStopped, repository, drop, s.Totals()})
}

// openDrop opens a drop folder, which has to be there: a watcher that makes one
// would hide a mistyped name.
func openDrop(drop string) (*vfs.Dir, error) {
	folder, err := vfs.OpenDir(drop)
	if err == nil {
		return folder, nil
	}
	e := &report.Error{Stage: "watch", Code: report.CodeUsage, Kind: report.KindUsage, File: drop, Err: err}
	switch {
	case drop == "":
		e.Err = errors.New("the name of the drop folder is empty")
	case errors.Is(err, fs.ErrNotExist):
		e.Err = errors.New("there is no such folder")
		e.Hint = "make it with mkdir, for the users that shall publish by it"
	}
	return nil, e
}

// stoppedWatching ends a watcher. A service that was told to stop by SIGTERM has
// done all that it should; who presses Ctrl-C has interrupted it.
func (a *app) stoppedWatching(ctx context.Context, w watched) (doc any, code int) {
	a.out.line("stopped: %d published, %d unchanged, %d rejected, %d waiting in %s",
		w.Published, w.Unchanged, w.Rejected, w.Waiting, visible(w.Folder))
	if cause := fmt.Sprint(context.Cause(ctx)); strings.HasPrefix(cause, syscall.SIGINT.String()) {
		return w, exitStopped
	}
	return w, exitDone
}
