package main

import (
	"context"
	"slices"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

type checkCmd struct {
	Manifests []string `arg:"" name:"manifest" complete:"manifest" help:"The .mmpack-manifest files, with their packages beside them; or pacman packages."`

	Arch string `placeholder:"ARCH" help:"Check only the packages of this architecture; default: all that the manifest has."`

	findFlags
	verifierFlags
}

// Help is shown by --help.
func (*checkCmd) Help() string {
	return `These are the checks of push that need no repository. A manifest of several architectures needs the packages of ` +
		`all of them beside it, unless --arch picks one.`
}

func (c *checkCmd) run(ctx context.Context, a *app) (doc any, code int) {
	if c.Arch != "" && manifest.ValidArch(c.Arch) != nil {
		return a.fail(wrongArch(c.Arch))
	}
	if err := c.ask(a); err != nil {
		return a.fail(err)
	}
	found, err := c.expand(ctx, c.Manifests)
	if err != nil {
		return a.fail(err)
	}
	if len(found) == 0 {
		return a.nothingToDo()
	}
	if slices.ContainsFunc(found, isPackage) {
		return c.packages(ctx, a, found)
	}
	return a.each(ctx, found, func(ctx context.Context, u upload.Upload, shown *progress) (report.Report, error) {
		return pipeline.Check(ctx, u, c.Arch, pipeline.Options{Progress: shown.tell}, a.askedVerifiers())
	})
}

// packages checks pacman packages.
func (c *checkCmd) packages(ctx context.Context, a *app, files []string) (doc any, code int) {
	switch {
	case slices.ContainsFunc(files, func(name string) bool { return !isPackage(name) }):
		return a.fail(wrongUsage("check them one after the other", "manifests and pacman packages cannot be checked at once"))
	case c.Arch != "" || len(c.Verifier) > 0:
		return a.fail(wrongUsage("leave them out", "--arch and --verifier go with manifests"))
	}
	return a.checkPackages(ctx, files)
}
