package action

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/mmpush/mmpush/core/report"
)

// summaryLimit is how many bytes a runner takes as the summary of one step.
const summaryLimit = 1 << 20

// Remark is what the run has to say about itself, ahead of everything else. Its text is
// one sentence.
type Remark struct {
	// Level is "warning" or "notice".
	Level, Text string
}

// Summary is what became of the uploads, in Markdown: a heading, one table, and the
// findings, folded. What does not fit is counted.
func Summary(j Job, list []Outcome, remarks []Remark) string {
	var b bounded
	b.add("## mmpush: %s\n\n", heading(list))
	for _, r := range remarks {
		b.add("**%s:** %s\n\n", r.Level, plain(r.Text))
	}
	table(&b, list)
	for _, o := range list {
		details(&b, j, o)
	}
	return b.end()
}

// heading is the whole in one line.
func heading(list []Outcome) string {
	result := resultOf(list)
	if len(list) == 0 {
		return "nothing to publish"
	}
	if len(list) > 1 {
		return fmt.Sprintf("%s (%s)", result, plural(len(list), "upload"))
	}
	text := string(result)
	name, version := subject(list[0].Report)
	if name != "" {
		text += " " + plain(name+" "+version)
	}
	if g := list[0].Report.Generation; g > 0 {
		text += ", generation " + strconv.FormatUint(g, 10)
	}
	return text
}

func table(b *bounded, list []Outcome) {
	rows := 0
	for _, o := range list {
		for _, p := range o.Report.Packages {
			if rows == 0 {
				b.add("| package | architecture | version | what happened | SHA-256 |\n|---|---|---|---|---|\n")
			}
			rows++
			b.add("| %s | %s | %s | %s | `%s` |\n", plain(p.Name), plain(p.Origin()), plain(versions(p)), plain(happened(o.Report, p)), short(p.SHA256))
		}
	}
	if rows > 0 {
		b.add("\n")
	}
}

func versions(p report.Package) string {
	if p.Previous == "" || p.Previous == p.Version {
		return p.Version
	}
	return p.Previous + " → " + p.Version
}

// happened is the action, as far as it has come.
func happened(rep report.Report, p report.Package) string {
	switch rep.Result {
	case report.Planned:
		return "would be " + string(p.Action)
	case report.Rejected:
		return "refused"
	case ResultError:
		return "not done"
	}
	return string(p.Action)
}

// short is enough of a SHA-256 to tell two builds apart; only its digits are shown.
func short(sum string) string {
	sum = strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return -1
	}, sum)
	return sum[:min(len(sum), 12)]
}

// details are the problem and the findings of one upload, folded.
func details(b *bounded, j Job, o Outcome) {
	findings := o.Report.Findings
	if o.Problem == nil && len(findings) == 0 {
		return
	}
	refuses := o.Problem != nil || report.Refused(findings)
	var about []string
	for _, m := range o.Manifests {
		about = append(about, j.Path(m))
	}
	if len(about) == 0 {
		about = []string{"the run"}
	}
	count := len(findings)
	if o.Problem != nil {
		count++
	}
	open := ""
	if refuses {
		open = " open"
	}
	b.add("<details%s><summary>%s: %s</summary>\n\n", open, plain(strings.Join(about, ", ")), plural(count, "finding"))
	if p := o.Problem; p != nil {
		b.add("- **error** %s %s%s\n", plain("["+string(p.Code)+"]"), plain(named(p.File, p.Message)), next(p.Hint))
	}
	for _, f := range findings {
		b.add("- **%s** %s %s%s%s\n", level(f), plain("["+string(f.Code)+"]"), plain(place(f)+f.Message), comparison(f), next(f.Hint))
	}
	b.close("\n</details>\n\n")
}

func place(f report.Finding) string {
	text := f.File
	if text != "" && f.Line > 0 {
		text += ":" + strconv.Itoa(f.Line)
	}
	if text != "" {
		text += ": "
	}
	if f.Field != "" {
		text += f.Field + ": "
	}
	return text
}

func comparison(f report.Finding) string {
	text := compared(f)
	if text == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("<br>" + plain(line))
	}
	return b.String()
}

func next(text string) string {
	if text == "" {
		return ""
	}
	return "<br>*hint:* " + plain(text)
}

// plain is a foreign text in Markdown: on one line, every letter that could mean
// something written as a reference to it.
func plain(text string) string {
	const limit = 2000
	var b strings.Builder
	shown := 0
	for i, r := range strings.TrimSuffix(text, "\n") {
		if shown == limit {
			fmt.Fprintf(&b, "... %d bytes more", len(text)-i)
			break
		}
		shown++
		switch {
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, "&#92;u%04x", r)
		case strings.ContainsRune("&<>\"'\\`*_{}[]()#+!|~$@:^=", r):
			// An @ would tell somebody, a # cite, and "://" make a link.
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "www.", "www&#46;")
}

// bounded is a text that stays below the limit: the first line that does not fit and all
// after it are left out and counted, but what closes is written.
type bounded struct {
	b    strings.Builder
	left int
}

// reserve is kept for what closes, and for the last sentence.
const reserve = 4 << 10

func (b *bounded) add(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if b.left > 0 || b.b.Len()+len(text) > summaryLimit-reserve {
		b.left++
		return
	}
	b.b.WriteString(text)
}

// close is for what must not be left open.
func (b *bounded) close(text string) {
	if b.b.Len()+len(text) < summaryLimit-reserve/2 {
		b.b.WriteString(text)
	}
}

func (b *bounded) end() string {
	if b.left > 0 {
		fmt.Fprintf(&b.b, "\n%s left out: the whole is in the file that the output `result-json` names.\n", plural(b.left, "line"))
	}
	return b.b.String()
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func itoa(n int) string { return strconv.Itoa(n) }
