package syncdb

import (
	"slices"

	"github.com/mmpush/mmpush/core/access"
	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// judge collects what refuses a candidate.
func (p *planner) judge(c Candidate, old Desc, there bool, file, signature taken) {
	if p.rules.arch != AnyArch && c.Arch != AnyArch && c.Arch != p.rules.arch {
		p.refuse(c, report.CodeArch, "the package is for another architecture than the repository", p.rules.arch+" or any", c.Arch, "publish it in a repository of its own")
	}
	same := there && old.FileName == c.FileName && old.SHA256 == c.SHA256
	if file.Exists && file.SHA256 != c.SHA256 && !same {
		p.refuse(c, report.CodeConflict, "a file of this name is there with other bytes, and what was published never changes", orOther(file.SHA256), c.SHA256, "raise pkgrel and build again")
	} else if there && !same && old.Version == c.Version {
		p.refuse(c, report.CodeConflict, "this version is published with other bytes", old.FileName+" "+old.SHA256, c.FileName+" "+c.SHA256, "raise pkgrel and build again")
	}
	if c.Signature != nil && signature.Exists && signature.SHA256 != c.Signature.SHA256 {
		p.refuse(c, report.CodeConflict, "the package is there with another signature", orOther(signature.SHA256), c.Signature.SHA256, "keep the signature that is published, or raise pkgrel")
	}
	if !there || same {
		return
	}
	p.judgeVersion(c, old)
	p.judgeSource(c, old)
}

// orOther is a SHA-256, or words for a file that has none.
func orOther(sum string) string {
	if sum == "" {
		return "something that is no file for everybody"
	}
	return sum
}

func (p *planner) judgeVersion(c Candidate, old Desc) {
	if alpm.Compare(c.Version, old.Version) >= 0 {
		return
	}
	mode := p.rules.downgrade.For(c.Source())
	if mode == repo.Never || mode == repo.Ask && p.wish.Undoes == "" && (p.wish.PreventDowngrade || c.Alone) {
		p.refuse(c, report.CodeDowngrade, "a newer version is published", "newer than "+old.Version, c.Version, "remove the newer one first, if the older is meant")
	}
}

func (p *planner) judgeSource(c Candidate, old Desc) {
	if old.Source() == c.Source() {
		return
	}
	mode := p.rules.takeOver.For(c.Source())
	if mode == repo.Never || mode == repo.Ask && p.wish.Undoes == "" && !p.wish.TakeOver {
		p.refuse(c, report.CodeTakeOver, "the package that is published under this name was built from another pkgbase", old.Source(), c.Source(), "add --take-over if the package has moved")
	}
}

// judgeRights asks for the right over the package's name and over what it was built from,
// and over what it takes the place of. Without rights, nothing of what is published is
// told.
func (p *planner) judgeRights(c Candidate, old Desc, there bool) {
	if p.rights == nil || c.Who == "" {
		return
	}
	var needs []access.Need
	need := func(a access.Action, found bool, sources ...string) {
		for _, s := range sources {
			n := access.Need{Action: a, Source: s, Arch: c.Arch, Found: found}
			if !slices.Contains(needs, n) {
				needs = append(needs, n)
			}
		}
	}
	need(access.Publish, false, c.Name, c.Source())
	if there && alpm.Compare(c.Version, old.Version) < 0 {
		need(access.Downgrade, true, old.Source())
	}
	if there && old.Source() != c.Source() {
		need(access.TakeOver, true, old.Source(), c.Source())
	}
	for _, f := range p.rights(c.Who, needs) {
		f.File, f.Field = c.FileName, c.Name
		p.findings = append(p.findings, f)
	}
}
