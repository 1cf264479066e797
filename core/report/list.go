package report

import "fmt"

// maxFindings is how many findings one hostile file can have: more tell nobody
// anything, and an archive could have one for each member.
const maxFindings = 100

// List collects errors about one file, with an upper bound. The zero value is empty.
type List struct {
	list []Finding
	// more are not in list; last is the latest of them.
	more int
	last Finding
}

// Add records an error. What comes from the file (Field, Expected, Actual) is made
// printable.
func (l *List) Add(f Finding) {
	if len(l.list) == maxFindings {
		l.more, l.last = l.more+1, f
		return
	}
	f.Severity = SeverityError
	f.Field, f.Expected, f.Actual = Shown(f.Field), Shown(f.Expected), Shown(f.Actual)
	l.list = append(l.list, f)
}

// All returns the findings, the last of them about those that did not fit.
func (l *List) All() []Finding {
	if l.more == 0 {
		return l.list
	}
	return append(l.list, Finding{
		Code:     l.last.Code,
		Severity: SeverityError,
		Message:  fmt.Sprintf("there are %d more findings about this package", l.more),
	})
}
