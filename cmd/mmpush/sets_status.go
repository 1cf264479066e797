package main

import (
	"context"
	"maps"
	"slices"

	"github.com/mmpush/mmpush/core/config"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/sets"
)

// setRepos are the repositories in which parts may wait: those of the set or the folder
// that is named or, without a name, of all sets.
func (a *app) setRepos(name *string) ([]*repo.Repo, func(), error) {
	var list []*repo.Repo
	var opened []func()
	done := func() {
		for _, f := range opened {
			f()
		}
	}
	var folders []string
	all := a.config.Sets()
	v := a.setting(name, "--repo", "repo")
	if s, ok := a.config.Set(v.Text); ok {
		all = []config.Set{s}
	} else if name != nil {
		all, folders = nil, []string{v.Path()}
	}
	for _, s := range all {
		for _, arch := range slices.Sorted(maps.Keys(s.Repositories)) {
			if at := s.Repositories[arch]; !slices.Contains(folders, at) {
				folders = append(folders, at)
			}
		}
	}
	if len(folders) == 0 {
		return nil, nil, wrongUsage("add -R SET or -R REPO, or write `sets:` in a configuration", "nothing says in which repositories parts could wait")
	}
	for _, at := range folders {
		r, closeRepo, err := a.openRepo(at)
		if err != nil {
			done()
			return nil, nil, err
		}
		opened, list = append(opened, closeRepo), append(list, r)
	}
	return list, done, nil
}

// partsAnswer is the document about parts that wait.
type partsAnswer struct {
	Schema  int              `json:"schema"`
	Waiting []report.Waiting `json:"waiting"`
	Aborted bool             `json:"aborted,omitempty"`
}

// parts shows what waits; id, if not empty, is the one that is meant.
func (a *app) parts(name *string, id string) (answer partsAnswer, err error) {
	answer = partsAnswer{Schema: report.Schema, Waiting: []report.Waiting{}}
	repos, done, err := a.setRepos(name)
	if err != nil {
		return answer, err
	}
	defer done()
	for _, r := range repos {
		list, err := sets.Waiting(r)
		if err != nil {
			return answer, err
		}
		for _, w := range list {
			if id == "" || w.ID == id {
				answer.Waiting = append(answer.Waiting, w)
			}
		}
	}
	return answer, nil
}

// showParts shows groups of parts.
func (p *printer) showParts(list []report.Waiting) {
	for _, w := range list {
		p.line("%s", waitingFor(w))
		var t table
		for _, x := range w.Parts {
			from := x.Who
			if x.Transport != "" {
				from += " by " + x.Transport
			}
			t.add(cell{"there", good}, cell{x.Architecture, bold}, cell{text: visible(x.Manifest)}, cell{text: visible("from " + from)},
				cell{text: x.Time.UTC().Format("2006-01-02 15:04:05")}, cell{text: bytesText(x.Size)})
		}
		for _, arch := range w.Missing {
			t.add(cell{"missing", caution}, cell{arch, bold})
		}
		t.write(p, "  ")
	}
}

type abortCmd struct {
	ID   string  `arg:"" help:"The id of the parts, as mmpush status shows it."`
	Repo *string `short:"R" placeholder:"SET|REPO" help:"The set, or the repository in which the parts wait. Default: all configured sets."`

	DryRun bool `short:"n" help:"Show what would be dropped, and change nothing."`
}

// Help is shown by --help.
func (*abortCmd) Help() string {
	return `Drops the parts of a source that wait in a set for other architectures. Nothing of them was public. The jobs that sent them push again.`
}

func (c *abortCmd) run(_ context.Context, a *app) (doc any, code int) {
	if c.DryRun {
		found, err := a.parts(c.Repo, c.ID)
		if err != nil {
			return a.fail(err)
		}
		if len(found.Waiting) > 0 {
			a.out.showParts(found.Waiting)
			a.out.line("dry run, nothing was dropped")
			return found, exitDone
		}
	}
	repos, done, err := a.setRepos(c.Repo)
	if err != nil {
		return a.fail(err)
	}
	defer done()
	for _, r := range repos {
		w, err := sets.Abort(r, c.ID)
		if err != nil {
			return a.fail(err)
		}
		if w != nil {
			a.out.line("dropped %s", visible(w.Source+" "+w.Version+" of the set "+w.Set+": "+plural(len(w.Parts), "part")))
			return partsAnswer{Schema: report.Schema, Waiting: []report.Waiting{*w}, Aborted: true}, exitDone
		}
	}
	return a.fail(wrongUsage("mmpush status shows what waits", "no parts wait under the id %q", visible(c.ID)))
}
