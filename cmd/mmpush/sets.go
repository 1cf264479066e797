package main

import (
	"cmp"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/upload"
)

// openSet opens the repositories of a set. The caller calls done at the end.
func (a *app) openSet(c config.Set) (s *sets.Set, done func(), err error) {
	s = &sets.Set{Name: c.Name, Repositories: map[string]*repo.Repo{}, Expects: c.Expects, Deadline: c.Deadline}
	var opened []func()
	done = func() {
		for _, f := range opened {
			f()
		}
	}
	for _, arch := range slices.Sorted(maps.Keys(c.Repositories)) {
		r, closeRepo, err := a.openRepo(c.Repositories[arch])
		if err != nil {
			done()
			return nil, nil, err
		}
		opened = append(opened, closeRepo)
		s.Repositories[arch] = r
	}
	if err := s.Check(); err != nil {
		done()
		return nil, nil, err
	}
	return s, done, nil
}

// destinations are the repositories that a server publishes in: one, or a set.
type destinations struct {
	// repo is the one repository, or that of the set to which the server's folder
	// belongs; at is its folder.
	repo *repo.Repo
	at   string
	// set opens the set anew; nil for one repository. all are its repositories.
	set func() (*sets.Set, error)
	all map[string]*repo.Repo
}

// openSetToServe opens a set for a server, which has each of its verifiers at hand.
func (a *app) openSetToServe(c config.Set) (d destinations, done func(), err error) {
	s, done, err := a.openSet(c)
	if err != nil {
		return d, nil, err
	}
	for _, arch := range s.Archs() {
		if _, err := a.required(s.Repositories[arch]); err != nil {
			done()
			return d, nil, err
		}
	}
	d.repo, d.all = s.Home(), s.Repositories
	d.at = d.repo.Path
	d.set = func() (*sets.Set, error) {
		fresh := *s
		fresh.Repositories = map[string]*repo.Repo{}
		for arch, r := range s.Repositories {
			again, err := pipeline.Open(r.FS, r.Path)
			if err != nil {
				return nil, err
			}
			fresh.Repositories[arch] = again
		}
		return &fresh, nil
	}
	return d, done, nil
}

// set is the configured set that push is for; ok is false if it is for something else.
func (c *pushCmd) set(a *app) (config.Set, bool) {
	return a.config.Set(a.setting(c.To, "--to", "to").Text)
}

// pushSet publishes the manifests, which are parts of one source, in a set.
func (c *pushCmd) pushSet(ctx context.Context, a *app, named config.Set) (doc any, code int, err error) {
	if c.Init || c.Arch != "" {
		return nil, 0, wrongUsage("run mmpush init for each repository of the set", "--init and --arch go with one repository")
	}
	if flag := c.remoteFlags.given(); flag != "" || c.Remote != nil || c.SSHCommand != nil {
		return nil, 0, wrongUsage("leave it out: the repositories of a set are folders of this machine", "%s goes with a server", cmp.Or(flag, "--remote"))
	}
	if c.LockWait < 0 || c.WaitTime <= 0 {
		return nil, 0, wrongUsage("give a time such as 60s or 30m", "--lock-wait=%s, --wait-time=%s: a time cannot be negative", c.LockWait, c.WaitTime)
	}
	if err := c.ask(a); err != nil {
		return nil, 0, err
	}
	s, done, err := a.openSet(named)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	shown := newProgress(a.err, time.Now)
	declared := map[string]action.Place{}
	rep, err := c.inSet(ctx, a, s, shown, declared)
	shown.end()
	doc, code = a.setAnswer(rep, err, c.Manifests, declared)
	return doc, code, nil
}

