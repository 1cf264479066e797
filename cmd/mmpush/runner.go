package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/index"
	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/transport"
	"github.com/mmpush/mmpush/core/vfs"
)

// runner is a runner of workflows that reads what this run says (--output=github).
type runner struct {
	job action.Job
	log *action.Log
	// remarks are what the run has to say besides its reports.
	remarks []action.Remark
	// repository is the folder that is published to; empty if it is not on this machine.
	repository string
}

// startRunner hides the secrets of the environment from the log, and takes both streams:
// the runner could not tell which lines of two streams came first. Nobody is there to be
// asked.
func startRunner(e *env) *runner {
	r := &runner{job: action.JobOf(e.Getenv), log: action.NewLog(e.Stdout)}
	if r.job.Runner {
		// What cannot be written here cannot be written later, and is told then.
		_ = r.log.Mask(e.Getenv(passwordVariable), e.Getenv(tokenVariable), e.Getenv(keyVariable))
	}
	_ = r.log.Quiet()
	e.Stdout, e.Stderr, e.Ask = r.log, r.log, nil
	return r
}

// publishesTo notes the folder that is published to.
func (r *runner) publishesTo(folder string) {
	if r != nil {
		r.repository = folder
	}
}

// foreign says why the runner's job may not publish; empty if it may.
func (a *app) foreign() string {
	if a.runner == nil {
		return ""
	}
	return a.runner.job.Foreign()
}

// preview does for the manifests what needs no right: they are verified, and planned on
// what the repository shows of itself.
func (c *pushCmd) preview(ctx context.Context, a *app, why action.Remark) (doc any, code int) {
	a.runner.remarks = append(a.runner.remarks, why)
	a.err.message(caution, why.Level, why.Text)
	d, err := c.target(a)
	public := transport.Target{}
	_, set := c.set(a)
	switch local := set || err == nil && d.target.Scheme == "dir"; {
	case local:
	case c.PublicURL != "" && !slices.ContainsFunc(c.Manifests, isPackage):
		if public, err = transport.ParseTarget(c.PublicURL); err != nil || public.URL == nil {
			return a.fail(wrongUsage("give the URL of the folder that clients read", "--public-url: %q is no URL", visible(c.PublicURL)))
		}
	default:
		return c.check(ctx, a)
	}
	plan := *c
	if public.URL != nil {
		plan.PublicURL, plan.remoteFlags, plan.sshFlags = "", remoteFlags{}, sshFlags{}
		plan.To = new(string)
		*plan.To = public.URL.String()
	}
	plan.DryRun = true
	doc, code, err = plan.publish(ctx, a)
	if err == nil {
		return doc, code
	}
	if public.URL == nil || stopped(err) {
		return a.fail(err)
	}
	unread := action.Remark{Level: "warning", Text: "what a publish would change is not known: " + err.Error()}
	a.runner.remarks = append(a.runner.remarks, unread)
	a.err.message(caution, unread.Level, unread.Text)
	return c.check(ctx, a)
}

func (c *pushCmd) check(ctx context.Context, a *app) (doc any, code int) {
	check := checkCmd{Manifests: c.Manifests, verifierFlags: c.verifierFlags}
	return check.run(ctx, a)
}

// end tells the runner what came of the run; doc is the run's document.
func (r *runner) end(doc any) error {
	list, told := outcomes(doc)
	err := errors.Join(r.log.Loud(), r.log.Annotate(r.job, list, r.remarks))
	if !told {
		return err
	}
	out := action.OutputsOf(list)
	var failed error
	if r.job.Output != "" {
		out.ResultJSON, failed = r.keep(doc)
		err = errors.Join(err, failed)
		out.IndexSHA256, failed = r.indexHash()
		err = errors.Join(err, failed)
	}
	return errors.Join(err, appendTo(r.job.Output, out.String()), appendTo(r.job.Summary, action.Summary(r.job, list, r.remarks)))
}

// outcomes are those that a document is about; ok is false if it is about none.
func outcomes(doc any) (list []action.Outcome, ok bool) {
	switch doc := doc.(type) {
	case answer:
		return []action.Outcome{doc.outcome()}, true
	case answers:
		for _, one := range doc.Reports {
			list = append(list, one.outcome())
		}
		for _, m := range doc.NotTried {
			list = append(list, action.Outcome{Manifests: []string{m}, Report: report.Report{Result: resultError},
				Problem: &action.Problem{Code: report.CodeStopped, Message: "was not tried, after what happened before"}})
		}
		return list, true
	}
	return nil, false
}

func (d answer) outcome() action.Outcome {
	o := action.Outcome{Manifests: d.manifests, Declared: d.declared, Report: d.Report}
	if p := d.Error; p != nil {
		o.Problem = &action.Problem{Code: p.Code, File: p.File, Message: p.Message, Hint: p.Hint}
	}
	return o
}

// keep writes the document into a file that stays as long as the job.
func (r *runner) keep(doc any) (name string, err error) {
	f, err := os.CreateTemp(r.job.Temp, "mmpush-result-*.json")
	if err != nil {
		return "", fmt.Errorf("the result cannot be kept: %w", err)
	}
	p := &printer{w: f}
	p.document(doc)
	return f.Name(), errors.Join(p.failed, f.Close())
}

// indexHash is the SHA-256 of the binary index as it is now; empty if the repository is
// not here, or has none.
func (r *runner) indexHash() (string, error) {
	if r.repository == "" {
		return "", nil
	}
	folder, err := vfs.OpenDir(r.repository)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer folder.Close()
	sum, err := vfs.SHA256(folder, index.BinaryFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(r.repository, index.BinaryFile), err)
	}
	return sum, nil
}

// appendTo writes to one of the runner's files; an empty name is none.
func appendTo(file, text string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return cmp.Or(err, f.Close())
}
