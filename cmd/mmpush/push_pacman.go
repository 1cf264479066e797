package main

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
)

// isPackage reports whether a file to push is one of pacman's packages.
func isPackage(file string) bool {
	_, ok := alpm.IsFileName(file)
	return ok
}

// pushPacman publishes pacman packages: all at once, since no manifest divides them.
func (c *pushCmd) pushPacman(ctx context.Context, a *app) (doc any, code int) {
	target, err := c.pacmanTarget(a)
	if err != nil {
		return a.fail(err)
	}
	if target.Scheme != "dir" {
		return c.sendPacman(ctx, a)
	}
	r, done, err := a.openAny(target.Path)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	f, ok := r.Format.(syncdb.Format)
	if !ok {
		return a.fail(wrongUsage("make one with: mmpush init DIR --kind pacman --name NAME", "%s is no pacman repository", visible(target.Path)))
	}
	g := gensyncCmd{
		Dir: target.Path, Name: f.Name, Add: c.Manifests, PreventDowngrade: !c.AllowDowngrade,
		TakeOver: c.TakeOver, DryRun: c.DryRun, LockWait: c.LockWait,
	}
	return g.run(ctx, a)
}

// pacmanTarget is where to push to, if the arguments make sense for pacman packages.
func (c *pushCmd) pacmanTarget(a *app) (transport.Target, error) {
	d, err := c.target(a)
	if err != nil {
		return d.target, err
	}
	switch {
	case slices.ContainsFunc(c.Manifests, func(m string) bool { return !isPackage(m) }):
		err = wrongUsage("push them one after the other", "manifests and pacman packages cannot be pushed at once")
	case !slices.Contains([]string{"dir", "tupkg", "tupkgs", "ssh"}, d.target.Scheme):
		err = wrongUsage("push to a folder, or to tupkgs:// or ssh://", "pacman packages cannot be pushed to %s://, which takes manifests", d.target.Scheme)
	case c.Init || c.Arch != "":
		err = wrongUsage("make the repository with: mmpush init DIR --kind pacman --name NAME", "--init makes repositories of manifests")
	case c.Rebuild:
		err = wrongUsage("raise pkgrel and build again", "--rebuild: what a pacman repository has published never changes")
	case len(c.Verifier) > 0:
		err = wrongUsage("write them into the repository's settings", "--verifier: verifiers on the command line judge manifests")
	}
	return d.target, err
}

// sendPacman sends packages to a server. They are read here first, as the server will.
func (c *pushCmd) sendPacman(ctx context.Context, a *app) (doc any, code int) {
	u, found, done, err := c.packages(ctx)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	rep := report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: u.Name, Findings: found}
	if !report.Refused(found) {
		t, closeTarget, err := c.open(ctx, a)
		if err != nil {
			return a.fail(err)
		}
		defer closeTarget()
		shown := newProgress(a.err, time.Now)
		rep, err = t(c.options(a, shown)).Push(ctx, u)
		shown.end()
		if err != nil {
			rep.Schema, rep.Result = report.Schema, resultError
			a.err.findings(rep.Findings)
			a.err.problem(err)
			return answer{Report: rep, Error: problemOf(err)}, exitOfError(err)
		}
	}
	if rep.Result != report.Rejected {
		a.out.summary(rep)
	}
	a.err.findings(rep.Findings)
	return answer{Report: rep}, exitOfReport(rep)
}

// packages is the upload of the packages that were named; done closes their folder.
func (c *pushCmd) packages(ctx context.Context) (u upload.Upload, found []report.Finding, done func(), err error) {
	dir := filepath.Dir(c.Manifests[0])
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		return u, nil, nil, unreadableFolder(dir, err)
	}
	done = func() { _ = folder.Close() }
	var sources []syncdb.Source
	for _, file := range c.Manifests {
		if filepath.Dir(file) != dir {
			done()
			return u, nil, nil, wrongUsage("push the packages of one folder after those of the other", "%s is in another folder than %s", visible(file), visible(c.Manifests[0]))
		}
		sources = append(sources, syncdb.Source{FS: folder, Path: filepath.Base(file), Shown: file})
	}
	u = upload.Upload{Kind: upload.Pacman, Name: filepath.Base(c.Manifests[0]), FS: folder, Dir: "."}
	if len(sources) > 1 {
		u.Name = plural(len(sources), "package")
	}
	list, found, err := syncdb.Inspect(ctx, sources, archive.DefaultLimits())
	if err != nil {
		done()
		return u, found, nil, err
	}
	for _, p := range list {
		u.Files = append(u.Files, upload.File{Name: p.FileName, Size: p.Size, SHA256: p.SHA256})
		if s := p.Signature; s != nil {
			u.Files = append(u.Files, upload.File{Name: p.FileName + signature, Size: s.Size, SHA256: s.SHA256})
		}
	}
	return u, found, done, nil
}
