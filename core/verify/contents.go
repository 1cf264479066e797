package verify

import (
	"fmt"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/mpk"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// contents checks what a package says of itself; field is its entry in the
// manifest.
func (c *examiner) contents(r upload.Received, p manifest.Package, field string) {
	told := report.Refused(r.Findings)
	if r.Package == nil {
		if !told && r.ActualSize <= r.Size {
			c.add(report.Finding{Code: report.CodePackage, File: r.Name,
				Message: "the package was not looked into", Hint: "check the upload again"})
		}
		return
	}
	k := packageCheck{examiner: c, r: r, p: p, field: field, told: told}
	k.agree()
	k.metadata(r.Package)
	k.texts(r.Package)
}

// packageCheck compares one package with the manifest and with itself.
type packageCheck struct {
	*examiner
	r     upload.Received
	p     manifest.Package
	field string
	// told: reading the package found something that refuses it; then a value
	// that is missing has been told.
	told bool
}

// agree compares the manifest with MMPACK/metadata, and that with pkginfo: if both
// agree, so do all three. For the source tarball it is the declared hash that is
// compared, which is that of the file or has its own finding.
func (k *packageCheck) agree() {
	meta, info := k.r.Package.Metadata, k.r.Package.Info
	for _, v := range []struct {
		key, field       string
		line             int
		code             report.Code
		want, meta, info string
	}{
		{"name", k.field, k.p.Line, report.CodeMismatch, k.p.Name, meta.Name, info.Name},
		// Name and version are the whole manifest's; the line leads to the
		// package, which is one of several.
		{"version", "version", k.p.Line, report.CodeMismatch, k.m.Version, meta.Version, info.Version},
		{"source", "name", k.p.Line, report.CodeMismatch, k.m.Name, meta.Source, info.Source},
		{"srcsha256", "source.sha256", k.m.Source.Line, report.CodeSrcSHA, k.m.Source.SHA256, meta.SrcSHA256, info.SrcSHA256},
	} {
		if v.meta != v.want && !k.excused(v.meta) {
			c := report.Finding{Code: v.code, Line: v.line, Field: v.field, Expected: report.Shown(v.want), Actual: report.Shown(v.meta),
				Message: fmt.Sprintf("the package %s has another %s than the manifest", k.r.Name, v.key),
				Hint:    "publish the manifest that was written together with this package"}
			if v.code == report.CodeSrcSHA {
				c.Message = fmt.Sprintf("the package %s was built from another source tarball", k.r.Name)
				c.Hint = "publish the packages together with the source that they were built from"
			}
			k.add(c)
		}
		if v.info != v.meta && !k.excused(v.meta) && !k.excused(v.info) {
			k.inPkginfo(report.CodeMismatch, v.key, report.Shown(v.meta), report.Shown(v.info),
				"pkginfo and MMPACK/metadata have not the same "+v.key)
		}
	}
}

// excused reports whether a value is missing because of what was told already.
func (k *packageCheck) excused(value string) bool { return value == "" && k.told }

// metadata holds what reading the package checks already: it must not depend on
// one room alone whether a client crashes.
func (k *packageCheck) metadata(p *mpk.Package) {
	if k.told {
		return
	}
	if p.Metadata.SumSHA256Sums != p.SumshaSHA256 || p.SumshaSHA256 == "" {
		k.add(report.Finding{Code: report.CodeSumSHA, File: k.r.Name, Field: mpk.MetadataName + ":sumsha256sums",
			Expected: report.Shown(p.Metadata.SumSHA256Sums), Actual: p.SumshaSHA256,
			Message: "the list of checksums is not the one that MMPACK/metadata declares",
			Hint:    "the package was changed after it was built: build it again"})
	}
	if g := p.Info.Ghost; g != "true" && g != "false" {
		k.inPkginfo(report.CodePkginfo, "ghost", "true or false", report.Shown(g), "the value is neither true nor false")
	}
}

// texts checks every value that becomes part of an index.
func (k *packageCheck) texts(p *mpk.Package) {
	if k.told {
		return
	}
	for _, v := range []struct{ key, value, allowed string }{
		{"name", p.Info.Name, ""},
		{"version", p.Info.Version, ""},
		{"source", p.Info.Source, ""},
		{"srcsha256", p.Info.SrcSHA256, ""},
		{"ghost", p.Info.Ghost, ""},
		{"depends", p.Info.Depends, ""},
		{"sysdepends", p.Info.SysDepends, ""},
		{"description", p.Info.Description, "\n\t"},
	} {
		if what := flaw(v.value, v.allowed); what != "" {
			k.inPkginfo(report.CodeText, v.key, "", report.Shown(v.value), "the value holds "+what+", which no index can carry")
		}
	}
}

// inPkginfo is about one key of the package's pkginfo.
func (k *packageCheck) inPkginfo(code report.Code, key, expected, actual, message string) {
	k.add(report.Finding{Code: code, File: k.r.Name, Field: report.Shown(k.r.Package.Metadata.PkginfoPath) + ":" + key,
		Expected: expected, Actual: actual, Message: message, Hint: "build the package again with mmpack-build"})
}
