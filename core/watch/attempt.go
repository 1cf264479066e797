package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"time"

	"github.com/mmpush/mmpush/core/pipeline"
	"github.com/mmpush/mmpush/core/report"
)

const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// consider decides what to do with one upload now, and returns when to look at it
// again. A defect in one upload's work does not reach the others.
func (s *Scanner) consider(ctx context.Context, a *arrival, entries listing) (next time.Time) {
	if err := s.guard(a.name, func() { next = s.decide(ctx, a, entries) }); err != nil {
		return s.trouble(a, err)
	}
	return next
}

// guard turns a panic into an error.
func (s *Scanner) guard(upload string, work func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.opt.Log.Error("defect", "upload", upload, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("defect: %v", p)
		}
	}()
	work()
	return nil
}

func (s *Scanner) decide(ctx context.Context, a *arrival, entries listing) (next time.Time) {
	now := s.opt.Now()
	a.seen(now, a.stateOf(entries.lookup))
	switch {
	case a.done:
		return now.Add(Interval)
	case now.Before(a.retry):
		return a.retry
	case a.fault != nil:
		return s.faulty(a)
	}
	constant := now.Sub(a.since)
	problems, soon := s.obstacles(a, entries.lookup, constant)
	a.stuck = len(problems) > 0
	switch {
	case soon:
		return a.since.Add(s.quiet)
	case len(problems) > 0 && constant < s.opt.Settle:
		s.wait(a, problems)
		return a.since.Add(s.opt.Settle)
	case len(problems) > 0:
		return s.giveUp(ctx, a, problems)
	case now.Before(s.pause):
		// Whoever brought it wants to know, too.
		s.tellTrouble(a, s.blocked)
		return s.pause
	}
	return s.attempt(ctx, a)
}

// obstacles are what keeps an upload from being taken up; soon is true if it is only
// that something of it has changed just now.
func (s *Scanner) obstacles(a *arrival, at lookup, constant time.Duration) (problems []report.Finding, soon bool) {
	if problems := a.lacking(at); len(problems) > 0 {
		return problems, false
	}
	if problems := s.unsigned(a, at); len(problems) > 0 {
		return problems, false
	}
	moving := !a.atRest(at)
	if constant < s.quiet && (moving || a.doubted) {
		return nil, true
	}
	if problems := s.unreadable(a); len(problems) > 0 {
		return problems, false
	}
	if moving && a.cut && constant < s.opt.Settle {
		return a.unended(), false
	}
	return nil, false
}

// faulty is about a manifest that the machine did not let us read; one that has
// just gone is no trouble.
func (s *Scanner) faulty(a *arrival) time.Time {
	if errors.Is(a.fault, fs.ErrNotExist) {
		return s.opt.Now().Add(s.quiet)
	}
	return s.trouble(a, &report.Error{Stage: "manifest", Code: report.CodeDisk, File: a.name, Err: a.fault})
}

// look looks at all files of an upload anew.
func (s *Scanner) look(a *arrival) listing {
	found := listing{}
	for _, name := range a.names() {
		if info, err := s.opt.Drop.Lstat(name); err == nil {
			found[name] = info
		}
	}
	return found
}

// attempt publishes a whole upload. The files are taken away only if they are
// afterwards what they were before any of them was read.
func (s *Scanner) attempt(ctx context.Context, a *arrival) (next time.Time) {
	before := s.look(a)
	if a.stateOf(before.lookup) != a.state {
		return s.opt.Now()
	}
	rep, err := s.publish(ctx, a, before)
	if err != nil {
		return s.failed(ctx, a, err)
	}
	s.troubles = 0
	if rep.Result != report.Rejected {
		s.depart(a, departure{Verdict: s.verdict(a, rep), Files: originals(a, before, a.bundle())})
		return s.opt.Now()
	}
	if a.stateOf(s.look(a).lookup) != a.state {
		return s.opt.Now()
	}
	if quiet := a.since.Add(s.quiet); s.opt.Now().Before(quiet) && !a.doubted {
		a.doubted = true
		return quiet
	}
	s.reject(a, rep, before)
	return s.opt.Now()
}

