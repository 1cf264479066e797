package main

import (
	"context"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// pacman publishes the packages of pacman's that an update has changed: all or none.
func (p *push) pacman(ctx context.Context, j job, t gitpush.Target, r *repo.Repo) (code int) {
	about := plural(len(j.change.Packages), "package") + ", " + r.Arch
	if !p.pre {
		p.head(j, t, about)
	}
	p.voice.Now(func() string { return "at work on " + about })
	rep, err := p.publishPacman(ctx, j, r)
	rep.Manifest = plural(len(j.change.Packages), "package")
	return p.tell(j, t, about, verdictOf{rep: rep, err: err})
}

func (p *push) publishPacman(ctx context.Context, j job, r *repo.Repo) (report.Report, error) {
	o := p.options()
	req := syncdb.Request{PreventDowngrade: !p.wishes.Downgrade, TakeOver: p.wishes.TakeOver, Options: syncdb.Options{
		Who: o.Who, Transport: o.Transport, DryRun: o.DryRun, LockWait: o.LockWait, Program: o.Program, Waiting: o.Waiting,
		Signers: p.databaseSigner, Required: p.requiredOfPackages,
		Rights: func(_ string, needs []access.Need) []report.Finding { return access.Check(p.who, needs) },
	}}
	for _, place := range j.change.Packages {
		folder, err := p.git.Folder(place)
		if err != nil {
			return report.Report{}, err
		}
		req.Add = append(req.Add, syncdb.Source{FS: folder, Path: place.Name, Shown: place.Path(), Who: p.who.Name})
	}
	out, err := syncdb.Publish(ctx, r, req)
	return out.Report, err
}
