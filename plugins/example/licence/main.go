package main

import (
	"context"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
	"github.com/mmpush/mmpush/plugins"
)

type licence struct{}

// Verify implements verify.Verifier.
func (licence) Verify(_ context.Context, u upload.Upload) ([]report.Finding, error) {
	var findings []report.Finding
	for _, r := range u.Received {
		if r.Package != nil && !licensed(r) {
			findings = append(findings, report.Finding{
				Code: "LICENCE-MISSING", File: r.Name, Message: "the package has no licence",
				Hint: "install it below share/licenses/" + r.PackageName,
			})
		}
	}
	return findings, nil
}

func licensed(r upload.Received) bool {
	for _, m := range r.Package.Files {
		if strings.Contains(m.Name, "/share/licenses/") || strings.Contains(m.Name, "/share/doc/") {
			return true
		}
	}
	return false
}

func main() {
	plugins.ServeVerifier(plugins.Info{Name: "licence", Version: "1.0.0", NeedsNoFiles: true}, licence{})
}
