package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/alpm"
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
}

// generator is the one that --gensync asks for, nil without it. It publishes first what
// already waits.
func (f *acceptFlags) generator(ctx context.Context, a *app, i *server.Incoming, shown string, log *slog.Logger) (*generator, error) {
	if f.Gensync == "" {
		return nil, nil
	}
	name, at, ok := strings.Cut(f.Gensync, "=")
	if !ok || at == "" || !syncdb.ValidName(name) {
		return nil, wrongUsage("give the name and the folder of a pacman repository, such as demo=/srv/pacman", "--gensync=%s is not NAME=DIR", visible(f.Gensync))
	}
	// The program may run for months, wherever it was started.
	at, err := filepath.Abs(at)
	if err != nil {
		return nil, err
	}
	_, done, err := a.openPacman(at, name)
	if err != nil {
		return nil, err
	}
	done()
	g := &generator{a, at, name, i, shown, log}
	waiting, err := arrived(i.FS, path.Clean(i.Dir), shown)
	if err != nil || len(waiting) == 0 {
		return g, err
	}
	if _, err := g.publish(ctx, waiting, "incoming"); err != nil {
		log.Error("failed", "during", "gensync", "error", err)
	}
	return g, nil
}

// complete publishes the packages of one upload, and tells its user what came of them.
func (g *generator) complete(ctx context.Context, c server.Completion) error {
	var list []syncdb.Source
	for _, d := range c.Incoming {
		if _, ok := alpm.IsFileName(d.Path); ok {
			list = append(list, g.source(c.User, d.Path))
		}
	}
	if len(list) == 0 {
		return nil
	}
	told, err := g.publish(ctx, list, c.Transport)
	if err != nil {
		return err
	}
	return server.Told{Findings: told}
}

func (g *generator) source(user, name string) syncdb.Source {
	return sourceAt(g.incoming.FS, path.Clean(g.incoming.Dir), g.shown, user, name)
}

// publish makes one generation of the packages, and takes what is published away.
func (g *generator) publish(ctx context.Context, list []syncdb.Source, transport string) ([]report.Finding, error) {
	r, done, err := g.app.openPacman(g.at, g.name)
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := syncdb.Publish(ctx, r, syncdb.Request{Add: list, Options: syncdb.Options{
		Transport: transport, LockWait: gensyncWait, Program: program("serve"), Signers: g.app.databaseSigner,
	}})
	if err != nil {
		return nil, err
	}
	g.log.Info("gensync", "repository", g.at, "result", out.Result, "generation", out.Generation, "packages", len(out.Packages), "findings", len(out.Findings))
	told := []report.Finding{}
	for _, f := range out.Findings {
		// Nobody needs to know where the server's folders are.
		f.File = path.Base(filepath.ToSlash(f.File))
		told = append(told, f)
	}
	for _, p := range out.Packages {
		told = append(told, report.Finding{Code: report.CodePacman, Severity: report.SeverityNote, File: p.File, Field: p.Name,
			Message: fmt.Sprintf("%s in %s.db%s", p.Action, g.name, generationText(out.Generation))})
	}
	return told, takeAway(out.Settled)
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
			return server.Told{Findings: told.Findings, Err: other}
		}
		return cmp.Or(err, other)
	}
}

// sourceAt is a package of a user in an incoming folder: base is the folder in fsys, and
// at how people call it.
func sourceAt(fsys vfs.FS, base, at, user, name string) syncdb.Source {
	return syncdb.Source{FS: fsys, Path: path.Join(base, user, name), Shown: filepath.Join(at, user, name), Who: user, Alone: true}
}
