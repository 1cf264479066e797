package contents

import (
	"context"
	"fmt"
	"path"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	var findings []report.Finding
	for _, r := range u.Received {
		if r.Arch == "" || v.repo.Arch != "" && r.Arch != v.repo.Arch {
			continue
		}
		if r.Package == nil {
			return nil, fmt.Errorf("%s was not read", r.Name)
		}
		found, err := v.examine(ctx, u, r)
		if err != nil {
			return nil, err
		}
		findings = append(findings, found...)
		if v.overlap {
			// Whatever is wrong with it: who only warns publishes it.
			v.keep(r.SHA256, installed(r.Package))
		}
	}
	return findings, nil
}

// examine reads one package of an upload.
func (v *Verifier) examine(ctx context.Context, u upload.Upload, r upload.Received) ([]report.Finding, error) {
	f, err := u.FS.Open(path.Join(u.Dir, r.Name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &scan{v: v, file: r.Name, arch: r.Arch, sumsPath: r.Package.Metadata.SumshaPath, members: map[string]found{}, listed: map[string]sum{}}
	bad, err := archive.Verdict(s.read(ctx, f, r.ActualSize), "mmpack-build")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.Name, err)
	}
	if bad != nil {
		bad.File = r.Name
		s.Add(*bad)
	}
	return s.All(), nil
}

// installed are the paths that a package installs, but for the files that describe it:
// these have its name in theirs.
func installed(p *mpk.Package) []string {
	var paths []string
	for _, m := range p.Files {
		if m.Type == archive.FolderMember || len(m.Name) < 3 {
			continue
		}
		name := m.Name[len("./"):]
		if m.Name != p.Metadata.PkginfoPath && m.Name != p.Metadata.SumshaPath && !unlisted(name) {
			paths = append(paths, name)
		}
	}
	return paths
}
