package main

import (
	"context"
	"errors"
	"iter"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/upkeep"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// kind is what the verbs need of a kind of repository. Requests and options are those of
// the pipeline, whatever kind carries them out.
type kind interface {
	open(fsys vfs.FS, at string) (*repo.Repo, error)
	// published are the packages of these names, all of them if there are none.
	published(r *repo.Repo, names []string) ([]listed, error)
	// all are all of them, read as far as somebody wants them.
	all(r *repo.Repo) iter.Seq2[listed, error]
	remove(ctx context.Context, r *repo.Repo, rm pipeline.Removal, opt pipeline.Options) (report.Report, error)
	undo(ctx context.Context, r *repo.Repo, req pipeline.UndoRequest) (report.Report, error)
	// heal writes entries of the indexes anew that a check has found to be wrong.
	heal(ctx context.Context, r *repo.Repo, opt pipeline.Options) (report.Report, error)
	commitOptions(opt pipeline.Options) commit.Options
	format(r *repo.Repo) upkeep.Format
}

// kinds are all there are, by the name in the metadata file; "" is what older tools have
// made.
func (a *app) kinds() map[string]kind {
	return map[string]kind{"": mmpackKind{}, pipeline.Mmpack{}.Kind(): mmpackKind{}, syncdb.KindName: pacmanKind{a}}
}

// kindOf is the kind of an open repository.
func (a *app) kindOf(r *repo.Repo) kind { return a.kinds()[r.Format.Kind()] }

// openAny opens a repository of any kind. The caller calls done at the end.
func (a *app) openAny(at string) (r *repo.Repo, done func(), err error) {
	folder, err := dir.OpenFolder(at, false)
	if err != nil {
		return nil, nil, err
	}
	fsys := a.folder(folder)
	meta, err := repo.ReadMetadata(fsys, at)
	if err == nil {
		k, ok := a.kinds()[meta.Kind]
		if !ok {
			// Opening it tells what is wrong.
			k = mmpackKind{}
		}
		r, err = k.open(fsys, at)
	}
	if err != nil {
		return nil, nil, errors.Join(err, folder.Close())
	}
	return r, func() { _ = folder.Close() }, nil
}

// mmpackKind is a repository of mmpack's.
type mmpackKind struct{}

func (mmpackKind) open(fsys vfs.FS, at string) (*repo.Repo, error) { return pipeline.Open(fsys, at) }

func (k mmpackKind) published(r *repo.Repo, names []string) ([]listed, error) {
	list := []listed{}
	if len(names) == 0 {
		for one, err := range k.all(r) {
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		}
		return list, nil
	}
	view, err := pipeline.View(r.FS)
	if err != nil {
		return nil, r.Tell("plan", err)
	}
	defer view.Close()
	for _, name := range names {
		b, ok, err := view.Binary(name)
		if err != nil {
			return nil, r.Tell("plan", err)
		}
		if ok {
			list = append(list, listedOf(r, b))
		}
	}
	return list, nil
}

func (mmpackKind) all(r *repo.Repo) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		view, err := pipeline.View(r.FS)
		if err != nil {
			yield(listed{}, r.Tell("plan", err))
			return
		}
		defer view.Close()
		for b, err := range view.All() {
			if err != nil {
				yield(listed{}, r.Tell("plan", err))
				return
			}
			if !yield(listedOf(r, b), nil) {
				return
			}
		}
	}
}

func listedOf(r *repo.Repo, b index.Binary) listed {
	return listed{b.Name, b.Version, r.Arch, b.Source, b.SrcSHA256, b.Size, b.Filename, b.SHA256}
}

func (mmpackKind) remove(ctx context.Context, r *repo.Repo, rm pipeline.Removal, opt pipeline.Options) (report.Report, error) {
	return pipeline.RemovePackages(ctx, r, rm, opt)
}

func (mmpackKind) undo(ctx context.Context, r *repo.Repo, req pipeline.UndoRequest) (report.Report, error) {
	return pipeline.Undo(ctx, r, req)
}

func (mmpackKind) heal(ctx context.Context, r *repo.Repo, opt pipeline.Options) (report.Report, error) {
	return pipeline.Heal(ctx, r, opt)
}

func (mmpackKind) commitOptions(opt pipeline.Options) commit.Options {
	return pipeline.CommitOptions(opt)
}

func (mmpackKind) format(*repo.Repo) upkeep.Format { return pipeline.Mmpack{} }

// pacmanKind is a repository that pacman reads.
type pacmanKind struct{ app *app }

func (pacmanKind) open(fsys vfs.FS, at string) (*repo.Repo, error) { return syncdb.Open(fsys, at) }

func (pacmanKind) published(r *repo.Repo, names []string) ([]listed, error) {
	published, err := syncdb.Published(r, names)
	list := []listed{}
	for _, d := range published {
		list = append(list, listed{Name: d.Name, Version: d.Version, Architecture: d.Arch, Source: d.Source(), Size: d.Size, File: d.FileName, SHA256: d.SHA256})
	}
	return list, err
}

func (k pacmanKind) all(r *repo.Repo) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		list, err := k.published(r, nil)
		if err != nil {
			yield(listed{}, err)
			return
		}
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func (k pacmanKind) remove(ctx context.Context, r *repo.Repo, rm pipeline.Removal, opt pipeline.Options) (report.Report, error) {
	if rm.Sources.SHA256 != "" {
		return report.Report{}, wrongUsage("give --source NAME, and --version V", "--srcsha: pacman packages do not name the bytes of their source")
	}
	out, err := syncdb.Remove(ctx, r, syncdb.Removal{
		Patterns: rm.Patterns, Source: rm.Sources.Name, Version: rm.Sources.Version, Purge: rm.Purge, Agreed: rm.Agreed, Options: k.options(opt),
	})
	return out.Report, err
}

func (k pacmanKind) undo(ctx context.Context, r *repo.Repo, req pipeline.UndoRequest) (report.Report, error) {
	out, err := syncdb.Undo(ctx, r, syncdb.UndoRequest{
		Generation: req.Generation, Change: req.Change, To: req.To, Options: k.options(req.Options),
	})
	return out.Report, err
}

func (k pacmanKind) heal(ctx context.Context, r *repo.Repo, opt pipeline.Options) (report.Report, error) {
	out, err := syncdb.Heal(ctx, r, k.options(opt))
	return out.Report, err
}

func (k pacmanKind) commitOptions(opt pipeline.Options) commit.Options {
	return syncdb.CommitOptions(k.options(opt))
}

func (pacmanKind) format(r *repo.Repo) upkeep.Format {
	f, _ := r.Format.(syncdb.Format)
	return f
}

// options are the same options for a change of a pacman repository.
func (k pacmanKind) options(o pipeline.Options) syncdb.Options {
	return syncdb.Options{
		Who: o.Who, Transport: o.Transport, DryRun: o.DryRun, LockWait: o.LockWait, Program: o.Program, Waiting: o.Waiting, Limits: o.Limits,
		Signers: k.app.databaseSigner, Required: k.app.requiredOfPackages,
	}
}
