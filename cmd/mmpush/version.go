package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/mmpush/mmpush/core/report"
)

type versionCmd struct{}

// build is the document of version: what this binary was built from.
type build struct {
	Schema  int    `json:"schema"`
	Version string `json:"version"`
	// Revision is the commit; Modified says that files differed from it.
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Schema: report.Schema, Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (*versionCmd) run(_ context.Context, a *app) (doc any, code int) {
	b := thisBuild()
	a.out.line("mmpush %s", b.Version)
	if b.Revision != "" {
		state := ""
		if b.Modified {
			state = ", with changes"
		}
		a.out.line("commit %s of %s%s", b.Revision, b.Time, state)
	}
	a.out.line("%s %s", b.Go, b.Platform)
	return b, exitDone
}

// program is how we name ourselves to others who wait for a repository.
func program(verb string) string { return "mmpush " + verb + " " + thisBuild().Version }
