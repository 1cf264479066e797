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

// pushPacman publishes pacman packages: all at once, since no manifest divides them. An
// error is about all of them.
func (c *pushCmd) pushPacman(ctx context.Context, a *app) (doc any, code int, err error) {
	target, err := c.pacmanTarget(a)
	if err != nil {
		return nil, 0, err
	}
	if target.Scheme != "dir" {
		return c.sendPacman(ctx, a)
	}
	r, done, err := a.openAny(target.Path)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	f, ok := r.Format.(syncdb.Format)
	if !ok {
		return nil, 0, wrongUsage("make one with: mmpush init DIR --kind pacman --name NAME", "%s is no pacman repository", visible(target.Path))
	}
	g := gensyncCmd{
		Dir: target.Path, Name: f.Name, Add: c.Manifests, PreventDowngrade: !c.AllowDowngrade,
		TakeOver: c.TakeOver, DryRun: c.DryRun, LockWait: c.LockWait,
	}
	doc, code = g.run(ctx, a)
	return doc, code, nil
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
	case !slices.Contains([]string{"dir", "tupkg", "tupkgs", "ssh", "sftp"}, d.target.Scheme):
		err = wrongUsage("push to a folder, or to tupkgs://, ssh:// or sftp://", "pacman packages cannot be pushed to %s://, which takes manifests", d.target.Scheme)
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
func (c *pushCmd) sendPacman(ctx context.Context, a *app) (doc any, code int, err error) {
	u, err := readPackages(ctx, c.Manifests)
	if err != nil {
		return nil, 0, err
	}
	defer u.close()
	rep := u.verdict()
	if rep.Result != report.Rejected {
		t, closeTarget, err := c.open(ctx, a)
		if err != nil {
			return nil, 0, err
		}
		defer closeTarget()
		shown := newProgress(a.err, time.Now)
		rep, err = t(c.options(a, shown)).Push(ctx, u.Upload)
		shown.end()
		if err != nil {
			rep.Schema, rep.Result = report.Schema, resultError
			a.err.findings(rep.Findings)
			a.err.problem(err)
			return answer{Report: rep, Error: problemOf(err), manifests: c.Manifests}, exitOfError(err), nil
		}
	}
	if len(rep.Packages) == 0 && slices.Contains([]report.Result{report.Accepted, report.Planned}, rep.Result) {
		// What becomes of them nobody knows yet; what they are is known here.
		rep.Packages = u.lines
	}
	doc, code = a.packagesAnswer(rep, c.Manifests)
	return doc, code, nil
}

// checkPackages verifies packages, and needs no repository.
func (a *app) checkPackages(ctx context.Context, files []string) (doc any, code int) {
	u, err := readPackages(ctx, files)
	if err != nil {
		return a.fail(err)
	}
	defer u.close()
	return a.packagesAnswer(u.verdict(), files)
}

// packagesAnswer tells what came of packages.
func (a *app) packagesAnswer(rep report.Report, files []string) (doc any, code int) {
	if rep.Result != report.Rejected {
		a.out.summary(rep)
	}
	a.err.findings(rep.Findings)
	return answer{Report: rep, manifests: files}, exitOfReport(rep)
}

// packages is the upload of pacman packages, with what reading them has found.
type packages struct {
	upload.Upload
	lines    []report.Package
	findings []report.Finding
	// close closes their folder.
	close func()
}

// verdict is what can be said without a repository.
func (p packages) verdict() report.Report {
	rep := report.Report{Schema: report.Schema, Result: report.Verified, Manifest: p.Name, Packages: p.lines, Findings: p.findings}
	if report.Refused(p.findings) {
		rep.Result, rep.Packages = report.Rejected, nil
	}
	return rep
}

// readPackages reads packages, which are in one folder. The caller calls close at the end.
func readPackages(ctx context.Context, files []string) (p packages, err error) {
	dir := filepath.Dir(files[0])
	folder, err := vfs.OpenDir(dir)
	if err != nil {
		return p, unreadableFolder(dir, err)
	}
	p.close = func() { _ = folder.Close() }
	var sources []syncdb.Source
	for _, file := range files {
		if filepath.Dir(file) != dir {
			p.close()
			return p, wrongUsage("push the packages of one folder after those of the other", "%s is in another folder than %s", visible(file), visible(files[0]))
		}
		sources = append(sources, syncdb.Source{FS: folder, Path: filepath.Base(file), Shown: file})
	}
	p.Upload = upload.Upload{Kind: upload.Pacman, Name: filepath.Base(files[0]), FS: folder, Dir: "."}
	if len(sources) > 1 {
		p.Name = plural(len(sources), "package")
	}
	list, found, err := syncdb.Inspect(ctx, sources, archive.DefaultLimits())
	if err != nil {
		p.close()
		return p, err
	}
	p.findings = found
	for _, f := range list {
		p.lines = append(p.lines, report.Package{
			Kind: report.Binary, Name: f.Name, Version: f.Version, Architecture: f.Arch, Action: report.ActionVerify,
			File: f.FileName, Size: f.Size, SHA256: f.SHA256,
		})
		p.Files = append(p.Files, upload.File{Name: f.FileName, Size: f.Size, SHA256: f.SHA256})
		if s := f.Signature; s != nil {
			p.Files = append(p.Files, upload.File{Name: f.FileName + signature, Size: s.Size, SHA256: s.SHA256})
		}
	}
	return p, nil
}
