package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// job is one update on its way into its targets.
type job struct {
	gitpush.Update
	targets []gitpush.Target
	change  gitpush.Change
	err     error
}

// jobs are the updates that publish somewhere. Of a deleted ref nothing is left to
// publish.
func (p *push) jobs() []job {
	var list []job
	gone := map[string]bool{}
	for _, u := range p.updates {
		var targets []gitpush.Target
		for _, t := range p.config.Targets {
			if t.Takes(u.Ref) {
				targets = append(targets, t)
			}
		}
		switch {
		case len(targets) == 0:
		case u.Deletes():
			gone[u.Ref] = true
		default:
			list = append(list, job{Update: u, targets: targets})
		}
	}
	if len(gone) > 0 && !p.pre {
		p.forget(gone)
	}
	return list
}

// forget drops what is noted for refs that are gone: else it would be taken up again when
// they come back.
func (p *push) forget(gone map[string]bool) {
	ledger := p.git.Ledger()
	left, err := ledger.Before(p.updates)
	for ref := range gone {
		if _, noted := left[ref]; !noted {
			delete(gone, ref)
		}
	}
	if err == nil {
		_ = ledger.Drop(gone)
	}
}

// look finds out what an update has changed; old says for some refs what was published
// last.
func (p *push) look(ctx context.Context, jobs []job, old map[string]gitpush.ID) (some bool) {
	for i := range jobs {
		j := &jobs[i]
		from := j.Old
		if id, ok := old[j.Ref]; ok {
			from = id
		}
		j.change, j.err = p.changed(ctx, from, j.New)
		some = some || j.err != nil || j.matters(p.pre)
	}
	return some
}

// changed asks once for each pair of commits.
func (p *push) changed(ctx context.Context, from, to gitpush.ID) (gitpush.Change, error) {
	key := [2]gitpush.ID{from, to}
	if c, ok := p.changes[key]; ok {
		return c, nil
	}
	c, err := p.git.Changed(ctx, from, to)
	if err == nil {
		p.changes[key] = c
	}
	return c, err
}

// matters reports whether there is anything to say about an update.
func (j job) matters(pre bool) bool {
	builds := slices.ContainsFunc(j.targets, func(t gitpush.Target) bool { return len(t.Build) > 0 })
	return len(j.change.Findings) > 0 || len(j.change.Places)+len(j.change.Packages) > 0 || builds && !pre && !j.change.Commit.IsZero()
}

// pusher is who pushes, with the rights of the users file. Without one, who may push
// may publish: git's own access control has decided.
func (p *push) pusher() (access.Identity, error) {
	name, err := "", error(nil)
	if p.flags.As != nil {
		name = *p.flags.As
	} else if name, err = p.git.Pusher(p.config, p.User, p.Getenv, p.updates); err != nil {
		return access.Identity{}, err
	}
	if given := p.flags.As != nil || strings.HasPrefix(p.config.Identity, "env:"); given {
		// The history has it, without a users file too.
		if err := access.ValidName(name); err != nil {
			return access.Identity{}, &report.Error{
				Stage: "push", Code: report.CodePusher, Kind: report.KindDenied, Err: fmt.Errorf("%q cannot be who pushes: %w", visible(name), err),
				Hint: "see --as and mmpush.identity of the hook",
			}
		}
	}
	return p.identity(name)
}

// identity is who has that name, with the rights of the users file.
func (p *push) identity(name string) (access.Identity, error) {
	if p.config.Users == "" {
		return access.Operator(name), nil
	}
	users, stamp, err := readUsers(p.config.Users)
	if err != nil {
		return access.Identity{}, err
	}
	id, err := access.NewAuthenticator(users, stamp, access.Options{}).Identity(name)
	if err != nil {
		return id, &report.Error{
			Stage: "push", Code: report.CodePusher, Kind: report.KindDenied,
			Err:  fmt.Errorf("%s has no account that may publish here", visible(name)),
			Hint: "ask whoever runs the server (" + filepath.Base(p.config.Users) + ")",
		}
	}
	return id, nil
}

// verifiers are the plugins that git's configuration asks for, besides those in the
// settings of the repository.
func (p *push) verifiers(t gitpush.Target, r *repo.Repo) ([]verify.Named, error) {
	key := "mmpush." + t.Name + ".verifiers"
	pins, err := parsePins(key, t.Verifiers)
	if err != nil {
		return nil, err
	}
	var list []verify.Named
	for _, pin := range pins {
		if slices.ContainsFunc(r.Settings.Verifiers, func(s repo.VerifierSetting) bool { return s.Name == pin.Name }) {
			return nil, wrongUsage("give it another name", "%s: the repository's settings have a verifier %s", key, pin.Name)
		}
		list = append(list, verify.Named{Name: pin.Name, Verifier: p.plugins.verifier(pin, p.pluginOptions(pin.Name))})
	}
	return list, nil
}
