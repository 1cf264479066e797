package main

import (
	"time"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
)

// upkeepFlags are those of every verb that keeps a repository in order.
type upkeepFlags struct {
	repoFlag
	LockWait time.Duration `setting:"lock-wait" default:"60s" placeholder:"DURATION" help:"How long to wait while another program changes the repository. Default: 60s."`
}

// open opens the repository. The caller calls done at the end.
func (f upkeepFlags) open(a *app) (r *repo.Repo, done func(), err error) {
	at, err := f.at(a, "which repository is meant")
	switch {
	case err != nil:
		return nil, nil, err
	case f.LockWait < 0:
		return nil, nil, wrongUsage("give a time such as 60s or 5m", "--lock-wait=%s: a time cannot be negative", f.LockWait)
	}
	return a.openAny(at)
}

// options are how these verbs change a repository.
func (f upkeepFlags) options(a *app) pipeline.Options {
	return pipeline.Options{
		Who: a.User, Transport: "dir", LockWait: f.LockWait, Program: program(a.verb), Waiting: a.waiting, Required: a.required,
	}
}

func (f upkeepFlags) commitOptions(a *app, r *repo.Repo) commit.Options {
	return a.kindOf(r).commitOptions(f.options(a))
}
