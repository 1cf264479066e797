package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// initWait is how long init waits for a lock that only another init, or an older
// tool, can hold.
const initWait = time.Minute

type initCmd struct {
	Repo string `arg:"" complete:"folder" help:"The folder; it is made if it is not there."`

	Arch string `placeholder:"ARCH" help:"The architecture that the repository serves, such as amd64-debian. Needed for the kind mmpack; for pacman the default is any: packages of all architectures."`
	Kind string `enum:"mmpack,pacman" default:"mmpack" placeholder:"mmpack|pacman" help:"Whose packages the repository holds. Default: mmpack."`
	Name string `placeholder:"NAME" help:"The name of a pacman repository, as in NAME.db."`
	CI   bool   `name:"ci" help:"Allow rebuilds of a version without asking, for a build server's repository."`

	DryRun bool `short:"n" help:"Show what would be made, and make nothing."`
	Shared bool `help:"Let the folder's group publish: .mmpush is shared with it."`
}

// Help is shown by --help.
func (*initCmd) Help() string {
	return `A repository that is there already stays as it is; so it does no harm to run this again.`
}

func (c *initCmd) run(ctx context.Context, a *app) (doc any, code int) {
	switch {
	case c.Repo == "":
		return a.fail(wrongUsage("name a folder", "the name of the repository's folder is empty"))
	case c.Kind == syncdb.KindName:
		if err := c.checkPacman(); err != nil {
			return a.fail(err)
		}
	case c.Name != "":
		return a.fail(wrongUsage("add --kind pacman if that is meant", "--name is for repositories of the kind pacman"))
	case c.Arch == "":
		return a.fail(wrongUsage("usage: mmpush init <repo> --arch=ARCH [flags]; see mmpush init --help", "missing flags: --arch=ARCH"))
	case manifest.ValidArch(c.Arch) != nil:
		return a.fail(wrongArch(c.Arch))
	}
	rep, err := c.make(ctx, a)
	if err != nil {
		return a.fail(err)
	}
	switch rep.Result {
	case report.Created:
		a.out.outcome(good, "created", fmt.Sprintf(" repository %s for %s", visible(c.Repo), rep.Architecture))
		a.err.hint("publish with: " + c.next())
	case report.Planned:
		a.out.outcome(caution, "would create", fmt.Sprintf(" repository %s for %s; dry run, nothing was written", visible(c.Repo), rep.Architecture))
	default:
		a.out.line("unchanged: %s is already a repository for %s", visible(c.Repo), rep.Architecture)
	}
	a.err.findings(rep.Findings)
	return answer{Report: rep}, exitDone
}

// checkPacman checks what a pacman repository is to be.
func (c *initCmd) checkPacman() error {
	if c.Arch == "" {
		c.Arch = syncdb.AnyArch
	}
	switch {
	case c.Name == "":
		return wrongUsage("add --name NAME: pacman will fetch NAME.db", "missing flags: --name=NAME")
	case !syncdb.ValidName(c.Name):
		return wrongName(c.Name)
	case !alpm.ValidArch(c.Arch):
		return wrongUsage("give an architecture such as x86_64, or none", "%q is not an architecture of pacman's", visible(c.Arch))
	case c.CI:
		return wrongUsage("raise pkgrel for a rebuild", "--ci: what a pacman repository has published never changes")
	}
	return nil
}

// next is what to do with a new repository.
func (c *initCmd) next() string {
	if c.Kind == syncdb.KindName {
		return "mmpush gensync " + quote(c.Repo) + " --name " + quote(c.Name) + " --add FILE"
	}
	return "mmpush push MANIFEST --to " + quote(c.Repo)
}

// format is that of the kind.
func (c *initCmd) format() repo.Format {
	if c.Kind == syncdb.KindName {
		return syncdb.Format{Name: c.Name}
	}
	return pipeline.Mmpack{}
}

// open opens the folder; a dry run imagines one that is not there.
func (c *initCmd) open(a *app) (fsys vfs.FS, done func(), err error) {
	folder, err := dir.OpenFolder(c.Repo, !c.DryRun)
	if c.DryRun && report.CodeOf(err) == report.CodeNoRepo {
		return vfs.NewMem(time.Now), func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return a.folder(folder), func() { _ = folder.Close() }, nil
}

func (c *initCmd) make(ctx context.Context, a *app) (report.Report, error) {
	fsys, done, err := c.open(a)
	if err != nil {
		return report.Report{}, err
	}
	defer done()
	r, created, err := repo.Init(ctx, fsys, c.Repo, c.format(), repo.InitOptions{
		Arch: c.Arch, CI: c.CI, Shared: c.Shared, DryRun: c.DryRun,
		Patience: repo.Patience{Wait: initWait, Program: program("init"), Waiting: a.waiting},
	})
	if err != nil {
		return report.Report{}, err
	}
	rep := report.Report{Schema: report.Schema, Result: report.Unchanged, Repository: c.Repo, Architecture: r.Arch}
	if created && c.DryRun {
		rep.Result = report.Planned
	} else if created {
		rep.Result = report.Created
	} else if c.CI && r.Settings.Rebuild.For("any") != repo.Allow {
		rep.Findings = append(rep.Findings, report.Finding{
			Code: report.CodeSettings, Severity: report.SeverityWarning, File: repo.SettingsFile,
			Message: "--ci changes nothing in a repository that is there already",
			Hint:    "write `rebuild: allow` in its " + repo.SettingsFile + " if that is meant",
		})
	}
	return rep, nil
}
