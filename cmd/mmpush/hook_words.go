package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/hooks/gitpush"
)

// head is the line of one ref.
func (p *push) head(j job, t gitpush.Target, about string) {
	p.voice.Say("mmpush", fmt.Sprintf("%s -> %s (%s)", j.Ref, t.Name, strings.ReplaceAll(about, " ", glue)))
}

// tell gives one verdict and returns its exit code.
func (p *push) tell(j job, t gitpush.Target, about string, v verdictOf) int {
	p.tally.add(j.Ref, v)
	if len(p.status.Reports) < maxRefReports {
		p.status.Reports = append(p.status.Reports, refReport(j, t, v))
	}
	if p.pre && v.code() == exitDone {
		return exitDone
	}
	if p.pre || about == "" && len(t.Build) == 0 {
		if about == "" {
			about = j.New.String()[:12]
		}
		p.head(j, t, about)
	}
	if v.err != nil {
		p.findings(v.rep.Findings)
		p.problem(v.err)
		return v.code()
	}
	p.findings(v.rep.Findings)
	switch text := sentence(v.rep); v.rep.Result {
	case report.Rejected:
		p.notPublished(j)
	case report.Planned:
		p.voice.Say("hint", "would publish "+text)
	default:
		p.voice.Say("success", string(v.rep.Result)+" "+text)
	}
	return v.code()
}

// notPublished says what a refusal means.
func (p *push) notPublished(j job) {
	switch {
	case !p.pre:
		p.voice.Say("hint", "the ref has moved, but nothing of this is published")
	case len(p.updates) > 1:
		p.voice.Say("hint", "git takes all refs of a push or none; nothing is published")
	}
}

// maxRefReports bounds the document about a push.
const maxRefReports = 1000

func refReport(j job, t gitpush.Target, v verdictOf) gitpush.RefReport {
	r := gitpush.RefReport{Ref: j.Ref, Target: t.Name, Report: v.rep}
	r.Schema = report.Schema
	if v.err != nil {
		r.Result, r.Error = resultError, withoutStack(v.err.Error())
	}
	return r
}

// shownFindings is how many problems of one upload are shown.
const shownFindings = 4

// findings tells what refuses first, then the rest.
func (p *push) findings(list []report.Finding) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b report.Finding) int { return rank(a) - rank(b) })
	var codes, hints []string
	for i, f := range list {
		if i == shownFindings {
			p.voice.Say("hint", plural(len(list)-i, "more problem")+" in the log on the server")
			break
		}
		word := "warning"
		if f.Refuses() {
			word = "error"
		} else if f.Severity == report.SeverityNote {
			word = "hint"
		}
		p.voice.Say(word, where(f)+f.Message+compared(f)+" ["+string(f.Code)+"]")
		if f.Code == report.CodeBuild {
			for line := range strings.Lines(f.Actual) {
				p.voice.Say("mmpush", "| "+line)
			}
		}
		if f.Hint != "" && !slices.Contains(hints, f.Hint) {
			hints = append(hints, f.Hint)
		}
		if f.Refuses() && !slices.Contains(codes, string(f.Code)) {
			codes = append(codes, string(f.Code))
		}
	}
	for _, hint := range hints {
		p.voice.Say("hint", hint)
	}
	if len(codes) > 0 {
		p.voice.Say("hint", "mmpush explain "+strings.Join(codes, " "))
	}
}

func rank(f report.Finding) int {
	if f.Refuses() {
		return 0
	}
	return 1
}

// compared is the two sides of a comparison, short.
func compared(f report.Finding) string {
	if f.Expected == "" || f.Actual == "" || f.Code == report.CodeReplaced || f.Code == report.CodeBuild {
		return ""
	}
	short := func(text string) string {
		if len(text) == 64 {
			return shortHash(text)
		}
		return text
	}
	return fmt.Sprintf(" (expected %s, found %s)", short(f.Expected), short(f.Actual))
}

// sumUp ends an answer that was too long for a terminal.
func (p *push) sumUp(refs int) {
	if p.voice.Hidden() == 0 {
		return
	}
	var parts []string
	for _, result := range []report.Result{report.Published, report.Unchanged, report.Restored, report.Planned, report.Rejected, resultError} {
		if n := p.tally.counts[result]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, result))
		}
	}
	p.voice.Insist("mmpush", plural(refs, "ref")+": "+strings.Join(parts, ", "))
	if len(p.tally.refused) > 0 {
		text := "not published: " + strings.Join(p.tally.refused, ", ")
		if p.tally.more > 0 {
			text += fmt.Sprintf(" and %d more", p.tally.more)
		}
		p.voice.Insist("error", text)
	}
	if p.work.ID != "" {
		p.voice.Insist("hint", "all of it, on the server: mmpush status "+p.work.ID)
	}
}

// tally counts the refs by what came of them.
type tally struct {
	counts map[report.Result]int
	worst  report.Result
	code   int
	// refused are the first refs that are not published.
	refused []string
	more    int
}

func (t *tally) add(ref string, v verdictOf) {
	if t.counts == nil {
		t.counts = map[report.Result]int{}
	}
	result := v.rep.Result
	if v.err != nil {
		result = resultError
	}
	t.counts[result]++
	if t.worst == "" || worse(t.code, v.code()) != t.code {
		t.worst, t.code = result, v.code()
	}
	if v.code() == exitDone {
		return
	}
	if len(t.refused) == 3 {
		t.more++
	} else if !slices.Contains(t.refused, ref) {
		t.refused = append(t.refused, ref)
	}
}
