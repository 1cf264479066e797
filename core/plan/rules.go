package plan

import (
	"fmt"

	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
)

// rule is one kind of request with what was asked for and what is permitted.
type rule struct {
	permission Permission
	asked      bool
	// flag and setting are the names that a user knows it by.
	flag, setting string
	// instead is what to do if the request is not meant or not permitted.
	instead string
}

func rebuildRule(r Requests, p Rules) rule {
	return rule{p.Rebuild, r.Rebuild, "--rebuild", "rebuild", "raise the version"}
}

func downgradeRule(r Requests, p Rules) rule {
	return rule{p.Downgrade, r.Downgrade, "--allow-downgrade", "downgrade", "publish a greater version"}
}

func takeOverRule(r Requests, p Rules) rule {
	return rule{p.TakeOver, r.TakeOver, "--take-over", "take-over", "give the package another name"}
}

// judge returns what the rules say about the upload: all that is refused, and all
// that only a request or a setting lets through.
func judge(sc scene, p Rules) []report.Finding {
	c := court{
		scene:     sc,
		rebuild:   rebuildRule(sc.add.Requests, p),
		downgrade: downgradeRule(sc.add.Requests, p),
		takeOver:  takeOverRule(sc.add.Requests, p),
	}
	c.source()
	for i, b := range sc.add.Binaries {
		if sc.had[i] != nil {
			c.binary(b, *sc.had[i])
		}
	}
	for _, b := range sc.lost {
		c.lost(b)
	}
	return c.findings
}

type court struct {
	scene
	rebuild, downgrade, takeOver rule
	findings                     []report.Finding
}

func (c *court) source() {
	s := c.add.Source
	for _, old := range c.sources {
		if old.SHA256 == s.SHA256 {
			continue
		}
		c.apply(c.rebuild, report.Finding{
			Code: report.CodeConflict, File: s.Filename, Field: "sha256", Expected: old.SHA256, Actual: s.SHA256,
			Message: fmt.Sprintf("the source %s %s is published with other bytes", s.Name, s.Version),
		}, fmt.Sprintf("the source %s %s is rebuilt: it was published with other bytes", s.Name, s.Version))
	}
}

// binary compares by the client's order: two spellings of one version are the same
// version to whoever has installed it.
func (c *court) binary(b, old index.Binary) {
	order := index.CompareVersions(old.Version, b.Version)
	if order == 0 && old.SHA256 != b.SHA256 {
		c.apply(c.rebuild, report.Finding{
			Code: report.CodeConflict, File: b.Filename, Field: "sha256", Expected: old.SHA256, Actual: b.SHA256,
			Message: fmt.Sprintf("%s %s is published with other bytes", b.Name, old.Version),
		}, fmt.Sprintf("%s %s is rebuilt: it was published with other bytes", b.Name, b.Version))
	}
	if order > 0 {
		c.apply(c.downgrade, report.Finding{
			Code: report.CodeDowngrade, File: b.Filename, Field: "version", Expected: old.Version, Actual: b.Version,
			Message: fmt.Sprintf("%s %s is published, which is newer than %s", b.Name, old.Version, b.Version),
		}, fmt.Sprintf("%s goes back from %s to %s", b.Name, old.Version, b.Version))
	}
	if old.Source != b.Source {
		c.apply(c.takeOver, report.Finding{
			Code: report.CodeTakeOver, File: b.Filename, Field: "source", Expected: old.Source, Actual: b.Source,
			Message: fmt.Sprintf("%s belongs to the source %s; this upload is of the source %s", b.Name, old.Source, b.Source),
		}, fmt.Sprintf("%s passes from the source %s to the source %s", b.Name, old.Source, b.Source))
	}
}

// lost is about a package that this upload's version was published with and that the
// upload does not have: it cannot stay, since its source goes.
func (c *court) lost(b index.Binary) {
	s := c.add.Source
	c.apply(c.rebuild, report.Finding{
		Code: report.CodeConflict, File: c.add.Manifest, Field: b.Name, Expected: b.SHA256,
		Message: fmt.Sprintf("%s %s is published from %s %s, and this upload does not have it: it would vanish", b.Name, b.Version, s.Name, s.Version),
	}, fmt.Sprintf("%s %s goes: it was published from %s %s, and this upload does not have it", b.Name, b.Version, s.Name, s.Version))
}

// apply adds the finding that refuses, or a warning that says what is done. A permission
// that is none of the three counts as Never.
func (c *court) apply(r rule, refusal report.Finding, done string) {
	f := refusal
	switch {
	case r.permission == Allow:
		f.Code, f.Severity = report.CodeReplaced, report.SeverityWarning
		f.Message = fmt.Sprintf("%s (the repository's setting `%s` allows it)", done, r.setting)
	case (r.permission == Ask || r.permission == "") && r.asked:
		f.Code, f.Severity = report.CodeReplaced, report.SeverityWarning
		f.Message = fmt.Sprintf("%s (asked for with %s)", done, r.flag)
	case r.permission == Ask || r.permission == "":
		f.Severity = report.SeverityError
		f.Hint = fmt.Sprintf("%s, or ask for it with %s; the repository's setting `%s` is ask", r.instead, r.flag, r.setting)
	default:
		f.Severity = report.SeverityError
		f.Hint = fmt.Sprintf("%s; the repository's setting `%s` is never, so %s does not help", r.instead, r.setting, r.flag)
	}
	c.findings = append(c.findings, f)
}
