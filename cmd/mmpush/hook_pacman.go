package main

import (
	"context"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// pacman publishes packages of pacman's: all or none. folder is the one that a package is
// in.
func (p *push) pacman(ctx context.Context, j job, t gitpush.Target, r *repo.Repo, list []gitpush.Place, folder func(gitpush.Place) (vfs.FS, string, error)) (code int) {
	about := plural(len(list), "package") + ", " + r.Arch
	if !p.pre && len(t.Build) == 0 {
		p.head(j, t, about)
	}
	p.voice.Now(func() string { return "at work on " + about })
	rep, err := p.publishPacman(ctx, r, list, folder)
	rep.Manifest = plural(len(list), "package")
	return p.tell(j, t, about, verdictOf{rep: rep, err: err})
}

// inTree is where a package of a pushed tree is.
func (p *push) inTree(place gitpush.Place) (vfs.FS, string, error) {
	folder, err := p.git.Folder(place)
	return folder, place.Name, err
}

func (p *push) publishPacman(ctx context.Context, r *repo.Repo, list []gitpush.Place, in func(gitpush.Place) (vfs.FS, string, error)) (report.Report, error) {
	o := p.options()
	req := syncdb.Request{PreventDowngrade: !p.wishes.Downgrade, TakeOver: p.wishes.TakeOver, Options: syncdb.Options{
		Who: o.Who, Transport: o.Transport, DryRun: o.DryRun, LockWait: o.LockWait, Program: o.Program, Waiting: o.Waiting,
		Signers: p.databaseSigner, Required: p.requiredOfPackages,
		Rights: func(_ string, needs []access.Need) []report.Finding { return access.Check(p.who, needs) },
	}}
	for _, place := range list {
		folder, name, err := in(place)
		if err != nil {
			return report.Report{}, err
		}
		req.Add = append(req.Add, syncdb.Source{FS: folder, Path: name, Shown: place.Path(), Who: p.who.Name})
	}
	out, err := syncdb.Publish(ctx, r, req)
	return out.Report, err
}
