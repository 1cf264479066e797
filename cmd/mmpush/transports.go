package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/dir"
	"github.com/mmpush/mmpush/plugins/transports/web"
)

// opened makes the transport to a target that is open, with the options of one
// push.
type opened func(transport.Options) transport.Transport

// destination is what a command says about where to publish.
type destination struct {
	target transport.Target
	// named is the target of the configuration, if it has a name there; origin is where
	// the path or the URL stands.
	named  config.Target
	origin config.Origin
	// init is not nil if a missing repository is to be made.
	init   *repo.InitOptions
	dryRun bool
	remote remoteFlags
	ssh    sshFlags
}

// setting is what a flag says or, without it, the configuration for this target.
func (d destination) setting(a *app, flag *string, key string) string {
	if flag != nil {
		return *flag
	}
	return a.config.ValueFor(d.named, key).Text
}

// opener opens a target; done closes it.
type opener func(ctx context.Context, a *app, d destination) (o opened, done func(), err error)

// transports are the ways to a repository that this program has, by scheme.
func transports() map[string]opener {
	return map[string]opener{"dir": openDir, "tupkg": openTupkg, "tupkgs": openTupkg, "ssh": openSSH, "sftp": openSFTP, "http": openWeb, "https": openWeb}
}

// openTarget opens a target; carriers are further transports.
func (a *app) openTarget(ctx context.Context, carriers map[string]opener, d destination) (opened, func(), error) {
	all := transports()
	maps.Copy(all, carriers)
	open, ok := all[d.target.Scheme]
	switch {
	case !ok:
		return nil, nil, wrongUsage("give the folder of a repository, such as --to /srv/repo, or a server, such as --to tupkgs://me@host",
			"there is no transport for %s:// in this version; it has: %s", visible(d.target.Scheme),
			strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	case d.init != nil && d.target.Scheme != "dir":
		return nil, nil, wrongUsage("run mmpush init on the repository's own machine", "--init makes a repository in a folder of this machine only")
	}
	return open(ctx, a, d)
}

// openDir opens a repository in a folder of this machine.
func openDir(_ context.Context, a *app, d destination) (opened, func(), error) {
	t, init, dryRun := d.target, d.init, d.dryRun
	if flag := cmp.Or(d.remote.given(), d.ssh.given()); flag != "" {
		return nil, nil, wrongUsage("leave it out, or give a server as the target", "%s goes with a server; the target is a folder of this machine", flag)
	}
	folder, err := dir.OpenFolder(t.Path, init != nil && !dryRun)
	if err != nil && init != nil && dryRun && report.CodeOf(err) == report.CodeNoRepo {
		return openImagined(a, t, *init)
	}
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = folder.Close() }
	fsys := a.folder(folder)
	if init != nil && dryRun {
		if _, err := pipeline.Open(fsys, t.Path); report.CodeOf(err) == report.CodeNoRepo {
			done()
			return openImagined(a, t, *init)
		}
	}
	return a.dirAt(fsys, t.Path, init), done, nil
}

// openWeb reads a repository that a web server shows, for a dry run.
func openWeb(ctx context.Context, a *app, d destination) (opened, func(), error) {
	name := d.target.URL.Redacted()
	if !d.dryRun {
		return nil, nil, web.ReadOnly(name)
	}
	if flag := cmp.Or(d.remote.given(), d.ssh.given()); flag != "" {
		return nil, nil, wrongUsage("leave it out", "%s does not go with a repository that is only read", flag)
	}
	public, err := web.Server{Base: d.target.URL, Agent: agent()}.Read(ctx)
	if err != nil {
		return nil, nil, err
	}
	return func(o transport.Options) transport.Transport {
		return &web.Transport{Public: public, Name: name, Options: o}
	}, func() {}, nil
}

// openImagined stands in, in a dry run, for the repository that would be made.
func openImagined(a *app, t transport.Target, init repo.InitOptions) (opened, func(), error) {
	fsys := vfs.NewMem(time.Now)
	if _, _, err := repo.Init(context.Background(), fsys, t.Path, pipeline.Mmpack{}, init); err != nil {
		return nil, nil, fmt.Errorf("a repository that is only imagined: %w", err)
	}
	return a.dirAt(fsys, t.Path, &init), func() {}, nil
}

func (a *app) dirAt(fsys vfs.FS, path string, init *repo.InitOptions) opened {
	return func(o transport.Options) transport.Transport {
		return &dir.Transport{FS: fsys, Path: path, Init: init, Who: a.User, Options: o, Required: a.required}
	}
}
