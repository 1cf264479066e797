package server

import (
	"context"
	"errors"
	"io/fs"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// dry says of a declared manifest what can be said without its files: its own faults,
// the rights, and what it would do to what is published. With all files here it is the
// whole line, up to the lock.
func (in *intake) dry(ctx context.Context) (map[int]report.Report, error) {
	if in.manifest == nil && in.d.Manifest == nil {
		return nil, nil
	}
	i := in.d.ManifestFile
	c := candidate{name: in.files[i].Name, sha: in.files[i].SHA256, own: true}
	rep := report.Report{Schema: report.Schema, Result: report.Rejected, Manifest: c.name, Architecture: in.s.arch(), Findings: in.findings}
	if report.Refused(in.findings) {
		return map[int]report.Report{i: rep}, nil
	}
	files, missing, err := in.locate(ctx, in.manifest)
	if err != nil {
		return nil, err
	}
	if c.signatures, err = in.signatures(c); err != nil {
		return nil, err
	}
	if len(missing) > 0 || len(c.signatures) < in.declaredSignatures(c.name) {
		rep, err = in.foresee(ctx, c, rep)
	} else {
		rep, err = in.publish(ctx, in.request(c, in.d.Manifest, in.manifest, files, func(tupkg.Progress) {}))
		rep.Findings = append(in.findings, rep.Findings...)
	}
	return map[int]report.Report{i: rep}, err
}

// foresee plans with the manifest standing in for the packages.
func (in *intake) foresee(ctx context.Context, c candidate, rep report.Report) (report.Report, error) {
	repositories, err := in.s.repositories()
	if err != nil {
		return rep, err
	}
	for _, r := range repositories {
		if in.s.Set != nil && len(in.manifest.Packages(r.Arch)) == 0 {
			continue
		}
		if err := in.foreseeIn(ctx, r, c, &rep); err != nil {
			return rep, err
		}
	}
	if !report.Refused(rep.Findings) {
		rep.Result = report.Planned
	}
	return rep, nil
}

// foreseeIn plans for one repository.
func (in *intake) foreseeIn(ctx context.Context, r *repo.Repo, c candidate, rep *report.Report) error {
	view, done, err := in.s.view(r)
	if err != nil {
		return err
	}
	defer done()
	w := in.d.Wishes
	add := plan.NewAddition(in.manifest, c.name, r.Arch, nil, plan.Requests{Rebuild: w.Rebuild, Downgrade: w.Downgrade, TakeOver: w.TakeOver})
	p, err := plan.Run(view, plan.Intent{Add: &add}, pipeline.Rules(r.Settings), standing(r))
	if err != nil {
		return err
	}
	denied, err := pipeline.Rights{Who: in.who, Source: in.manifest.Name, Arch: r.Arch}.VerifyPlan(ctx, view, p)
	if err != nil {
		return err
	}
	rep.Findings = append(append(rep.Findings, p.Findings...), denied...)
	rep.Packages = append(rep.Packages, p.Packages...)
	for _, f := range p.Puts {
		rep.BytesAdded += f.Size
	}
	for _, f := range p.Retires {
		rep.BytesRetired += f.Size
	}
	return nil
}

// standing says whether something stands at a path. Its bytes are not read.
func standing(r *repo.Repo) func(string) (plan.Taken, error) {
	return func(name string) (plan.Taken, error) {
		info, err := r.FS.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return plan.Taken{}, nil
		}
		return plan.Taken{Exists: err == nil, Size: info.Size}, err
	}
}
