package syncdb

import (
	"slices"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// wish is what somebody wants changed; it can be planned again on any view.
type wish struct {
	Put    []Candidate `json:"put,omitempty"`
	Remove []string    `json:"remove,omitempty"`
	// PreventDowngrade refuses older versions, TakeOver asks for packages of other
	// sources; the repository's settings have the last word.
	PreventDowngrade bool `json:"prevent_downgrade,omitempty"`
	TakeOver         bool `json:"take_over,omitempty"`
	// Purge: files that go have no grace time.
	Purge bool `json:"purge,omitempty"`
	// Undoes says what an undo takes back, and Expect what it relies on.
	Undoes string        `json:"undoes,omitempty"`
	Expect []expectation `json:"expect,omitempty"`
	// Heal are the packages whose entries are written anew.
	Heal []string `json:"heal,omitempty"`
	// Verifiers, what they have Found, Who and Transport are for the history.
	Verifiers []repo.Verification `json:"verifiers,omitempty"`
	Found     []report.Finding    `json:"found,omitempty"`
	Who       string              `json:"who,omitempty"`
	Transport string              `json:"transport,omitempty"`
}

// rules are what the repository says.
type rules struct {
	arch                string
	downgrade, takeOver repo.Policy
	// keepOld is how many older versions of a package stay.
	keepOld int
}

// taken is what stands at a name beside the databases. SHA256 is empty if it is no file
// that everybody can read.
type taken struct {
	Exists bool
	Size   int64
	SHA256 string
}

// placed is one file to place, or to retire, by its name beside the databases; a file to
// place is in this folder of the stage.
type placed struct {
	Folder, Name, SHA256 string
	Size                 int64
}

// verdict is what a wish comes to.
type verdict struct {
	edit     Edit
	packages []line
	findings []report.Finding
	puts     []placed
	retires  []placed
	// settled are the candidates, by their places in the stage, whose packages are served, or
	// will be.
	settled map[string]bool
	// turned are those that stand for themselves and were refused, and why.
	turned []turned
}

// line is one package of the report, and who brings it; was and is are the package before
// and after, nil where it is not published.
type line struct {
	report.Package
	who     string
	was, is *mark
	// source is the pkgbase, wasSource that of what it takes the place of.
	source, wasSource string
}

// planner works a wish out. It reads nothing but the view and what stands
// beside it.
type planner struct {
	verdict
	view  *View
	wish  wish
	rules rules
	beside
	// chosen is the candidate of each name, by its number in the wish.
	chosen map[string]int
}

// plan holds a wish against a view. An error is the view's or b's.
func plan(v *View, w wish, r rules, b beside) (verdict, error) {
	p := &planner{view: v, wish: w, rules: r, beside: b, chosen: map[string]int{}, verdict: verdict{settled: map[string]bool{}}}
	if err := p.expected(); err != nil {
		return p.verdict, err
	}
	p.choose()
	for i, c := range w.Put {
		if p.chosen[c.Name] != i {
			continue
		}
		if err := p.put(c); err != nil {
			return p.verdict, err
		}
	}
	for _, name := range w.Remove {
		if err := p.remove(name); err != nil {
			return p.verdict, err
		}
	}
	p.heal()
	err := p.lonely()
	return p.verdict, err
}

func (p *planner) put(c Candidate) error {
	file, err := p.at(c.FileName)
	if err != nil {
		return err
	}
	var signature taken
	if c.Signature != nil {
		if signature, err = p.at(c.FileName + signatureEnd); err != nil {
			return err
		}
	}
	old, there, err := p.view.Package(c.Name)
	if err != nil {
		return err
	}
	before := len(p.findings)
	p.judgeRights(c, old, there)
	p.judge(c, old, there, file, signature)
	if report.Refused(p.findings[before:]) {
		if c.Alone {
			p.turned = append(p.turned, turned{c.at(), softened(p.findings[before:])})
			p.findings = p.findings[:before:before]
		}
		return nil
	}
	p.settled[c.at()] = true
	return p.accept(c, old, there, file, signature)
}

// accept notes what a candidate that nothing refuses comes to.
func (p *planner) accept(c Candidate, old Desc, there bool, file, signature taken) error {
	same := there && old.FileName == c.FileName && old.SHA256 == c.SHA256
	whole := file.Exists && file.SHA256 == c.SHA256
	signed := c.Signature == nil || signature.Exists
	action, previous := report.ActionAdd, ""
	switch {
	case same && slices.Contains(p.wish.Heal, c.Name):
		action = report.ActionHeal
	case same && whole && signed:
		p.tell(c.Desc, report.ActionKeep, "", c.Who)
		return nil
	case same && !whole:
		action = report.ActionRestore
	case there && alpm.Compare(c.Version, old.Version) < 0:
		action, previous = report.ActionDowngrade, old.Version
	case there:
		action, previous = report.ActionReplace, old.Version
	}
	p.tell(c.Desc, action, previous, c.Who)
	if !same {
		p.mark(&old, there, &c.Desc)
	}
	p.edit.Put = append(p.edit.Put, c.Entry)
	// A file that is there with the same bytes and that nobody has published may still
	// be somebody's to write: ours takes its place.
	if !same || !whole {
		p.puts = append(p.puts, placed{c.Apart, c.FileName, c.SHA256, c.Size})
	}
	if c.Signature != nil {
		p.puts = append(p.puts, placed{c.Apart, c.FileName + signatureEnd, c.Signature.SHA256, c.Signature.Size})
	}
	if there && old.FileName != c.FileName {
		return p.retireOld(old, c.Version)
	}
	return nil
}

func (p *planner) remove(name string) error {
	old, there, err := p.view.Package(name)
	if err != nil {
		return err
	}
	_, put := p.chosen[name]
	switch {
	case put:
		p.findings = append(p.findings, report.Finding{Code: report.CodeDuplicate, Severity: report.SeverityError, Field: name,
			Message: "the package is to be added and removed at once", Hint: "ask for one of them"})
		return nil
	case !there && p.wish.Undoes != "":
		return nil // it was taken out already
	case !there:
		p.findings = append(p.findings, report.Finding{Code: report.CodeNoMatch, Severity: report.SeverityError, Field: name,
			Message: "no package of this name is published", Hint: "pacman -Sl shows what is"})
		return nil
	}
	for _, done := range p.edit.Drop {
		if done == name {
			return nil
		}
	}
	p.edit.Drop = append(p.edit.Drop, name)
	p.tell(old, report.ActionRemove, "", "")
	p.mark(&old, true, nil)
	return p.retireOld(old, "")
}

func (p *planner) tell(d Desc, a report.Action, previous, who string) {
	p.packages = append(p.packages, line{Package: report.Package{
		Kind: report.Binary, Name: d.Name, Version: d.Version, Previous: previous, Architecture: d.Arch, Action: a,
		File: d.FileName, Size: d.Size, SHA256: d.SHA256,
	}, who: who, source: d.Source()})
}

// mark notes, for the history, what the package of the last line was, and is.
func (p *planner) mark(was *Desc, there bool, is *Desc) {
	l := &p.packages[len(p.packages)-1]
	if there {
		m := markOf(*was)
		l.was, l.wasSource = &m, was.Source()
	}
	if is != nil {
		m := markOf(*is)
		l.is = &m
	}
}

// heal takes entries out of NAME.files that have no package in NAME.db.
func (p *planner) heal() {
	for _, name := range p.wish.Heal {
		_, put := p.chosen[name]
		if _, there := p.view.at[name]; !put && !there {
			p.edit.Drop = append(p.edit.Drop, name)
		}
	}
}

func (p *planner) refuse(c Candidate, code report.Code, message, expected, actual, hint string) {
	p.findings = append(p.findings, report.Finding{Code: code, Severity: report.SeverityError, File: c.FileName, Field: c.Name,
		Message: message, Expected: expected, Actual: actual, Hint: hint})
}

func (p *planner) note(c Candidate, message string) {
	p.findings = append(p.findings, report.Finding{Code: report.CodeDuplicate, Severity: report.SeverityWarning, File: c.FileName, Field: c.Name, Message: message})
}