// inSet opens the uploads and publishes them.
func (c *pushCmd) inSet(ctx context.Context, a *app, s *sets.Set, shown *progress, declared map[string]action.Place) (report.Report, error) {
	req := sets.Request{
		Partial: c.Partial, Requests: plan.Requests{Rebuild: c.Rebuild, Downgrade: c.AllowDowngrade, TakeOver: c.TakeOver},
		Options: pipeline.Options{
			Who: a.User, Transport: "dir", DryRun: c.DryRun, LockWait: c.LockWait, Program: program("push"), Waiting: a.waiting,
			Progress: shown.tell, Required: a.required,
		},
	}
	refused := report.Report{Schema: report.Schema, Result: report.Rejected, Set: s.Name}
	for _, m := range c.Manifests {
		folder, err := openUpload(m)
		if err != nil {
			return refused, err
		}
		defer folder.Close()
		u, found, err := upload.Open(ctx, a.folder(folder), ".", filepath.Base(m))
		if err != nil {
			return refused, err
		}
		refused.Findings = append(refused.Findings, found...)
		if u.Manifest != nil {
			maps.Copy(declared, declaredIn(m, u.Manifest))
		}
		req.Uploads = append(req.Uploads, u)
	}
	if report.Refused(refused.Findings) {
		return refused, nil
	}
	rep, err := s.Publish(ctx, req)
	rep.Findings = append(slices.Clone(refused.Findings), rep.Findings...)
	if err == nil && rep.Result == report.Accepted && c.Wait {
		a.err.line("mmpush: %s", waitingFor(*rep.Waiting))
		rep, err = s.Wait(ctx, req, rep, c.WaitTime)
	}
	return rep, err
}

// setAnswer tells what came of the parts of one source.
func (a *app) setAnswer(rep report.Report, err error, manifests []string, declared map[string]action.Place) (doc any, code int) {
	rep.Schema = report.Schema
	if err != nil {
		rep.Result = resultError
		a.err.findings(rep.Findings)
		a.err.problem(err)
		if stopped(err) {
			a.resume()
		}
		return answer{rep, problemOf(err), manifests, declared}, exitOfError(err)
	}
	if rep.Result != report.Rejected {
		a.out.summary(rep)
	}
	a.err.findings(rep.Findings)
	if rep.Result == report.Rejected {
		a.err.message(bad, "rejected", plural(refusals(rep.Findings), "problem")+" in "+visible(strings.Join(manifests, " "))+"; nothing was published in any repository of the set "+rep.Set)
	}
	return answer{Report: rep, manifests: manifests, declared: declared}, exitOfReport(rep)
}

// waitingFor says in one sentence what parts wait for, as it can be shown: a server or a
// plugin may have made the texts.
func waitingFor(w report.Waiting) string {
	text := w.Source + " " + w.Version + " waits in the set " + w.Set + " until " + w.Until.UTC().Format("2006-01-02 15:04:05 UTC")
	if len(w.Missing) > 0 {
		text += " for " + strings.Join(w.Missing, ", ")
	}
	return visible(text + " (" + w.ID + ")")
}

// askAgain is how long a server is left alone, at the most, between two questions whether
// the other parts have come.
const askAgain = 10 * time.Second

// untilPublic pushes; with --wait, an upload that was taken as a part is pushed again
// until the others are there. The server has its files, so that costs a question.
func (c *pushCmd) untilPublic(ctx context.Context, a *app, push func() (report.Report, error)) (report.Report, error) {
	began := time.Now()
	var before *report.Waiting
	for pause := time.Second; ; pause = min(2*pause, askAgain) {
		rep, err := push()
		if err != nil || rep.Result != report.Accepted || rep.Waiting == nil || !c.Wait || time.Since(began) >= c.WaitTime {
			return rep, err
		}
		switch w := rep.Waiting; {
		case before == nil:
			a.err.line("mmpush: %s", waitingFor(*w))
		case !before.Until.Equal(w.Until):
			a.err.line("mmpush: the parts that waited were dropped; this one waits anew: %s", waitingFor(*w))
		}
		before = rep.Waiting
		select {
		case <-ctx.Done():
			return rep, &report.Error{Stage: "wait", Code: report.CodeStopped, Kind: report.KindBusy, Err: context.Cause(ctx)}
		case <-time.After(pause):
		}
	}
}
