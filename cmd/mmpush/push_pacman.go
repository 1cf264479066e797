package main

import (
	"context"
	"slices"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/syncdb"
)

// isPackage reports whether a file to push is one of pacman's packages.
func isPackage(file string) bool {
	_, ok := alpm.IsFileName(file)
	return ok
}

// pushPacman publishes pacman packages in a repository in a folder: all at once, since no
// manifest divides them.
func (c *pushCmd) pushPacman(ctx context.Context, a *app) (doc any, code int) {
	at, err := c.pacmanTarget(a)
	if err != nil {
		return a.fail(err)
	}
	r, done, err := a.openAny(at)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	f, ok := r.Format.(syncdb.Format)
	if !ok {
		return a.fail(wrongUsage("make one with: mmpush init DIR --kind pacman --name NAME", "%s is no pacman repository", visible(at)))
	}
	g := gensyncCmd{
		Dir: at, Name: f.Name, Add: c.Manifests, PreventDowngrade: !c.AllowDowngrade,
		TakeOver: c.TakeOver, DryRun: c.DryRun, LockWait: c.LockWait,
	}
	return g.run(ctx, a)
}

// pacmanTarget is the folder to push to, if the arguments make sense for pacman packages.
func (c *pushCmd) pacmanTarget(a *app) (string, error) {
	d, err := c.target(a)
	switch {
	case err != nil:
		return "", err
	case !slices.ContainsFunc(c.Manifests, func(m string) bool { return !isPackage(m) }):
	default:
		return "", wrongUsage("push them one after the other", "manifests and pacman packages cannot be pushed at once")
	}
	switch {
	case d.target.Scheme != "dir":
		return "", wrongUsage("push to a folder on this machine", "pacman packages cannot be pushed to %s:// yet", d.target.Scheme)
	case c.Init || c.Arch != "":
		return "", wrongUsage("make the repository with: mmpush init DIR --kind pacman --name NAME", "--init makes repositories of manifests")
	case c.Rebuild:
		return "", wrongUsage("raise pkgrel and build again", "--rebuild: what a pacman repository has published never changes")
	case len(c.Verifier) > 0:
		return "", wrongUsage("leave --verifier out", "verifiers do not know pacman packages yet")
	}
	return d.target.Path, nil
}
