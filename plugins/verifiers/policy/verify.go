package policy

import (
	"context"
	"fmt"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/core/verify"
	"github.com/mmpush/mmpush/plugins/verifiers/config"
)

var _ verify.PlanVerifier = (*Verifier)(nil)

// Verify implements [verify.Verifier].
func (v *Verifier) Verify(_ context.Context, u upload.Upload) ([]report.Finding, error) {
	if u.Manifest == nil {
		return nil, fmt.Errorf("an upload of kind %q has no manifest", u.Kind)
	}
	e := &examiner{v: v, u: u}
	e.name("source", "name", 0, u.Manifest.Name, v.Sources)
	if v.version != nil && !v.version.MatchString(u.Manifest.Version) {
		e.add(report.Finding{Code: report.CodePolicyVersion, Field: "version", Expected: v.Version, Actual: u.Manifest.Version,
			Message: "the version does not have the form that this repository wants", Hint: "raise the version to one of that form, and build again"})
	}
	var all, unpacked int64
	for _, r := range u.Received {
		all += r.ActualSize
		if r.Arch == "" {
			e.size("source", r.Name, r.ActualSize, v.source)
			continue
		}
		e.size("package", r.Name, r.ActualSize, v.pkg)
		e.name("package", "binpkgs."+r.Arch+"."+r.PackageName, e.line(r), r.PackageName, v.Packages)
		if r.Package != nil {
			unpacked += r.Package.DecodedSize
			e.fields(r)
		}
	}
	e.size("upload", u.Name, all, v.upload)
	e.size("unpacked", u.Name, unpacked, v.unpacked)
	return e.findings, nil
}

// examiner collects the findings about one upload.
type examiner struct {
	v        *Verifier
	u        upload.Upload
	findings []report.Finding
}

func (e *examiner) add(f report.Finding) {
	f.Severity = report.SeverityError
	if f.File == "" {
		f.File = e.u.Name
	}
	e.findings = append(e.findings, f)
}

// line is where the manifest declares a package.
func (e *examiner) line(r upload.Received) int {
	for _, p := range e.u.Manifest.Packages(r.Arch) {
		if p.Name == r.PackageName {
			return p.Line
		}
	}
	return 0
}

// name holds a name against what is allowed and denied.
func (e *examiner) name(what, field string, line int, name string, rule names) {
	f := report.Finding{Code: report.CodePolicyName, Field: field, Line: line, Actual: name,
		Hint: "choose another name, or ask whoever runs the repository"}
	switch {
	case config.Matches(rule.Deny, name):
		f.Message = fmt.Sprintf("this repository takes no %s of that name", what)
	case len(rule.Allow) > 0 && !config.Matches(rule.Allow, name):
		f.Message = fmt.Sprintf("this repository takes only some names for a %s", what)
		f.Expected = strings.Join(rule.Allow, ", ")
	default:
		return
	}
	e.add(f)
}

// size holds a size against its limit; 0 is none.
func (e *examiner) size(what, file string, size, limit int64) {
	if limit == 0 || size <= limit {
		return
	}
	message := map[string]string{
		"package": "the package is larger than this repository takes", "source": "the source tarball is larger than this repository takes",
		"upload":   "the files of the upload are together larger than this repository takes",
		"unpacked": "the packages of the upload are together larger, when unpacked, than this repository takes",
	}[what]
	e.add(report.Finding{Code: report.CodePolicySize, File: file, Field: what, Expected: fmt.Sprintf("at most %d bytes", limit), Actual: fmt.Sprintf("%d bytes", size),
		Message: message, Hint: "take out what need not be in it, or ask whoever runs the repository for a higher limit"})
}

// fields wants values that are not empty.
func (e *examiner) fields(r upload.Received) {
	values := map[string]string{
		"description": r.Package.Info.Description, "depends": r.Package.Info.Depends, "sysdepends": r.Package.Info.SysDepends,
	}
	e.empty(r.Name, values)
}

// empty refuses fields that say nothing.
func (e *examiner) empty(file string, values map[string]string) {
	for _, f := range e.v.Fields {
		if strings.TrimSpace(values[f]) == "" {
			e.add(report.Finding{Code: report.CodePolicyField, File: file, Field: f,
				Message: "the package says nothing here, and this repository wants it to", Hint: "add it to the package's specs, and build again"})
		}
	}
}
