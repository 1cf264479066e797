package plan

import (
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
)

// NewAddition returns the stanzas that the packages of one architecture ask for.
// packages holds what each package says of itself, by its name in the manifest.
//
// The name and sumsha256sums come from MMPACK/metadata; the file's name, size and
// SHA-256 from the manifest; the others from the pkginfo, as mmpack-modifyrepo takes
// them. For a package that could not be read the manifest stands in: verification
// refuses such an upload, and a dry run still shows its names.
func NewAddition(m *manifest.Manifest, manifestName, arch string, packages map[string]*mpk.Package, r Requests) Addition {
	a := Addition{
		Manifest: manifestName,
		Source: index.Source{
			Name: m.Name, Version: m.Version,
			Filename: m.Source.Name, Size: m.Source.Size, SHA256: m.Source.SHA256,
		},
		Requests: r,
	}
	for _, p := range m.Packages(arch) {
		b := index.Binary{Name: p.Name, Version: m.Version, Source: m.Name, SrcSHA256: m.Source.SHA256}
		if pkg := packages[p.Name]; pkg != nil {
			b = described(pkg)
		}
		b.Filename, b.Size, b.SHA256 = p.File.Name, p.File.Size, p.File.SHA256
		a.Binaries = append(a.Binaries, b)
	}
	return a
}

// described is the part of a stanza that the package itself says.
func described(p *mpk.Package) index.Binary {
	return index.Binary{
		Name:          p.Metadata.Name,
		Version:       p.Info.Version,
		Source:        p.Info.Source,
		SrcSHA256:     p.Info.SrcSHA256,
		Ghost:         p.Info.Ghost,
		SumSHA256Sums: p.Metadata.SumSHA256Sums,
		Depends:       p.Info.Depends,
		SysDepends:    p.Info.SysDepends,
		Description:   p.Info.Description,
	}
}

// malformed finds what makes an addition impossible to plan. Verification finds all of
// it earlier, in better words; here it keeps the promises of this room independent of
// who calls it.
func malformed(a Addition) []report.Finding {
	c := shape{addition: a, names: map[string]bool{}, files: map[string]bool{}}
	s := a.Source
	c.named(a.Manifest, s.Name, s.Version)
	if len(a.Binaries) == 0 {
		c.find(report.CodeArch, a.Manifest, "binpkgs", "the upload has no package for this repository")
	}
	c.file(s.Filename, s.SHA256, s.Size)
	for _, b := range a.Binaries {
		c.binary(b)
		c.file(b.Filename, b.SHA256, b.Size)
	}
	return c.findings
}

type shape struct {
	addition     Addition
	names, files map[string]bool
	findings     []report.Finding
}

func (c *shape) find(code report.Code, file, field, format string, args ...any) {
	c.findings = append(c.findings, report.Finding{
		Code: code, Severity: report.SeverityError, File: file, Field: field, Message: fmt.Sprintf(format, args...),
	})
}

func (c *shape) named(file, name, version string) {
	if err := manifest.ValidName(name); err != nil {
		c.find(report.CodeName, file, "name", "%q cannot be published: %v", name, err)
	}
	if err := manifest.ValidVersion(version); err != nil {
		c.find(report.CodeVersion, file, "version", "%q cannot be published: %v", version, err)
	}
}

func (c *shape) binary(b index.Binary) {
	s := c.addition.Source
	c.named(b.Filename, b.Name, b.Version)
	switch {
	case c.names[b.Name]:
		c.find(report.CodeDuplicate, b.Filename, "name", "the upload has two packages of the name %s", b.Name)
	case b.Source != s.Name:
		c.find(report.CodeMismatch, b.Filename, "source", "the package says that it is built from %s, the upload is of %s", b.Source, s.Name)
	case b.SrcSHA256 != s.SHA256:
		c.find(report.CodeSrcSHA, b.Filename, "srcsha256", "the package was built from another tarball than %s", s.Filename)
	}
	c.names[b.Name] = true
	if read, err := index.ParseBinary(index.FormatBinary(b)); err != nil || !sameValues(read, b) {
		c.find(report.CodeText, b.Filename, "description", "the package has a text that no stanza of the index can hold")
	}
}

// file looks at what becomes a path.
func (c *shape) file(name, sha256 string, size int64) {
	if err := manifest.ValidFileName(name); err != nil {
		c.find(report.CodeName, c.addition.Manifest, "file", "%q cannot be published: %v", name, err)
	}
	if size < 1 {
		c.find(report.CodeField, c.addition.Manifest, "size", "%q has a size of %d bytes; at least 1 is needed", name, size)
	}
	if c.files[name] {
		c.find(report.CodeDuplicate, c.addition.Manifest, "file", "the upload has two files of the name %s", name)
	}
	if !isSHA256(sha256) {
		c.find(report.CodeField, c.addition.Manifest, "sha256", "%q is not a SHA-256 of 64 lower-case hexadecimal digits", sha256)
	}
	c.files[name] = true
}

func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
