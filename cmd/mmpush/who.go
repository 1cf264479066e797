package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

type whoCmd struct {
	Packages []string `arg:"" name:"package" complete:"package" help:"Names of binary packages."`

	repoFlag
}

// Help is shown by --help.
func (*whoCmd) Help() string {
	return `Says who published the bytes that are installed under a name from here, when, and over which transport. An undo that brought them back is named too.`
}

// traced is the document of who.
type traced struct {
	Schema     int                   `json:"schema"`
	Result     report.Result         `json:"result"`
	Repository string                `json:"repository"`
	Packages   []pipeline.Provenance `json:"packages"`
}

func (c *whoCmd) run(_ context.Context, a *app) (doc any, code int) {
	at, r, done, err := a.repository(c.repoFlag, "in which repository to look")
	if err != nil {
		return a.fail(err)
	}
	defer done()
	list, err := a.provenances(r, c.Packages)
	if err != nil {
		return a.fail(err)
	}
	for _, name := range c.Packages {
		if !slices.ContainsFunc(list, func(p pipeline.Provenance) bool { return p.Name == name }) {
			return a.nothing(at, "no package of "+at+" is called "+visible(name), "`mmpush list` shows what is published")
		}
	}
	for _, p := range list {
		a.provenance(p)
	}
	return traced{report.Schema, resultFound, at, list}, exitDone
}

// provenances tells who published the packages that are served under these names.
func (a *app) provenances(r *repo.Repo, names []string) ([]pipeline.Provenance, error) {
	published, err := a.kindOf(r).published(r, names)
	if err != nil {
		return nil, err
	}
	var list []pipeline.Provenance
	for _, p := range published {
		list = append(list, pipeline.Provenance{Source: p.Source, Package: report.Package{
			Kind: report.Binary, Name: p.Name, Version: p.Version, Architecture: p.Architecture, Action: report.ActionKeep,
			File: p.File, Size: p.Size, SHA256: p.SHA256,
		}})
	}
	return list, pipeline.Trace(r, list)
}

// provenance tells where one package comes from.
func (a *app) provenance(p pipeline.Provenance) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s (%s): ", p.Name, p.Version, shortHash(p.SHA256))
	switch {
	case p.Generation == 0:
		b.WriteString("the history does not know; it was there before")
	case p.By == "foreign":
		fmt.Fprintf(&b, "another program, found %s, generation %s", p.Time.UTC().Format(time.RFC3339), numbered(p.Generation, p.Change, p.Change))
	default:
		fmt.Fprintf(&b, "%s, %s, generation %d", whoOf(p.Who), p.Time.UTC().Format(time.RFC3339), p.Generation)
		for _, more := range []string{p.Transport, p.Manifest} {
			if more != "" {
				b.WriteString(", " + more)
			}
		}
	}
	if p.Back > 0 {
		fmt.Fprintf(&b, "; brought back by generation %d", p.Back)
	}
	width := a.out.width
	if width == 0 {
		width = defaultWidth
	}
	a.out.line("%s", wrap(visible(b.String()), width, "    "))
}
