package main

import (
	"context"
	"path"
	"strings"

	"github.com/mmpush/mmpush/core/report"
)

type listCmd struct {
	Patterns []string `arg:"" optional:"" name:"pattern" complete:"package" help:"Names of packages; * and ? stand for any letters. Default: all."`

	repoFlag
}

// listing is the document of list.
type listing struct {
	Schema       int      `json:"schema"`
	Repository   string   `json:"repository"`
	Architecture string   `json:"architecture"`
	Packages     []listed `json:"packages"`
}

// listed is one published binary package.
type listed struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Source       string `json:"source"`
	// SourceSHA256 names the source tarball that it was built from, if the index knows.
	SourceSHA256 string `json:"source_sha256,omitempty"`
	Size         int64  `json:"size"`
	// File is the path below the repository.
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

func (c *listCmd) run(_ context.Context, a *app) (doc any, code int) {
	l, err := c.list(a)
	if err != nil {
		return a.fail(err)
	}
	var t table
	if a.out.terminal {
		t.add(cell{"NAME", faint}, cell{"VERSION", faint}, cell{"SOURCE", faint}, cell{"SIZE", faint}, cell{"FILE", faint})
	}
	for _, p := range l.Packages {
		t.add(cell{p.Name, bold}, cell{text: p.Version}, cell{text: p.Source}, cell{text: bytesText(p.Size)}, cell{text: a.shownFile(p.File)})
	}
	switch {
	case len(l.Packages) > 0:
		t.write(a.out, "")
	case len(c.Patterns) > 0:
		a.err.message(faint, "note", "no package of "+l.Repository+" is called "+strings.Join(c.Patterns, " or "))
	default:
		a.err.message(faint, "note", l.Repository+" has no packages")
	}
	return l, exitDone
}

func (c *listCmd) list(a *app) (listing, error) {
	at, err := c.at(a, "which repository to list")
	if err != nil {
		return listing{}, err
	}
	for _, p := range c.Patterns {
		if _, err := path.Match(p, ""); err != nil {
			return listing{}, wrongUsage("* and ? stand for any letters, [ab] for one of a few", "%q is not a pattern", visible(p))
		}
	}
	r, done, err := a.openAny(at)
	if err != nil {
		return listing{}, err
	}
	defer done()
	l := listing{Schema: report.Schema, Repository: at, Architecture: r.Arch, Packages: []listed{}}
	all, err := a.kindOf(r).published(r, nil)
	for _, p := range all {
		if c.wants(p.Name) {
			l.Packages = append(l.Packages, p)
		}
	}
	return l, err
}

// shownFile is a path as it is listed: on a terminal, the folder of a file in the
// pool, which is a SHA-256, is cut short.
func (a *app) shownFile(file string) string {
	pool, name := path.Split(file)
	if sum := path.Base(pool); a.out.terminal && len(sum) == 64 {
		return path.Dir(path.Clean(pool)) + "/" + sum[:4] + ".../" + name
	}
	return file
}

func (c *listCmd) wants(name string) bool {
	for _, p := range c.Patterns {
		if ok, err := path.Match(p, name); ok && err == nil {
			return true
		}
	}
	return len(c.Patterns) == 0
}
