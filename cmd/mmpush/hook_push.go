package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// push is one git push on its way.
type push struct {
	*app
	flags *hookFlags
	// pre: the push can still be refused.
	pre, unpublished bool
	input            []byte
	updates          []gitpush.Update
	// workID is the id of a worker's work.
	workID string

	git    *gitpush.Repository
	config gitpush.Config
	wishes gitpush.Wishes
	voice  *gitpush.Voice
	work   gitpush.Work
	status gitpush.Status
	who    access.Identity
	repos  map[string]*repo.Repo
	sets   map[string]*sets.Set
	done   []func()
	// seen are the verdicts on equal uploads, uploads and changes what was opened and
	// compared: many refs may be one commit.
	seen    map[string]verdictOf
	uploads map[string]candidate
	changes map[[2]gitpush.ID]gitpush.Change
	builds  int
	tally   tally
}

// pushAnswer is the document of a hook.
type pushAnswer struct {
	Schema  int                 `json:"schema"`
	Result  report.Result       `json:"result"`
	ID      string              `json:"id,omitempty"`
	Reports []gitpush.RefReport `json:"reports,omitempty"`
	Error   *problem            `json:"error,omitempty"`
}

// fail tells an error that is about the whole push.
func (p *push) fail(err error) (doc any, code int) {
	p.init()
	p.problem(err)
	return pushAnswer{Schema: report.Schema, Result: resultError, Error: problemOf(err)}, exitOfError(err)
}

func (p *push) init() {
	if p.voice == nil {
		p.voice = gitpush.NewVoice(p.Stderr)
	}
}

// run is the line of a hook: which updates publish where, who asks, what has changed,
// and the publishing of it.
func (p *push) run(ctx context.Context) (doc any, code int) {
	p.init()
	p.sets = map[string]*sets.Set{}
	p.repos, p.seen, p.uploads = map[string]*repo.Repo{}, map[string]verdictOf{}, map[string]candidate{}
	p.changes = map[[2]gitpush.ID]gitpush.Change{}
	defer func() {
		for _, f := range slices.Backward(p.done) {
			f()
		}
	}()
	if err := p.open(ctx); err != nil {
		return p.fail(err)
	}
	jobs := p.jobs()
	if len(jobs) == 0 {
		return p.document(), exitDone
	}
	for _, hint := range p.wishes.Hints {
		if !p.pre {
			p.voice.Say("hint", hint)
		}
	}
	if p.wishes.Skip {
		if !p.pre {
			p.voice.Say("mmpush", "nothing is published: push option mmpush.skip")
		}
		return p.document(), exitDone
	}
	if p.config.Detach > 0 && !p.pre && p.workID == "" && p.Program != "" {
		return p.detach(ctx)
	}
	code, err := p.publish(ctx, jobs)
	if err != nil {
		doc, code = p.fail(err)
		p.finish(resultError)
		return doc, code
	}
	return p.document(), code
}

func (p *push) document() pushAnswer {
	return pushAnswer{Schema: report.Schema, Result: p.tally.worst, ID: p.work.ID, Reports: p.status.Reports}
}

// open opens the bare repository and reads its configuration.
func (p *push) open(ctx context.Context) (err error) {
	if p.git, err = gitpush.Open(ctx, p.gitDir(p.flags.GitDir), p.Environ, p.WrapFS); err != nil {
		return err
	}
	p.done = append(p.done, p.git.Close)
	if p.config, err = p.git.ReadConfig(ctx); err != nil {
		return err
	}
	if err := p.flags.override(&p.config); err != nil {
		return err
	}
	if err := p.git.UseLFS(p.config.LFS); err != nil {
		return err
	}
	p.wishes = gitpush.ParseOptions(p.Getenv)
	if p.unpublished {
		p.updates, err = p.git.Ledger().Unpublished()
	}
	return err
}

// override puts the flags in place of the configuration.
func (f *hookFlags) override(c *gitpush.Config) error {
	if f.Users != nil {
		if *f.Users == "" {
			return wrongUsage("such as /etc/mmpush/users; without the flag git's configuration decides", "--users is empty, which would give all rights to everybody")
		}
		var err error
		if c.Users, err = filepath.Abs(*f.Users); err != nil {
			return wrongUsage("give the path of a users file", "--users: %w", err)
		}
	}
	if (f.Repo == nil) != (len(f.Refs) == 0) {
		return wrongUsage("such as -R /srv/repo --refs refs/heads/dist", "-R and --refs go together")
	}
	if f.Repo == nil {
		return nil
	}
	at, err := filepath.Abs(*f.Repo)
	if err != nil {
		return wrongUsage("give the folder of a repository", "-R: %w", err)
	}
	c.Targets = []gitpush.Target{{Name: filepath.Base(at), Repository: at, Refs: f.Refs}}
	return nil
}

