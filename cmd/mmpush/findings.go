package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// findings tells what the checks found, each problem with its hint, and where to
// read more.
func (p *printer) findings(list []report.Finding) {
	var codes []string
	for i, f := range list {
		p.finding(f)
		if !sameHintFollows(list[i:]) {
			p.hint(f.Hint)
		}
		// The codes of plugins are explained by whoever wrote them.
		_, known := report.Explain(f.Code)
		if code := string(f.Code); known && f.Refuses() && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	p.more(codes)
}

// sameHintFollows reports whether the next finding has the same hint, which is
// given behind the last of them.
func sameHintFollows(list []report.Finding) bool {
	return len(list) > 1 && list[0].Hint == list[1].Hint
}

func (p *printer) finding(f report.Finding) {
	style, label := bad, "error"
	switch f.Severity {
	case report.SeverityWarning:
		style, label = caution, "warning"
	case report.SeverityNote:
		style, label = faint, "note"
	}
	p.message(style, label, fmt.Sprintf("%s%s [%s]", where(f), f.Message, f.Code))
	switch {
	case f.Code == report.CodeReplaced:
		// Nobody has to compare what was asked for.
	case f.Expected != "":
		p.line("    expected  %s", visible(f.Expected))
		p.line("    found     %s", visible(orNothing(f.Actual)))
	case f.Actual != "":
		p.line("    %s", visible(f.Actual))
	}
}

// where is the place of a finding, and who found it.
func where(f report.Finding) string {
	if f.Verifier != "" {
		return f.Place() + f.Verifier + ": "
	}
	return f.Place()
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

// problem tells an error with its hint.
func (p *printer) problem(err error) {
	code := report.CodeOf(err)
	if stopped(err) {
		p.message(caution, "stopped", "interrupted; what is not reported as published is not published")
		return
	}
	text, codes := withoutStack(err.Error()), []string(nil)
	if code != report.CodeUsage {
		text, codes = text+" ["+string(code)+"]", []string{string(code)}
	}
	p.message(bad, "error", text)
	if e, ok := errors.AsType[*report.Error](err); ok {
		p.hint(e.Hint)
	}
	p.more(codes)
}

// withoutStack cuts the stack off that a room keeps with a defect: it says nothing
// to people.
func withoutStack(text string) string {
	text, _, _ = strings.Cut(text, "\ngoroutine ")
	return text
}

// more says where the codes are explained.
func (p *printer) more(codes []string) {
	if len(codes) > 0 {
		p.hint("what this means: mmpush explain " + strings.Join(codes, " "))
	}
}

// panicError is a defect of ours: what happened and where, in one line. One that was made
// an error where it happened, in another goroutine, is that.
func panicError(value any) error {
	if e, ok := value.(*report.Error); ok {
		return e
	}
	return &report.Error{
		Stage: "run", Code: report.CodeInternal,
		Err:  fmt.Errorf("internal error: %v (at %s)", value, panicSite()),
		Hint: "this is a defect in mmpush: please report it with this message; it is safe to run the command again",
	}
}

func outputError(err error) error {
	return &report.Error{
		Stage: "output", Code: report.CodeDisk, File: "standard output",
		Err:  fmt.Errorf("the result could not be written: %w", err),
		Hint: "what the command did is done; see `mmpush list`, or run it again: nothing is done twice",
	}
}
