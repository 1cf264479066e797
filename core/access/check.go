package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

// Identity is somebody who has logged in, or who came by a way that needs no
// login, and what they may do. The zero Identity may do nothing.
type Identity struct {
	// Name is the user's name; it can name a folder.
	Name     string
	rights   []Right
	operator bool
	// proof is what the login was made with; zero without a login.
	proof proof
}

// Operator is the identity of whoever works on the repository's own files: all
// rights.
func Operator(name string) Identity { return Identity{Name: name, operator: true} }

// NewIdentity is somebody with these rights.
func NewIdentity(name string, rights []Right) Identity {
	return Identity{Name: name, rights: cloneRights(rights)}
}

// IsOperator reports whether the identity has all rights.
func (id Identity) IsOperator() bool { return id.operator }

// Rights returns a copy of the rights; an operator has all and returns none.
func (id Identity) Rights() []Right { return cloneRights(id.rights) }

// String is the name.
func (id Identity) String() string { return id.Name }

// May reports whether the rights cover one need.
func (id Identity) May(n Need) bool {
	return id.operator || slices.ContainsFunc(id.rights, func(r Right) bool { return r.covers(n) })
}

// Need is one right that an upload or a command needs.
type Need struct {
	Action Action
	// Source is the source package that the action is about; for a published
	// binary, the source that published it. Empty for GC, and only there.
	Source string
	// Arch is the repository's architecture.
	Arch string
	// Found is set if the need follows from what the repository holds, and not
	// from what was declared or asked for: a rebuild, a downgrade, the source that
	// a published binary belongs to.
	Found bool
}

// right is the smallest right that covers the need.
func (n Need) right() Right {
	source := n.Source
	if n.Action == GC {
		source = "*"
	}
	return Right{Source: source, Arch: n.Arch, Actions: []Action{n.Action}}
}

// Check returns one refusing finding for each need that the identity's rights do
// not cover, in the order of the needs, each once. Needs that were Found are
// answered only to somebody whose rights cover all the others: without rights the
// answer is the same whatever exists.
func Check(id Identity, needs []Need) []report.Finding {
	findings := refuse(id, needs, false)
	if len(findings) == 0 {
		findings = refuse(id, needs, true)
	}
	return findings
}

func refuse(id Identity, needs []Need, found bool) []report.Finding {
	var findings []report.Finding
	told := map[Need]bool{}
	for _, n := range needs {
		if n.Found == found && !told[n] && !id.May(n) {
			told[n] = true
			findings = append(findings, refusal(id, n))
		}
	}
	return findings
}

func refusal(id Identity, n Need) report.Finding {
	f := report.Finding{
		Code: report.CodeRights, Severity: report.SeverityError, Field: shorten(printable(n.Source)),
		Expected: "the right " + n.right().String(), Actual: id.has(n),
	}
	if !validName(n.Arch) || (n.Action != GC && !validName(n.Source)) || (n.Action == GC && n.Source != "") {
		f.Message = fmt.Sprintf("%s may not %s %q on %q: no right covers such a name", who(id), n.Action, shorten(n.Source), shorten(n.Arch))
		f.Expected, f.Actual = "", ""
		return f
	}
	if n.Action == GC {
		f.Message = fmt.Sprintf("%s may not gc the repository of %s", who(id), n.Arch)
	} else {
		f.Message = fmt.Sprintf("%s may not %s the source %s on %s", who(id), n.Action, n.Source, n.Arch)
	}
	f.Hint = fmt.Sprintf("ask whoever runs the server for the right %s (`mmpush user rights`)", n.right())
	return f
}

// has is what the identity may do with the need's source, in the need's words; of
// the right itself it names no pattern.
func (id Identity) has(n Need) string {
	var actions []Action
	for _, a := range Actions() {
		if id.May(Need{Action: a, Source: n.Source, Arch: n.Arch}) {
			actions = append(actions, a)
		}
	}
	if len(actions) == 0 {
		return "no right over it"
	}
	return "the right to " + joinActions(actions, ", ")
}

func who(id Identity) string {
	if id.Name == "" {
		return "somebody without a name"
	}
	return id.Name
}

// printable keeps control characters out of a finding's field.
func printable(s string) string {
	if validName(s) || s == "" {
		return s
	}
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}

func cloneRights(rights []Right) []Right {
	rights = slices.Clone(rights)
	for i := range rights {
		rights[i].Actions = slices.Clone(rights[i].Actions)
	}
	return rights
}
