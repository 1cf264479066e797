package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/plan"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// tellLater adds, to each package that a later change has touched, which change that
// was: the newest behind the generation after.
func tellLater(r *repo.Repo, findings []report.Finding, after uint64) []report.Finding {
	left := 0
	for _, f := range findings {
		if f.Code == report.CodeOvertaken && f.Field != "" {
			left++
		}
	}
	h, err := r.OpenHistory()
	if left == 0 || err != nil {
		return findings
	}
	defer h.Close()
	told := make([]bool, len(findings))
	for line, err := range h.Newest() {
		if err != nil || left == 0 {
			break
		}
		g, err := line.Generation()
		if err != nil || g.Number <= after {
			break
		}
		for i := range findings {
			f := &findings[i]
			if f.Code != report.CodeOvertaken || f.Field == "" || told[i] || !bytes.Contains(line.Text, []byte(f.Field)) {
				continue
			}
			if n := slices.IndexFunc(g.Changes, func(c repo.Change) bool { return touches(c, f.Field) }); n >= 0 {
				f.Message += fmt.Sprintf(", by generation %d (%s)", g.Number, describe(g.Changes[n]))
				told[i] = true
				left--
			}
		}
	}
	return findings
}

// touches reports whether a change is about a package or source of that name.
func touches(c repo.Change, name string) bool {
	var added []plan.Added
	_ = json.Unmarshal(c.Added, &added)
	return slices.ContainsFunc(added, func(a plan.Added) bool { return a.Name == name }) ||
		slices.ContainsFunc(c.Packages, func(p report.Package) bool { return p.Name == name })
}

// describe says in few words what a change is.
func describe(c repo.Change) string {
	text := c.Action
	if c.Action == repo.ActionForeign {
		return "another program"
	}
	if c.Who != "" {
		text += " by " + c.Who
	}
	return text
}
