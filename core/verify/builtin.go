package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// builtin runs the checks that cannot be switched off, in the manifest's order. An
// error means that there is nothing to check.
func builtin(u upload.Upload, arch string) ([]report.Finding, error) {
	if u.Kind != upload.Mmpack || u.Manifest == nil {
		return nil, fmt.Errorf("there are no checks for an upload of kind %q without a manifest", u.Kind)
	}
	c := &examiner{u: u, m: u.Manifest}
	archs := c.architectures(arch)
	if len(archs) == 0 {
		return c.findings, nil
	}
	c.sourceNames()
	source, err := c.received("", "", c.m.Source)
	if err != nil {
		return nil, err
	}
	c.file(source, c.m.Source.Line, "source")
	for _, a := range archs {
		for _, p := range a.Packages {
			if err := c.binary(a, p); err != nil {
				return nil, err
			}
		}
	}
	return c.findings, nil
}

// examiner collects the findings about one upload.
type examiner struct {
	u        upload.Upload
	m        *manifest.Manifest
	findings []report.Finding
}

// add adds a refusing finding about the manifest, unless f names another file.
func (c *examiner) add(f report.Finding) {
	f.Severity = report.SeverityError
	if f.File == "" {
		f.File = c.u.Name
	}
	c.findings = append(c.findings, f)
}

// architectures returns those to be checked; none, with a finding, if there is no
// package.
func (c *examiner) architectures(arch string) []manifest.Architecture {
	var archs []manifest.Architecture
	for _, a := range c.m.Binary {
		if len(a.Packages) > 0 && (a.Name == arch || arch == "" && c.wasRead(a.Name)) {
			archs = append(archs, a)
		}
	}
	if len(archs) > 0 {
		return archs
	}
	f := report.Finding{Code: report.CodeArch, Field: "binpkgs", Expected: arch, Actual: c.present(),
		Message: "the manifest declares no package for " + arch,
		Hint:    "take the architecture that the manifest has, or the manifest of this one"}
	if arch == "" {
		f.Message = "the manifest declares no package for any architecture that was asked for"
		f.Hint = "name an architecture that the manifest has"
	}
	c.add(f)
	return nil
}

// wasRead reports whether any package of the architecture was looked for.
func (c *examiner) wasRead(arch string) bool {
	return slices.ContainsFunc(c.u.Received, func(r upload.Received) bool { return r.Arch == arch })
}

// present names the architectures that have packages.
func (c *examiner) present() string {
	var names []string
	for _, a := range c.m.Binary {
		if len(a.Packages) > 0 {
			names = append(names, a.Name)
		}
	}
	return strings.Join(names, ", ")
}

// received finds what was read of a declared file.
func (c *examiner) received(arch, name string, f manifest.File) (upload.Received, error) {
	for _, r := range c.u.Received {
		if r.Arch == arch && r.PackageName == name && r.File == (upload.File{Name: f.Name, Size: f.Size, SHA256: f.SHA256}) {
			return r, nil
		}
	}
	return upload.Received{}, errNotRead(f.Name)
}

// binary checks one package.
func (c *examiner) binary(a manifest.Architecture, p manifest.Package) error {
	r, err := c.received(a.Name, p.Name, p.File)
	if err != nil {
		return err
	}
	field := "binpkgs." + a.Name + "." + p.Name
	c.binaryNames(a, p, field)
	if c.file(r, p.File.Line, field) {
		c.contents(r, p, field)
	}
	return nil
}

// sourceNames and binaryNames check again what the manifest's parser has checked:
// an upload may come from somewhere else one day, and these names become paths and
// lines of an index. With the same rule, no value of the source index has ": " in
// it, which the reference could not read.
func (c *examiner) sourceNames() {
	c.name(report.CodeName, 0, "name", c.m.Name, manifest.ValidName(c.m.Name))
	c.name(report.CodeVersion, 0, "version", c.m.Version, manifest.ValidVersion(c.m.Version))
	c.name(report.CodeName, c.m.Source.Line, "source.file", c.m.Source.Name, manifest.ValidFileName(c.m.Source.Name))
}

func (c *examiner) binaryNames(a manifest.Architecture, p manifest.Package, field string) {
	c.name(report.CodeName, a.Line, "binpkgs", a.Name, manifest.ValidArch(a.Name))
	c.name(report.CodeName, p.Line, "binpkgs."+a.Name, p.Name, manifest.ValidName(p.Name))
	c.name(report.CodeName, p.File.Line, field+".file", p.File.Name, manifest.ValidFileName(p.File.Name))
}

func (c *examiner) name(code report.Code, line int, field, value string, err error) {
	if err == nil {
		return
	}
	c.add(report.Finding{Code: code, Line: line, Field: field, Actual: value, Message: err.Error(),
		Hint: "names start with a letter or digit and go on with letters, digits and . _ + ~ -"})
}
