package main

import (
	"context"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

type explainCmd struct {
	Codes []string `arg:"" optional:"" name:"code" complete:"code" help:"Codes such as MP-SIZE, in any case. Default: a list of all."`
}

// explained is the document of explain.
type explained struct {
	Schema int                  `json:"schema"`
	Codes  []report.Explanation `json:"codes"`
}

func (c *explainCmd) run(_ context.Context, a *app) (doc any, code int) {
	if len(c.Codes) == 0 {
		var t table
		for _, e := range report.Explanations() {
			t.add(cell{string(e.Code), bold}, cell{text: e.Title})
		}
		t.write(a.out, "")
		return explained{report.Schema, report.Explanations()}, exitDone
	}
	answer := explained{Schema: report.Schema}
	for _, text := range c.Codes {
		e, err := lookUp(text)
		if err != nil {
			return a.fail(err)
		}
		answer.Codes = append(answer.Codes, e)
	}
	width := a.out.width
	if width == 0 {
		width = defaultWidth
	}
	for i, e := range answer.Codes {
		if i > 0 {
			a.out.line("")
		}
		a.out.line("%s", wrap(a.out.paint(bold, string(e.Code))+": "+e.Title, width, "    "))
		a.out.line("%s", wrap("  "+e.Text, width, "  "))
	}
	return answer, exitDone
}

// lookUp finds a code in any case, with or without its "MP-".
func lookUp(text string) (report.Explanation, error) {
	upper := strings.ToUpper(text)
	for _, code := range []string{upper, "MP-" + upper} {
		if e, ok := report.Explain(report.Code(code)); ok {
			return e, nil
		}
	}
	hint := "mmpush explain lists all codes"
	if c, ok := nearest(upper); ok {
		hint = "is " + c + " meant? " + hint
	}
	return report.Explanation{}, wrongUsage(hint, "there is no code %s", visible(text))
}

// nearest returns the code that differs least, if it differs little.
func nearest(text string) (string, bool) {
	best, least := "", 3
	if len(text) > 64 {
		return "", false
	}
	for _, e := range report.Explanations() {
		code := string(e.Code)
		d := min(report.Distance(text, code), report.Distance("MP-"+text, code))
		if d < least {
			best, least = code, d
		}
	}
	return best, best != ""
}