// errMoved ends the work on a manifest that is not the one that was looked at.
var errMoved = errors.New("the manifest was replaced")

// failed is about an attempt that was not ended by an answer.
func (s *Scanner) failed(ctx context.Context, a *arrival, err error) time.Time {
	switch {
	case ctx.Err() != nil:
		s.opt.Log.Info("stopped", "upload", a.name, "id", a.id, "reason", "the watcher was asked to stop; it will be published when it runs again")
		return s.opt.Now().Add(Interval)
	case errors.Is(err, errMoved), a.stateOf(s.look(a).lookup) != a.state:
		return s.opt.Now()
	}
	return s.trouble(a, err)
}

// giveUp refuses an upload that has not become whole in time. The checks run all
// the same, so that all problems are told at once.
func (s *Scanner) giveUp(ctx context.Context, a *arrival, problems []report.Finding) (next time.Time) {
	before := s.look(a)
	if a.stateOf(before.lookup) != a.state {
		return s.opt.Now()
	}
	if s.publishedBefore(a) && onlyMissing(problems) {
		s.again(a, before)
		return s.opt.Now()
	}
	rep := report.Report{Result: report.Rejected, Findings: problems}
	if len(a.unusable) == 0 {
		checked, err := s.check(ctx, a, problems, before)
		if err != nil {
			return s.failed(ctx, a, err)
		}
		if report.Refused(checked) {
			rep.Findings = checked
		}
	}
	s.reject(a, rep, before)
	return s.opt.Now()
}

// check runs the checks that need no repository, on an upload with these problems.
func (s *Scanner) check(ctx context.Context, a *arrival, problems []report.Finding, before listing) ([]report.Finding, error) {
	if a.isList() {
		return s.checkList(ctx, a, problems, before)
	}
	u, findings, err := s.openUpload(ctx, a, before[a.name])
	if err != nil || report.Refused(findings) {
		return findings, err
	}
	rep, err := pipeline.Check(ctx, u, s.arch, s.opt.Request.Options, s.opt.Request.Verifiers)
	return append(findings, rep.Findings...), err
}

// reject moves an upload to the folder of refused ones.
func (s *Scanner) reject(a *arrival, rep report.Report, before listing) {
	d := departure{Verdict: s.verdict(a, rep), Files: originals(a, before, slices.Concat(a.bundle(), a.others))}
	d.To = s.rejectedName(a)
	d.Verdict.Rejected = RejectedDir + "/" + d.To
	s.depart(a, d)
}

// trouble is about a failure of ours, or of the machine: the upload stays, and is
// tried again, later each time.
func (s *Scanner) trouble(a *arrival, err error) time.Time {
	a.fails++
	a.retry = s.opt.Now().Add(backOff(a.fails))
	if hitsAll(err) {
		s.troubles++
		s.blocked = err
		s.pause = s.opt.Now().Add(backOff(s.troubles))
		a.retry = s.pause
	}
	s.opt.Log.Error("not published yet", "upload", a.name, "id", a.id, "code", report.CodeOf(err),
		"error", err, "again", a.retry.UTC().Format(time.RFC3339))
	// A defect is logged by guard; the upload's trouble is told by the log at least.
	_ = s.guard(a.name, func() { s.tellTrouble(a, err) })
	return a.retry
}

func backOff(fails int) time.Duration {
	d := firstRetry
	for ; fails > 1 && d < lastRetry; fails-- {
		d *= 2
	}
	return min(d, lastRetry)
}

// hitsAll reports whether every other upload would meet the same trouble.
func hitsAll(err error) bool {
	return slices.Contains([]report.Code{
		report.CodeNoRepo, report.CodeSettings, report.CodeIndex, report.CodeJournal, report.CodeLocked, report.CodeClock,
	}, report.CodeOf(err))
}
