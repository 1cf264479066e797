package pipeline

import (
	"context"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
)

// Check verifies an upload with no repository: all of its architectures, or only
// the one that is named.
func Check(ctx context.Context, u upload.Upload, arch string, opt Options, verifiers []verify.Named) (report.Report, error) {
	archs := u.Manifest.Architectures()
	if arch != "" {
		archs = []string{arch}
	}
	u, err := upload.Inspect(ctx, u, archs, upload.Options{Limits: limitsOf(opt, nil), Progress: opt.Progress})
	if err != nil {
		return report.Report{}, err
	}
	rep := report.Report{Schema: report.Schema, Result: report.Verified, Manifest: u.Name, Architecture: arch}
	rep.Findings, err = verify.Run(ctx, u, arch, verifiers)
	if err != nil {
		return rep, err
	}
	if report.Refused(rep.Findings) {
		rep.Result = report.Rejected
		return rep, nil
	}
	rep.Packages = declared(u)
	return rep, nil
}

// declared lists the packages of a verified upload.
func declared(u upload.Upload) []report.Package {
	var list []report.Package
	for _, f := range u.Received {
		p := report.Package{
			Kind: report.Source, Name: u.Manifest.Name, Version: u.Manifest.Version, Action: report.ActionVerify,
			File: f.Name, Size: f.ActualSize, SHA256: f.ActualSHA256,
		}
		if f.Arch != "" {
			p.Kind, p.Name, p.Architecture = report.Binary, f.PackageName, f.Arch
		}
		list = append(list, p)
	}
	return list
}
