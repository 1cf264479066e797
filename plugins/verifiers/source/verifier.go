package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/archive"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(ctx context.Context, u upload.Upload) ([]report.Finding, error) {
	if u.Manifest == nil {
		return nil, fmt.Errorf("an upload of kind %q has no manifest", u.Kind)
	}
	for _, r := range u.Received {
		if r.Arch != "" {
			continue
		}
		e := &examiner{v: v, u: u, file: r.Name}
		if err := e.examine(ctx, r); err != nil {
			return nil, err
		}
		return e.All(), nil
	}
	return nil, errors.New("the source tarball was not read")
}

// examiner looks at one tarball.
type examiner struct {
	report.List
	v    *Verifier
	u    upload.Upload
	file string
}

func (e *examiner) examine(ctx context.Context, r upload.Received) error {
	f, err := e.u.FS.Open(path.Join(e.u.Dir, r.Name))
	if err != nil {
		return err
	}
	defer f.Close()
	from, compared := e.v.rule(e.u.Manifest.Name)
	t := &tree{limits: e.v.limits, loose: true, keep: compared}
	bad, err := archive.Verdict(e.unpack(archive.WithContext(ctx, f), r.ActualSize, t), "mmpack-build")
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	if bad != nil {
		bad.Message = strings.Replace(bad.Message, "the package", "the source tarball", 1)
		if bad.Code == report.CodePackage {
			bad.Code = report.CodeSource
		}
		bad.File = r.Name
		e.Add(*bad)
		return nil
	}
	for _, p := range t.problems {
		e.add(report.CodeSource, p.Member, "", "", p.Text, "make the tarball again with mmpack-build")
	}
	e.specs(t)
	if len(e.All()) > 0 || !compared {
		return nil
	}
	repository, tag := from.filled(e.u.Manifest.Name, e.u.Manifest.Version)
	return e.git(ctx, t, repository, tag)
}

// unpack reads the tarball, whatever it is compressed with.
func (e *examiner) unpack(r io.Reader, size int64, t *tree) error {
	open := archive.XZ
	switch {
	case strings.HasSuffix(e.file, ".gz"), strings.HasSuffix(e.file, ".tgz"):
		open = archive.Gzip
	case strings.HasSuffix(e.file, ".zst"):
		open = archive.Zstd
	}
	z, err := open(r, size, e.v.limits)
	if err != nil {
		return err
	}
	defer z.Close()
	return t.read(z)
}

// specs compares mmpack/specs with the manifest.
func (e *examiner) specs(t *tree) {
	const hint = "publish the packages together with the source that they were built from, as mmpack-build wrote it"
	if t.specs == nil {
		e.add(report.CodeSpecs, specsName, "", "", "the source tarball has no readable mmpack/specs", hint)
		return
	}
	s := parseSpecs(t.specs)
	for _, v := range []struct{ key, want, got string }{
		{"name", e.u.Manifest.Name, s.name}, {"version", e.u.Manifest.Version, s.version},
	} {
		switch {
		case v.got == "":
			e.add(report.CodeSpecs, specsName+":"+v.key, v.want, "", "mmpack/specs has no line with the "+v.key+", or more than one", hint)
		case v.got != v.want:
			e.add(report.CodeSpecs, specsName+":"+v.key, v.want, v.got, "mmpack/specs has another "+v.key+" than the manifest", hint)
		}
	}
}

// rule is the first that is about a source.
func (v *Verifier) rule(name string) (rule, bool) {
	for _, r := range v.rules {
		if config.Matches([]string{r.Source}, name) {
			return r, true
		}
	}
	return rule{}, false
}

func (e *examiner) add(code report.Code, field, want, got, message, hint string) {
	e.Add(report.Finding{Code: code, File: e.file, Field: field, Expected: want, Actual: got, Message: message, Hint: hint})
}
