package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/syncdb"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/core/vfs"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// verdictOf is what came of one upload.
type verdictOf struct {
	rep report.Report
	err error
}

func (v verdictOf) code() int {
	if v.err != nil {
		return exitOfError(v.err)
	}
	return exitOfReport(v.rep)
}

// candidate is an upload for one target; refused are the findings that it does not
// get past.
type candidate struct {
	place gitpush.Place
	u     upload.Upload
	found []report.Finding
	key   string
}

// job publishes one update in its targets; the exit code is the worst.
func (p *push) job(ctx context.Context, j job) (code int) {
	if j.err == nil && !j.matters(p.pre) {
		return exitDone
	}
	for _, t := range j.targets {
		if p.pre && len(t.Build) > 0 {
			continue
		}
		code = worse(code, p.target(ctx, j, t))
	}
	return code
}

// target publishes one update in one target. A defect is this ref's, not the others'.
func (p *push) target(ctx context.Context, j job, t gitpush.Target) (code int) {
	defer func() {
		if cause := recover(); cause != nil {
			code = p.tell(j, t, "", verdictOf{err: panicError(cause)})
		}
	}()
	if err := j.err; err != nil {
		return p.tell(j, t, "", verdictOf{err: err})
	}
	if len(j.change.Findings) > 0 {
		return p.tell(j, t, "", verdictOf{rep: report.Report{Result: report.Rejected, Findings: j.change.Findings}})
	}
	r, err := p.repository(t)
	if err != nil {
		return p.tell(j, t, "", verdictOf{err: err})
	}
	if len(t.Build) > 0 {
		return p.build(ctx, j, t, r)
	}
	if _, ok := r.Format.(syncdb.Format); ok && len(j.change.Packages) > 0 {
		code = p.pacman(ctx, j, t, r, j.change.Packages, p.inTree)
	}
	var list []candidate
	for _, place := range j.change.Places {
		c, err := p.candidate(ctx, place, t, r)
		if err != nil {
			return p.tell(j, t, "", verdictOf{err: err})
		}
		list = append(list, c)
	}
	return worse(code, p.all(ctx, j, t, r, list))
}

// candidate opens an upload, once for equal ones.
func (p *push) candidate(ctx context.Context, place gitpush.Place, t gitpush.Target, r *repo.Repo) (candidate, error) {
	key := t.Repository + "\x00" + t.Set + "\x00" + place.Key()
	if c, ok := p.uploads[key]; ok {
		return c, nil
	}
	arch := r.Arch
	if t.Set != "" {
		arch = ""
	}
	u, found, err := p.git.Upload(ctx, place, arch)
	c := candidate{place, u, found, key}
	if err == nil {
		if len(p.uploads) == maxUploads {
			clear(p.uploads)
		}
		p.uploads[key] = c
	}
	return c, err
}

// maxUploads is how many open uploads are remembered.
const maxUploads = 100

// build publishes what the target's command makes of the commit.
func (p *push) build(ctx context.Context, j job, t gitpush.Target, r *repo.Repo) int {
	if j.change.Commit.IsZero() {
		return exitDone
	}
	p.head(j, t, fmt.Sprintf("build of %s, %s", j.change.Commit.String()[:12], strings.Join(p.archs(t, r), ", ")))
	p.voice.Now(func() string { return "building " + t.Name })
	p.builds++
	b, err := p.work.Build(ctx, t, j.change, j.Ref, p.builds, p.Environ)
	if err != nil {
		return p.tell(j, t, "", verdictOf{err: err})
	}
	defer b.Close()
	_, pacman := r.Format.(syncdb.Format)
	switch {
	case len(b.Findings) > 0:
	case pacman && len(b.Packages) > 0:
		return p.pacman(ctx, j, t, r, b.Packages, func(place gitpush.Place) (vfs.FS, string, error) { return b.FS, place.Path(), nil })
	case pacman:
		b.Findings = append(b.Findings, gitpush.NoneOf("packages"))
	case len(b.Places) == 0:
		b.Findings = append(b.Findings, gitpush.NoneOf("manifests"))
	}
	if len(b.Findings) > 0 {
		return p.tell(j, t, "", verdictOf{rep: report.Report{Result: report.Rejected, Findings: b.Findings}})
	}
	var list []candidate
	for _, place := range b.Places {
		u, found, err := upload.Open(ctx, b.FS, place.Dir, place.Name)
		if err != nil {
			return p.tell(j, t, "", verdictOf{err: err})
		}
		list = append(list, candidate{place: place, u: u, found: found})
	}
	return p.all(ctx, j, t, r, list)
}

