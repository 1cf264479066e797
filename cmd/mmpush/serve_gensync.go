package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/server"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/vfs"
)

// gensyncWait is how long a package of an upload waits for the repository, and for the
// clock.
const gensyncWait = time.Minute

// generator publishes what comes to the incoming folder in a pacman repository.
type generator struct {
	app      *app
	at, name string
	incoming *server.Incoming
	// shown is the incoming folder's path.
	shown string
	log   *slog.Logger
	// own: it is the very repository that is served. Then an upload is published whole or
	// not at all, as everywhere, and what is refused does not stay.
	own bool
	// rights judges what somebody publishes; nil: nothing is judged.
	rights func(who string, needs []access.Need) []report.Finding
}

// newGenerator is the one for a pacman repository that is served, or that --gensync asks
// for; nil is none. It publishes first what already waits.
func (f *acceptFlags) newGenerator(ctx context.Context, a *app, o *server.Options, served *repo.Repo, shown string) (*generator, error) {
	g := &generator{app: a, incoming: o.Incoming, shown: shown, log: o.Log, rights: judgedBy(o.Users)}
	own, ok := served.Format.(syncdb.Format)
	switch {
	case f.Gensync == "" && !ok:
		return nil, nil
	case f.Gensync == "":
		g.own, g.name, g.at = true, own.Name, served.Path
	case ok:
		return nil, wrongUsage("leave it out", "--gensync: the repository that is served is one of pacman's itself")
	default:
		name, at, ok := strings.Cut(f.Gensync, "=")
		if !ok || at == "" || !syncdb.ValidName(name) {
			return nil, wrongUsage("give the name and the folder of a pacman repository, such as demo=/srv/pacman", "--gensync=%s is not NAME=DIR", visible(f.Gensync))
		}
		g.name, g.at = name, at
	}
	// The program may run for months, wherever it was started.
	var err error
	if g.at, err = filepath.Abs(g.at); err != nil {
		return nil, err
	}
	_, done, err := a.openPacman(g.at, g.name)
	if err != nil {
		return nil, err
	}
	done()
	if g.own && o.Transport == "ssh" {
		// A session beside this one may be about to publish what waits.
		return g, nil
	}
	waiting, err := arrived(g.incoming.FS, path.Clean(g.incoming.Dir), shown)
	if len(waiting) == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		return g, nil
	}
	if err != nil {
		return nil, unreadableFolder(shown, err)
	}
	out, err := g.publish(ctx, syncdb.Request{Add: waiting, Options: syncdb.Options{Transport: "incoming"}})
	if err == nil {
		err = takeAway(out.Settled)
	}
	if err != nil {
		g.log.Error("failed", "during", "gensync", "error", err)
	}
	return g, nil
}

// judgedBy judges by a users file; without one everybody may do everything.
func judgedBy(users *access.Authenticator) func(who string, needs []access.Need) []report.Finding {
	if users == nil {
		return nil
	}
	return func(who string, needs []access.Need) []report.Finding {
		id, err := users.Identity(who)
		if err != nil {
			return []report.Finding{{Code: report.CodeRights, Severity: report.SeverityError,
				Message: "the user " + visible(who) + " has no rights any more", Hint: "ask whoever runs the server"}}
		}
		return access.Check(id, needs)
	}
}

// complete publishes the packages of one upload, and tells its user what came of them.
func (g *generator) complete(ctx context.Context, c server.Completion) error {
	list, found, err := g.sources(c)
	if err != nil || len(list) == 0 {
		return toldOr(found, nil, err)
	}
	req := syncdb.Request{Add: list, Options: syncdb.Options{Transport: c.Transport}}
	if g.own {
		req.PreventDowngrade, req.TakeOver = !c.Downgrade, c.TakeOver
	}
	out, err := g.publish(ctx, req)
	if err != nil {
		return toldOr(found, nil, err)
	}
	found = append(found, g.told(out)...)
	if !g.own {
		return toldOr(found, nil, takeAway(out.Settled))
	}
	err = g.takeAll(c, out)
	out.Findings, out.Repository = found, ""
	return toldOr(nil, &out.Report, err)
}

// toldOr is what the user is told; nil is nothing.
func toldOr(found []report.Finding, rep *report.Report, err error) error {
	if len(found) == 0 && rep == nil {
		return err
	}
	return server.Told{Findings: found, Report: rep, Err: err}
}

