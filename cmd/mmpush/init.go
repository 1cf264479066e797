package main

import (
	"context"
	"time"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// initWait is how long init waits for a lock that only another init, or an older
// tool, can hold.
const initWait = time.Minute

type initCmd struct {
	Repo string `arg:"" help:"The folder; it is made if it is not there."`

	Arch string `required:"" placeholder:"ARCH" help:"The architecture that the repository serves, such as amd64-debian."`
	CI   bool   `name:"ci" help:"Allow rebuilds of a version without asking, for a build server's repository."`

	Group bool `help:"Let the folder's group publish: .mmpush is shared with it."`
}

// Help is shown by --help.
func (*initCmd) Help() string {
	return `A repository that is there already stays as it is; so it does no harm to run this again.`
}

func (c *initCmd) run(ctx context.Context, a *app) (doc any, code int) {
	switch {
	case c.Repo == "":
		return a.fail(wrongUsage("name a folder", "the name of the repository's folder is empty"))
	case manifest.ValidArch(c.Arch) != nil:
		return a.fail(wrongArch(c.Arch))
	}
	rep, err := c.make(ctx, a)
	if err != nil {
		return a.fail(err)
	}
	if rep.Result == report.Created {
		a.out.line("%s repository %s for %s", a.out.paint(good, "created"), visible(c.Repo), rep.Architecture)
		a.err.hint("publish with: mmpush push MANIFEST --to " + quote(c.Repo))
	} else {
		a.out.line("unchanged: %s is already a repository for %s", visible(c.Repo), rep.Architecture)
	}
	a.err.findings(rep.Findings)
	return answer{Report: rep}, exitDone
}

func (c *initCmd) make(ctx context.Context, a *app) (report.Report, error) {
	folder, err := dir.OpenFolder(c.Repo, true)
	if err != nil {
		return report.Report{}, err
	}
	defer folder.Close()
	r, created, err := repo.Init(ctx, a.folder(folder), c.Repo, pipeline.Mmpack{}, repo.InitOptions{
		Arch: c.Arch, CI: c.CI, Group: c.Group,
		Patience: repo.Patience{Wait: initWait, Program: program("init"), Waiting: a.waiting},
	})
	if err != nil {
		return report.Report{}, err
	}
	rep := report.Report{Schema: report.Schema, Result: report.Unchanged, Repository: c.Repo, Architecture: r.Arch}
	if created {
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
