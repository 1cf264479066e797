package syncdb

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

// beside tells what stands beside the databases.
type beside struct {
	at func(name string) (taken, error)
	// versions are the files of all versions of a package that are not retired yet. It is
	// asked if the rules keep any.
	versions func(name string) ([]version, error)
	// rights are [Options].Rights.
	rights func(who string, needs []access.Need) []report.Finding
}

// version is the file of one version of a package.
type version struct{ file, version string }

// retireOld retires the files of a package that goes, or is replaced by the version now;
// of the older versions, as many stay as the rules say.
func (p *planner) retireOld(old Desc, now string) error {
	if p.rules.keepOld == 0 {
		return p.retire(old.FileName)
	}
	list, err := p.versions(old.Name)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b version) int { return alpm.Compare(b.version, a.version) })
	stay := 0
	for _, v := range list {
		switch {
		case v.version == now:
			continue
		case now != "" && alpm.Compare(v.version, now) < 0 && stay < p.rules.keepOld:
			stay++
			continue
		}
		if err := p.retire(v.file); err != nil {
			return err
		}
	}
	return nil
}

// retire notes a package's file that goes, and its signature.
func (p *planner) retire(file string) error {
	for _, name := range []string{file, file + signatureEnd} {
		file, err := p.at(name)
		if err != nil {
			return err
		}
		if file.Exists {
			p.retires = append(p.retires, placed{"", name, file.SHA256, file.Size})
		}
	}
	return nil
}

// lonely warns of packages that need one that goes, if nothing else provides it.
func (p *planner) lonely() error {
	gone := map[string]bool{}
	for _, name := range p.edit.Drop {
		gone[name] = true
	}
	if len(gone) == 0 {
		return nil
	}
	provided := map[string]bool{}
	stay, err := p.after(gone)
	if err != nil {
		return err
	}
	for _, d := range stay {
		provided[d.Name] = true
		for _, other := range d.Provides {
			provided[bare(other)] = true
		}
	}
	for _, d := range stay {
		for _, need := range d.Depends {
			if name := bare(need); gone[name] && !provided[name] {
				p.findings = append(p.findings, report.Finding{Code: report.CodeDepends, Severity: report.SeverityWarning, Field: d.Name,
					Message: fmt.Sprintf("depends on %s, which is not published any more", name)})
			}
		}
	}
	return nil
}

// after are the packages that are published then.
func (p *planner) after(gone map[string]bool) ([]Desc, error) {
	replaced := map[string]bool{}
	var list []Desc
	for _, e := range p.edit.Put {
		replaced[e.Name] = true
		list = append(list, e.Desc)
	}
	for d, err := range p.view.All() {
		if err != nil {
			return nil, err
		}
		if !gone[d.Name] && !replaced[d.Name] {
			list = append(list, d)
		}
	}
	return list, nil
}

// bare is the name in what a package needs or provides, such as name>=1.0.
func bare(need string) string {
	if i := strings.IndexAny(need, "<>=: "); i >= 0 {
		return need[:i]
	}
	return need
}