// publish does the jobs, one after the other.
func (p *push) publish(ctx context.Context, jobs []job) (code int, err error) {
	stop := p.voice.Beat(gitpush.Heartbeat)
	defer stop()
	p.voice.Now(func() string { return "looking at what the push changes" })
	ledger, old := p.git.Ledger(), map[string]gitpush.ID{}
	if !p.pre {
		if old, err = ledger.Before(p.updates); err != nil {
			return exitInternal, err
		}
	}
	if !p.look(ctx, jobs, old) {
		return exitDone, p.announce(jobs)
	}
	if !p.pre {
		if err := p.begin(ctx, jobs, old); err != nil {
			return exitInternal, err
		}
	}
	if p.who, err = p.pusher(); err != nil {
		return exitOfError(err), err
	}
	settled := map[string]bool{}
	for _, j := range jobs {
		one := p.job(ctx, j)
		code = worse(code, one)
		// What waits in a set is published by who brings the rest.
		settled[j.Ref] = one == exitDone || one == exitAccepted
	}
	p.sumUp(len(jobs))
	p.finish(p.tally.worst)
	if p.pre && code == exitDone {
		return code, p.announce(jobs)
	}
	if p.pre || p.wishes.DryRun {
		return code, nil
	}
	refs := map[string]bool{}
	for ref, ok := range settled {
		if ok {
			refs[ref] = true
		}
	}
	return code, ledger.Done(p.work.ID, refs)
}

// announce notes what post-receive will have to publish, in a push that is not refused.
func (p *push) announce(jobs []job) error {
	if !p.pre {
		return nil
	}
	var updates []gitpush.Update
	for _, j := range jobs {
		if j.matters(false) {
			updates = append(updates, j.Update)
		}
	}
	return p.git.Ledger().Announce(updates)
}

// begin makes the work's folder and notes the updates; what another push has noted
// meanwhile counts.
func (p *push) begin(ctx context.Context, jobs []job, old map[string]gitpush.ID) (err error) {
	if p.workID != "" {
		p.work, err = p.git.OpenWork(p.workID)
	} else {
		p.work, err = p.git.NewWork()
	}
	if err != nil {
		return err
	}
	p.status = gitpush.Status{Result: "running", Started: time.Now().UTC()}
	if err := p.work.Set(p.status); err != nil {
		return err
	}
	if log, err := p.work.Log(); err == nil {
		p.done = append(p.done, func() { _ = log.Close() })
		p.voice.Keep(log)
	}
	var updates []gitpush.Update
	for _, j := range jobs {
		updates = append(updates, j.Update)
	}
	from, err := p.git.Ledger().Begin(p.work.ID, updates)
	if err != nil {
		return err
	}
	for i, j := range jobs {
		if id, ok := from[j.Ref]; ok && id != old[j.Ref] {
			p.look(ctx, jobs[i:i+1], from)
		}
	}
	return nil
}

// finish writes the last status; without it the push is as it is.
func (p *push) finish(result report.Result) {
	if p.work.ID == "" {
		return
	}
	p.status.Result, p.status.Who, p.status.Finished = string(result), p.who.Name, time.Now().UTC()
	if err := p.work.Set(p.status); err != nil {
		p.voice.Say("warning", err.Error())
	}
	p.work.Sweep()
}

// repository opens a target's repository, once.
func (p *push) repository(t gitpush.Target) (*repo.Repo, error) {
	if t.Set != "" {
		s, err := p.set(t)
		if err != nil {
			return nil, err
		}
		return s.Home(), nil
	}
	if r, ok := p.repos[t.Repository]; ok {
		return r, nil
	}
	r, done, err := p.openAny(t.Repository)
	if err != nil {
		return nil, err
	}
	p.done = append(p.done, done)
	p.repos[t.Repository] = r
	return r, nil
}

// options are how the line runs.
func (p *push) options() pipeline.Options {
	verb := "post-receive"
	if p.pre {
		verb = "pre-receive"
	}
	return pipeline.Options{
		Who: p.who.Name, Transport: "git", DryRun: p.pre || p.wishes.DryRun, LockWait: p.flags.LockWait, Program: program(verb), Required: p.required,
		Waiting: func(holder string) {
			p.voice.Say("mmpush", "waiting for the repository: it is locked by "+holder)
		},
	}
}

// problem tells an error.
func (p *push) problem(err error) {
	text := withoutStack(err.Error())
	if code := report.CodeOf(err); code != report.CodeUsage {
		text += " [" + string(code) + "]"
	}
	p.voice.Insist("error", text)
	if e, ok := errors.AsType[*report.Error](err); ok && e.Hint != "" {
		p.voice.Insist("hint", e.Hint)
	}
}
