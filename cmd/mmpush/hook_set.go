package main

import (
	"context"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// set opens a target's set, once.
func (p *push) set(t gitpush.Target) (*sets.Set, error) {
	if s, ok := p.sets[t.Set]; ok {
		return s, nil
	}
	named, ok := p.app.config.Set(t.Set)
	if !ok {
		return nil, wrongUsage("write it under `sets:` in /etc/mmpush/config.yaml, or in the configuration of the hook's user",
			"mmpush.%s.set: there is no set %q", t.Name, visible(t.Set))
	}
	s, done, err := p.openSet(named)
	if err != nil {
		return nil, err
	}
	p.done = append(p.done, done)
	p.sets[t.Set] = s
	return s, nil
}

// openHookTarget opens what a target publishes in.
func (a *app) openHookTarget(t gitpush.Target) (done func(), err error) {
	if t.Set == "" {
		_, done, err = a.openAny(t.Repository)
		return done, err
	}
	named, ok := a.config.Set(t.Set)
	if !ok {
		return nil, wrongUsage("write it under `sets:` in a configuration", "there is no set %q", visible(t.Set))
	}
	_, done, err = a.openSet(named)
	return done, err
}

// archs are the architectures that a target takes.
func (p *push) archs(t gitpush.Target, r *repo.Repo) []string {
	if s := p.sets[t.Set]; s != nil {
		return s.Archs()
	}
	return []string{r.Arch}
}

// inSet is the line for one upload that is published in a set, or that waits there for
// others.
func (p *push) inSet(ctx context.Context, t gitpush.Target, s *sets.Set, c candidate, options pipeline.Options) (report.Report, error) {
	rep, err := s.Publish(ctx, sets.Request{
		Uploads:  []upload.Upload{c.u},
		Requests: plan.Requests{Rebuild: p.wishes.Rebuild, Downgrade: p.wishes.Downgrade, TakeOver: p.wishes.TakeOver},
		Verifiers: func(sender, source, arch string) ([]verify.Named, error) {
			who, err := p.identity(sender)
			if err != nil {
				who = access.NewIdentity(sender, nil)
			}
			asked, err := p.verifiers(t, s.Repositories[arch])
			rights := verify.Named{Name: "rights", Verifier: pipeline.Rights{Who: who, Source: source, Arch: arch}}
			return append([]verify.Named{rights}, asked...), err
		},
		Options: options,
	})
	// Where the repositories lie on the server is nothing for who pushes.
	for i := range rep.Repositories {
		rep.Repositories[i].Repository = ""
	}
	return rep, err
}

// need are the rights that an upload asks for by what it says.
func (p *push) need(t gitpush.Target, r *repo.Repo, u upload.Upload) (list []access.Need) {
	for _, arch := range p.archs(t, r) {
		if t.Set == "" || len(u.Manifest.Packages(arch)) > 0 {
			list = append(list, pipeline.DeclaredNeeds(u.Manifest.Name, arch)...)
		}
	}
	return list
}

// packagesFor counts the packages of an upload for some architectures.
func packagesFor(u upload.Upload, archs []string) (n int) {
	for _, arch := range archs {
		n += len(u.Manifest.Packages(arch))
	}
	return n
}
