package main

import (
	"context"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/core/watch"
)

// droppedPackages publishes pacman packages from a drop folder.
type droppedPackages struct {
	app      *app
	folder   vfs.FS
	requests plan.Requests
}

var _ watch.Packages = droppedPackages{}

// Publish implements [watch.Packages].
func (d droppedPackages) Publish(ctx context.Context, r *repo.Repo, files []upload.File) (report.Report, error) {
	out, err := syncdb.Publish(ctx, r, syncdb.Request{
		Add: d.sources(files), PreventDowngrade: !d.requests.Downgrade, TakeOver: d.requests.TakeOver,
		Options: syncdb.Options{
			Who: d.app.User, Transport: "watch", LockWait: watchLockWait, Program: program("watch"),
			Signers: d.app.databaseSigner, Required: d.app.requiredOfPackages,
		},
	})
	return out.Report, err
}

// Published implements [watch.Packages].
func (d droppedPackages) Published(r *repo.Repo, files []upload.File) (map[string]bool, error) {
	var names []string
	for _, f := range files {
		names = append(names, syncdb.NameIn(f.Name))
	}
	published, err := syncdb.Published(r, names)
	sums := map[string]bool{}
	for _, p := range published {
		sums[p.SHA256] = true
	}
	return sums, err
}

// Check implements [watch.Packages].
func (d droppedPackages) Check(ctx context.Context, files []upload.File) ([]report.Finding, error) {
	_, found, err := syncdb.Inspect(ctx, d.sources(files), archive.DefaultLimits())
	return found, err
}

// sources are the packages, each with the signature that is declared for it.
func (d droppedPackages) sources(files []upload.File) []syncdb.Source {
	declared := map[string]upload.File{}
	for _, f := range files {
		declared[f.Name] = f
	}
	var list []syncdb.Source
	for _, f := range files {
		if !isPackage(f.Name) {
			continue
		}
		said := &syncdb.Declared{Size: f.Size, SHA256: f.SHA256}
		if s, ok := declared[f.Name+signature]; ok {
			said.Signature = &syncdb.Signature{Size: s.Size, SHA256: s.SHA256}
		}
		list = append(list, syncdb.Source{FS: d.folder, Path: f.Name, Shown: f.Name, Declared: said})
	}
	return list
}

// watchesPackages refuses what cannot be asked of a drop folder for packages.
func watchesPackages(a *app, requests plan.Requests) error {
	switch {
	case requests.Rebuild:
		return wrongUsage("raise pkgrel and build again", "--rebuild: what a pacman repository has published never changes")
	case len(a.plugins.asked) > 0:
		return wrongUsage("write them into the repository's settings", "--verifier: verifiers on the command line judge manifests")
	}
	return nil
}