// sources are the packages of an upload, and the packages that are published already and
// whose signatures have come now.
func (g *generator) sources(c server.Completion) (list []syncdb.Source, found []report.Finding, err error) {
	came := map[string]bool{}
	for _, d := range c.Incoming {
		if _, ok := alpm.IsFileName(d.Path); ok {
			came[d.Path] = true
			s := g.source(c.User, d.Path)
			s.Alone = !g.own
			list = append(list, s)
		}
	}
	for _, d := range c.Incoming {
		file, ok := strings.CutSuffix(d.Path, signature)
		if !ok || came[file] {
			continue
		}
		s, is, err := g.later(c.User, file)
		if err != nil {
			return list, found, err
		}
		if !is {
			found = append(found, report.Finding{Code: report.CodePacman, Severity: report.SeverityNote, File: d.Path,
				Message: "the signature waits for its package " + file})
			continue
		}
		list = append(list, s)
	}
	return list, found, nil
}

// later is a package that is published, with the signature that has come for it now.
func (g *generator) later(user, file string) (s syncdb.Source, ok bool, err error) {
	waits := g.source(user, file)
	if _, err := waits.FS.Lstat(waits.Path); err == nil {
		// The package itself came before and waits with it.
		return waits, true, nil
	}
	s = syncdb.Source{
		Path: file, Shown: file, Who: user, Alone: true,
		SignatureFS: waits.FS, SignaturePath: waits.Path + signature,
	}
	return s, g.published(file), nil
}

// published reports whether a file is that of a package that is served.
func (g *generator) published(file string) bool {
	r, done, err := g.app.openPacman(g.at, g.name)
	if err != nil {
		return false
	}
	defer done()
	named, closeNames, err := r.Format.Names(r.FS)
	if err != nil {
		return false
	}
	defer closeNames()
	is, err := named(file)
	return is && err == nil
}

func (g *generator) source(user, name string) syncdb.Source {
	return sourceAt(g.incoming.FS, path.Clean(g.incoming.Dir), g.shown, user, name)
}

// publish makes one generation of the packages.
func (g *generator) publish(ctx context.Context, req syncdb.Request) (syncdb.Outcome, error) {
	r, done, err := g.app.openPacman(g.at, g.name)
	if err != nil {
		return syncdb.Outcome{}, err
	}
	defer done()
	for i := range req.Add {
		if req.Add[i].FS == nil {
			req.Add[i].FS = r.FS
		}
	}
	req.LockWait, req.Program, req.Signers, req.Rights = gensyncWait, program("serve"), g.app.databaseSigner, g.rights
	req.Required = g.app.requiredOfPackages
	out, err := syncdb.Publish(ctx, r, req)
	if err == nil {
		g.log.Info("gensync", "repository", g.at, "result", out.Result, "generation", out.Generation, "packages", len(out.Packages), "findings", len(out.Findings))
	}
	return out, err
}

// told are the findings for the user, and in another repository than the one that is
// served what became of each package.
func (g *generator) told(out syncdb.Outcome) []report.Finding {
	told := []report.Finding{}
	for _, f := range out.Findings {
		// Nobody needs to know where the server's folders are.
		f.File = path.Base(filepath.ToSlash(f.File))
		told = append(told, f)
	}
	if g.own {
		return told
	}
	for _, p := range out.Packages {
		told = append(told, report.Finding{Code: report.CodePacman, Severity: report.SeverityNote, File: p.File, Field: p.Name,
			Message: fmt.Sprintf("%s in %s.db%s", p.Action, g.name, generationText(out.Generation))})
	}
	return told
}

// takeAll clears an upload away that is published, or refused whole. A signature whose
// package is not there yet stays.
func (g *generator) takeAll(c server.Completion, out syncdb.Outcome) error {
	if err := takeAway(out.Settled); err != nil || out.Result != report.Rejected {
		return err
	}
	var errs []error
	for _, d := range c.Incoming {
		s := g.source(c.User, d.Path)
		if err := s.FS.Remove(s.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func generationText(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" as generation %d", n)
}

// both is what first does, then what second does; nil for neither.
func both(first *generator, second func(context.Context, server.Completion) error) func(context.Context, server.Completion) error {
	if first == nil {
		return second
	}
	return func(ctx context.Context, c server.Completion) error {
		err := first.complete(ctx, c)
		if second == nil {
			return err
		}
		other := second(ctx, c)
		if told, ok := errors.AsType[server.Told](err); ok {
			return server.Told{Findings: told.Findings, Report: told.Report, Err: other}
		}
		return cmp.Or(err, other)
	}
}

// sourceAt is a package of a user in an incoming folder: base is the folder in fsys, and
// at how people call it.
func sourceAt(fsys vfs.FS, base, at, user, name string) syncdb.Source {
	return syncdb.Source{FS: fsys, Path: path.Join(base, user, name), Shown: filepath.Join(at, user, name), Who: user, Alone: true}
}
