package exec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/upload"
)

const (
	// maxFindings is how many lines are told, lineLimit how many bytes of each.
	maxFindings = 100
	lineLimit   = 1000
)

// limitedBuffer keeps what is written to it, and calls over when it is too much.
type limitedBuffer struct {
	data  []byte
	limit int
	over  func()
	full  bool
}

// Write implements [io.Writer]; what is too much is dropped.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.limit {
		if !b.full {
			b.full = true
			b.over()
		}
		return len(p), nil
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// tail keeps the last bytes that are written to it.
type tail struct {
	data  []byte
	limit int
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	t.data = t.data[max(0, len(t.data)-t.limit):]
	return len(p), nil
}

func (t *tail) text() string { return clean(strings.TrimSpace(string(t.data))) }

// clean makes a text of foreign bytes fit for one line.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) > lineLimit {
		text = strings.ToValidUTF8(text[:lineLimit], "") + "…"
	}
	return text
}

// line is the JSON form of a line of output.
type line struct {
	Code     string          `json:"code"`
	Severity report.Severity `json:"severity"`
	File     string          `json:"file"`
	Line     int             `json:"line"`
	Field    string          `json:"field"`
	Expected string          `json:"expected"`
	Actual   string          `json:"actual"`
	Message  string          `json:"message"`
	Hint     string          `json:"hint"`
}

// reader makes findings of what a program has printed.
type reader struct {
	// folder is where the files were; nobody else needs to know.
	folder string
	u      upload.Upload
	code   *regexp.Regexp
}

func newReader(folder string, u upload.Upload) *reader {
	return &reader{folder, u, regexp.MustCompile(`^[A-Z][A-Z0-9]*(-[A-Z0-9]+)*$`)}
}

// findings reads the output of a program that ended with a status, 0 or 1.
func (r *reader) findings(out []byte, status int) []report.Finding {
	var list []report.Finding
	more := 0
	for raw := range bytes.Lines(out) {
		f, ok := r.finding(strings.TrimSpace(string(raw)), status)
		switch {
		case !ok:
		case len(list) < maxFindings:
			list = append(list, f)
		default:
			more++
		}
	}
	if more > 0 {
		list = append(list, r.own(fmt.Sprintf("and %d lines more", more)))
	}
	if status == 1 && !report.Refused(list) {
		list = append(list, r.own("the program refuses the upload and does not say why"))
	}
	return list
}

// own is a finding in our words.
func (r *reader) own(message string) report.Finding {
	return report.Finding{Code: report.CodeExec, Severity: report.SeverityError, File: r.u.Name, Message: message, Hint: "ask whoever runs the repository what it means"}
}

// finding makes one of a line; false if the line says nothing.
func (r *reader) finding(text string, status int) (report.Finding, bool) {
	text = strings.ReplaceAll(text, r.folder+"/", "")
	var l line
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &l) == nil && l.Message != "" {
		return r.structured(l), true
	}
	if text == "" || status == 0 {
		return report.Finding{}, false
	}
	f := r.own(clean(text))
	for _, name := range r.names() {
		if rest, ok := strings.CutPrefix(text, name+": "); ok {
			f.File, f.Message = name, clean(rest)
		}
	}
	return f, true
}

// structured takes over a line in JSON. Codes of ours are for ours.
func (r *reader) structured(l line) report.Finding {
	f := r.own(clean(l.Message))
	f.Line, f.Field, f.Expected, f.Actual = max(0, l.Line), clean(l.Field), clean(l.Expected), clean(l.Actual)
	if len(l.Code) <= 64 && r.code.MatchString(l.Code) && !strings.HasPrefix(l.Code, "MP-") {
		f.Code = report.Code(l.Code)
	}
	if l.File != "" {
		f.File = clean(l.File)
	}
	if l.Hint != "" {
		f.Hint = clean(l.Hint)
	}
	if l.Severity == report.SeverityWarning || l.Severity == report.SeverityNote {
		f.Severity = l.Severity
	}
	return f
}

// names are those of the files that the program has seen.
func (r *reader) names() []string {
	names := []string{r.u.Name}
	for _, f := range r.u.Received {
		names = append(names, f.Name)
	}
	return names
}
