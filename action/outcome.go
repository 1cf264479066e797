package action

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/mmpush/mmpush/core/report"
)

// Outcome is what became of one upload, or of a run that never got to one.
type Outcome struct {
	// Manifests are the paths of the upload's manifests, as they were named: one, or those
	// of a set's parts, or pacman packages, which have none; empty if the outcome is not about any.
	Manifests []string
	// Declared says where the files beside the manifests are declared.
	Declared map[string]Place
	Report   report.Report
	// Problem is why the work could not be done; nil if it was.
	Problem *Problem
}

// Place is a line of a manifest, counted from 1; 0 is unknown.
type Place struct {
	Manifest string
	Line     int
}

// Problem is an error in the words of the program.
type Problem struct {
	Code report.Code
	// File is what the error is about, if it is a file.
	File, Message, Hint string
}

// ResultError is the result where the work could not be done; the others are those of
// package report.
const ResultError report.Result = "error"

// results are all that a run with several uploads can come to, the most telling first:
// what failed before what was done, what was done before what was not.
func results() []report.Result {
	return []report.Result{
		ResultError, report.Rejected, report.Accepted, report.Published, report.Restored, report.Planned, report.Verified, report.Unchanged,
	}
}

// resultOf is the result of the whole run; unchanged if nothing was there to do.
func resultOf(list []Outcome) report.Result {
	for _, r := range results() {
		if slices.ContainsFunc(list, func(o Outcome) bool { return o.Report.Result == r }) {
			return r
		}
	}
	return report.Unchanged
}

// notice is one thing to show beside a line of a file.
type notice struct {
	level, title, file string
	line               int
	text               string
}

// shownAtMost is how many annotations the runner shows of one step, less one that says
// how many more there are.
const shownAtMost = 9

// Annotate writes the worst findings beside the lines that they are about.
func (l *Log) Annotate(j Job, list []Outcome, remarks []Remark) error {
	all := notices(j, list, remarks)
	shown := all[:min(len(all), shownAtMost)]
	if len(all) == shownAtMost+1 {
		shown = all
	}
	for _, n := range shown {
		if err := l.command(n.command()); err != nil {
			return err
		}
	}
	if more := len(all) - len(shown); more > 0 {
		n := notice{level: all[len(shown)].level, title: "mmpush", text: "+" + plural(more, "more finding") + " in the summary"}
		return l.command(n.command())
	}
	return nil
}

func (n notice) command() command {
	line := ""
	if n.line > 0 {
		line = itoa(n.line)
	}
	return command{n.level, []property{{"file", printable(n.file)}, {"line", line}, {"title", n.title}}, printable(n.text)}
}

// printable is a text of several lines without what a log would obey: colours, and
// letters that turn the direction of writing.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// notices are all remarks, problems and findings, the worst first, else in their order.
func notices(j Job, list []Outcome, remarks []Remark) []notice {
	var all []notice
	for _, r := range remarks {
		all = append(all, notice{level: r.Level, title: "mmpush", text: r.Text})
	}
	for _, o := range list {
		if o.Problem != nil {
			all = append(all, o.problem(j))
		}
		for _, f := range o.Report.Findings {
			all = append(all, o.notice(j, f))
		}
	}
	rank := []string{"error", "warning", "notice"}
	slices.SortStableFunc(all, func(a, b notice) int {
		return cmp.Compare(slices.Index(rank, a.level), slices.Index(rank, b.level))
	})
	return all
}

func (o Outcome) problem(j Job) notice {
	p := o.Problem
	n := notice{level: "error", title: title(o.Report, p.Code), text: paragraphs(named(p.File, p.Message), hint(p.Hint))}
	n.file = j.place(o.only())
	return n
}

// notice places a finding: on the manifest's line that it is about, or that declares the
// file that it is about.
func (o Outcome) notice(j Job, f report.Finding) notice {
	at, text := Place{o.only(), 0}, f.Message
	if m := o.manifest(f.File); m != "" {
		at = Place{m, f.Line}
	} else if f.File != "" {
		text = named(f.File, text)
		if declared, ok := o.Declared[f.File]; ok {
			at = declared
		}
	} else {
		at.Line = f.Line
	}
	return notice{
		level: level(f), title: title(o.Report, f.Code), file: j.place(at.Manifest), line: at.Line,
		text: paragraphs(text, compared(f), hint(f.Hint)),
	}
}

// only is the one manifest; empty if there are several.
func (o Outcome) only() string {
	if len(o.Manifests) == 1 {
		return o.Manifests[0]
	}
	return ""
}

// manifest is the manifest, or the package of pacman's, with this path or file name; empty
// if none has it.
func (o Outcome) manifest(file string) string {
	for _, m := range o.Manifests {
		if m == file || filepath.Base(m) == file {
			return m
		}
	}
	return ""
}

func level(f report.Finding) string {
	switch f.Severity {
	case report.SeverityWarning:
		return "warning"
	case report.SeverityNote:
		return "notice"
	}
	return "error"
}

// title is what an annotation is headed by.
func title(rep report.Report, code report.Code) string {
	name, version := subject(rep)
	if name == "" {
		name = "mmpush"
	}
	return strings.Join(strings.Fields(report.Shown(name)+" "+report.Shown(version)), " ") + " [" + report.Shown(string(code)) + "]"
}

// subject is the source that a report is about; empty if that is unknown.
func subject(rep report.Report) (name, version string) {
	for _, p := range rep.Packages {
		if p.Kind == report.Source && p.Action != report.ActionRemove {
			return p.Name, p.Version
		}
	}
	return "", ""
}

func named(file, message string) string {
	if file == "" {
		return message
	}
	return file + ": " + message
}

func compared(f report.Finding) string {
	switch {
	case f.Code == report.CodeReplaced:
		// Nobody has to compare what was asked for.
		return ""
	case f.Expected != "":
		return "expected: " + f.Expected + "\nfound: " + cmp.Or(f.Actual, "nothing")
	}
	return f.Actual
}

func hint(text string) string {
	if text == "" {
		return ""
	}
	return "hint: " + text
}

func paragraphs(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n")
}