// all publishes the uploads of one update in one target.
func (p *push) all(ctx context.Context, j job, t gitpush.Target, r *repo.Repo, list []candidate) (code int) {
	archs := p.archs(t, r)
	list = ownArch(list, archs, len(j.targets) > 1)
	packages, readable := 0, true
	for _, c := range list {
		readable = readable && c.u.Manifest != nil
		if c.u.Manifest != nil {
			packages += packagesFor(c.u, archs)
		}
	}
	about := plural(packages, "package") + ", " + strings.Join(archs, ", ")
	if !readable {
		about = plural(len(list), "manifest") + ", " + strings.Join(archs, ", ")
	}
	if !p.pre && len(list) > 0 && len(t.Build) == 0 {
		p.head(j, t, about)
	}
	for _, c := range list {
		v, same := p.seen[c.key]
		if !same || c.key == "" {
			v = p.one(ctx, t, r, c)
			if v.rep.Manifest == "" {
				v.rep.Manifest = c.place.Path()
			}
			p.seen[c.key] = v
		}
		code = worse(code, p.tell(j, t, about, v))
	}
	return code
}

// ownArch leaves the uploads to those of several targets whose architecture they are
// for.
func ownArch(list []candidate, archs []string, several bool) []candidate {
	if !several {
		return list
	}
	return slices.DeleteFunc(list, func(c candidate) bool {
		return c.u.Manifest != nil && packagesFor(c.u, archs) == 0
	})
}

// one is the line for one upload: the rights on what is declared before anything is
// read, everything else in the pipeline.
func (p *push) one(ctx context.Context, t gitpush.Target, r *repo.Repo, c candidate) verdictOf {
	rejected := report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: c.place.Path(), Findings: c.found}
	if report.Refused(c.found) || c.u.Manifest == nil {
		return verdictOf{rep: rejected}
	}
	source := c.u.Manifest.Name
	if denied := access.Check(p.who, p.need(t, r, c.u)); len(denied) > 0 {
		rejected.Findings = denied
		return verdictOf{rep: rejected}
	}
	asked, err := p.verifiers(t, r)
	if err != nil {
		return verdictOf{err: err}
	}
	options := p.options()
	options.Progress = func(at upload.Progress) {
		p.voice.Now(func() string { return fmt.Sprintf("reading %s, %d %%", at.File, percent(at)) })
	}
	p.voice.Now(func() string { return "at work on " + c.place.Path() })
	if s := p.sets[t.Set]; s != nil {
		rep, err := p.inSet(ctx, t, s, c, options)
		rep.Findings = append(c.found, rep.Findings...)
		return verdictOf{rep: rep, err: err}
	}
	rep, err := pipeline.Publish(ctx, r, pipeline.Request{
		Upload:    c.u,
		Requests:  plan.Requests{Rebuild: p.wishes.Rebuild, Downgrade: p.wishes.Downgrade, TakeOver: p.wishes.TakeOver},
		Verifiers: append([]verify.Named{{Name: "rights", Verifier: pipeline.Rights{Who: p.who, Source: source, Arch: r.Arch}}}, asked...),
		Options:   options,
	})
	rep.Findings = append(c.found, rep.Findings...)
	return verdictOf{rep: rep, err: err}
}
