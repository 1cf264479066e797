package syncdb

import (
	"context"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/report"
)

// Packages that stand for themselves ([Source].Alone) may come from users who do not know of
// each other. Of one name the newest is taken; one that is refused is left where it is, and
// then the next one of its name is looked at: what one user sends holds up nobody else.

// turned is a candidate that was refused, by its place in the stage, and why: warnings.
type turned struct {
	at  string
	why []report.Finding
}

// at is the candidate's place in the stage, its own among all.
func (c Candidate) at() string { return path.Join(c.Apart, c.FileName) }

// choose takes the newest of the packages of one name, if each stands for itself.
func (p *planner) choose() {
	for i, c := range p.wish.Put {
		n, twice := p.chosen[c.Name]
		switch {
		case !twice:
			p.chosen[c.Name] = i
			continue
		case !c.Alone || !p.wish.Put[n].Alone:
			p.refuse(c, report.CodeDuplicate, "two packages of this name are to be published at once", p.wish.Put[n].FileName, c.FileName, "give one of them")
		case alpm.Compare(c.Version, p.wish.Put[n].Version) > 0:
			p.chosen[c.Name] = i
			p.note(p.wish.Put[n], "a newer version of the package came together with this one, which is left out")
		default:
			p.note(c, "a newer version of the package, or the same one, came together with this one, which is left out")
		}
	}
}

// softened are the findings that refuse a package that stands for itself.
func softened(list []report.Finding) []report.Finding {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Refuses() {
			list[i].Severity = report.SeverityWarning
			list[i].Message += "; it is left where it is"
		}
	}
	return list
}

// decide plans, and has the plan judged. What stands for itself and is refused is taken out of
// the wish, and the rest is planned again.
func (g *gensync) decide(ctx context.Context) error {
	for {
		if err := g.draw(); err != nil {
			return err
		}
		away := g.verdict.turned
		if len(away) == 0 {
			var err error
			if away, err = g.verifyChanges(ctx); err != nil {
				return err
			}
		}
		if len(away) == 0 {
			g.verdict.findings = slices.Concat(g.left, g.verdict.findings)
			return nil
		}
		for _, t := range away {
			g.left = append(g.left, t.why...)
			g.wish.Put = slices.DeleteFunc(slices.Clone(g.wish.Put), func(c Candidate) bool { return c.at() == t.at })
		}
	}
}

// culprits are the packages that stand for themselves and whose own change is refused, of a
// plan that is refused as a whole.
func (g *gensync) culprits(ctx context.Context, changes []alpm.Change) (list []turned, err error) {
	for _, change := range changes {
		i := slices.IndexFunc(g.wish.Put, func(c Candidate) bool {
			return c.Alone && c.FileName == change.File && g.verdict.settled[c.at()]
		})
		if i < 0 {
			continue
		}
		found, err := g.askAboutChanges(ctx, []alpm.Change{change})
		if err != nil {
			return nil, err
		}
		if report.Refused(found) {
			for k := range found {
				if found[k].File == "" {
					found[k].File = change.File
				}
			}
			list = append(list, turned{g.wish.Put[i].at(), softened(found)})
		}
	}
	return list, nil
}
