package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/transports/dir"
)

// openRepo opens the repository in a folder. The caller calls done at the end.
func (a *app) openRepo(at string) (r *repo.Repo, done func(), err error) {
	folder, err := dir.OpenFolder(at, false)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = folder.Close() }
	if r, err = pipeline.Open(a.folder(folder), at); err != nil {
		done()
		return nil, nil, err
	}
	return r, done, nil
}

// refusal is an answer that says no, as an error: its first reason.
type refusal struct{ report.Finding }

func (r refusal) Error() string { return r.String() }

// firstRefusal is the refusal of a report that is rejected.
func firstRefusal(rep report.Report) refusal {
	for _, f := range rep.Findings {
		if f.Refuses() {
			return refusal{f}
		}
	}
	return refusal{report.Finding{Code: report.CodeInternal, File: rep.Manifest, Message: "is rejected, and nothing says why"}}
}

// attempt does the work for one upload. Standard error gets everything that is
// found, as in push; a refusal comes back as an error, too.
func (a *app) attempt(ctx context.Context, manifest string, do work) error {
	shown := newProgress(a.err, time.Now)
	rep, err := a.read(ctx, manifest, shown, do)
	shown.end()
	return a.verdict(rep, err)
}

// verdict tells on standard error what was found and why the work could not be
// done, and returns why there is no success.
func (a *app) verdict(rep report.Report, err error) error {
	// Each command stands for itself, however long the program runs.
	a.err.hinted = map[string]bool{}
	a.err.findings(rep.Findings)
	if err != nil {
		a.err.problem(err)
		return err
	}
	if rep.Result != report.Rejected {
		return nil
	}
	return firstRefusal(rep)
}

// reason is an error on one line, with its code.
func reason(err error) string {
	if stopped(err) {
		return fmt.Sprintf("interrupted [%s]", report.CodeStopped)
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	if _, ok := errors.AsType[refusal](err); !ok {
		text += fmt.Sprintf(" [%s]", report.CodeOf(err))
	}
	return visible(text)
}
