package sets

import (
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/manifest"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

// merge finds, for each architecture, the upload that has it, as the public CI server
// merges the manifests of its builders. What they do not agree about refuses.
func merge(uploads []upload.Upload) (map[string]upload.Upload, []report.Finding) {
	var found []report.Finding
	parts := map[string]upload.Upload{}
	first := uploads[0]
	for _, u := range uploads {
		found = append(found, differences(first, u)...)
		for _, a := range u.Manifest.Binary {
			other, twice := parts[a.Name]
			if !twice {
				parts[a.Name] = u
				continue
			}
			if d := unlike(other.Manifest.Packages(a.Name), a.Packages); d != "" {
				found = append(found, report.Finding{
					Code: report.CodeParts, Severity: report.SeverityError, File: u.Name, Line: a.Line, Field: "binpkgs." + a.Name,
					Message: fmt.Sprintf("says something else about %s than %s: %s", a.Name, other.Name, d),
					Hint:    "name one manifest for each architecture",
				})
			}
		}
	}
	return parts, found
}

// differences are what two manifests say differently about their source.
func differences(a, b upload.Upload) []report.Finding {
	var found []report.Finding
	differ := func(field string, line int, expected, actual string) {
		if expected != actual {
			found = append(found, report.Finding{
				Code: report.CodeParts, Severity: report.SeverityError, File: b.Name, Line: line, Field: field,
				Expected: expected, Actual: actual, Message: "is not what " + a.Name + " says: they are not parts of one source", Hint: buildOnce,
			})
		}
	}
	x, y := a.Manifest, b.Manifest
	differ("name", 0, x.Name, y.Name)
	differ("version", 0, x.Version, y.Version)
	differ("source.file", y.Source.Line, x.Source.Name, y.Source.Name)
	differ("source.sha256", y.Source.Line, x.Source.SHA256, y.Source.SHA256)
	differ("source.size", y.Source.Line, fmt.Sprint(x.Source.Size), fmt.Sprint(y.Source.Size))
	return found
}

const buildOnce = "make the source tarball once, and build every architecture from that file: two tarballs of the same files differ in their dates"

// unlike says what two lists of packages differ in; nothing if they do not.
func unlike(a, b []manifest.Package) string {
	for _, p := range a {
		i := slices.IndexFunc(b, func(q manifest.Package) bool { return q.Name == p.Name })
		if i < 0 {
			return p.Name + " is in one of them only"
		}
		x, y := p.File, b[i].File
		x.Line, y.Line = 0, 0
		if x != y {
			return fmt.Sprintf("%s is %s (%s), and %s (%s)", p.Name, x.Name, x.SHA256, y.Name, y.SHA256)
		}
	}
	for _, q := range b {
		if !slices.ContainsFunc(a, func(p manifest.Package) bool { return p.Name == q.Name }) {
			return q.Name + " is in one of them only"
		}
	}
	return ""
}
