package syncdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/mmpush/mmpush/core/alpm"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Named is a verifier with the name under which its findings are told.
type Named struct {
	Name     string
	Verifier alpm.Verifier
	// Version says which version of it answers, for the history.
	Version string
	// Warn has it refuse nothing: its findings become warnings, and so does its own
	// failure.
	Warn bool
}

// required are the verifiers that the repository's settings ask for. A repository whose
// verifiers cannot be run here is not changed from here.
func required(r *repo.Repo, opt Options) ([]Named, error) {
	if opt.Required != nil {
		return opt.Required(r)
	}
	return nil, r.Unverified()
}

// verify asks the verifiers about a package that was read.
func (g *gensync) verify(ctx context.Context, a *arrival) error {
	if a.candidate == nil || g.wish.Undoes != "" || len(g.wish.Heal) > 0 {
		return nil
	}
	from, name := a.FS, a.Path
	if g.stage != nil {
		from, name = g.repo.FS, path.Join(g.stageDir(), a.candidate.at())
	}
	c, _ := alpm.IsFileName(a.Name())
	p := alpm.Arrived{
		Package: a.read, Name: a.Name(), Size: a.candidate.Size, Compression: c, Signature: a.signed,
		Open: func() (io.ReadCloser, error) { return from.Open(name) },
	}
	found, err := g.ask(func(v alpm.Verifier) ([]report.Finding, error) { return v.VerifyPackage(ctx, p) })
	for i := range found {
		found[i].File = a.Shown
	}
	a.findings = append(a.findings, found...)
	if report.Refused(found) {
		a.candidate = nil
	} else {
		g.wish.Found = append(g.wish.Found, found...)
	}
	return err
}

// verifyChanges asks those who have rules about changes. Packages that stand for themselves
// and are refused come back; else the findings are about the whole plan.
func (g *gensync) verifyChanges(ctx context.Context) ([]turned, error) {
	able := func(n Named) bool { _, ok := n.Verifier.(alpm.ChangeVerifier); return ok }
	if !slices.ContainsFunc(g.verifiers, able) {
		return nil, nil
	}
	list, err := g.changes()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	found, err := g.askAboutChanges(ctx, list)
	if err == nil && report.Refused(found) {
		if away, err := g.culprits(ctx, list); err != nil || len(away) > 0 {
			return away, err
		}
	}
	g.verdict.findings = append(g.verdict.findings, found...)
	return nil, err
}

func (g *gensync) askAboutChanges(ctx context.Context, list []alpm.Change) ([]report.Finding, error) {
	return g.ask(func(v alpm.Verifier) ([]report.Finding, error) {
		c, ok := v.(alpm.ChangeVerifier)
		if !ok {
			return nil, nil
		}
		return c.VerifyChanges(ctx, list)
	})
}

// changes are what the plan comes to, for those who judge it.
func (g *gensync) changes() ([]alpm.Change, error) {
	var list []alpm.Change
	known := map[string]bool{}
	for d, err := range g.snap.view.All() {
		if err != nil {
			return nil, g.repo.Tell("plan", g.readError(err))
		}
		known[d.Source()] = true
	}
	for _, l := range g.verdict.packages {
		if l.Action != report.ActionKeep {
			list = append(list, alpm.Change{Package: l.Package, Source: l.source, Was: l.wasSource, New: !known[l.source]})
		}
	}
	return list, nil
}

// ask puts a question to each verifier, and notes how it answers for the history.
func (g *gensync) ask(question func(alpm.Verifier) ([]report.Finding, error)) ([]report.Finding, error) {
	var all []report.Finding
	for _, v := range g.verifiers {
		found, err := question(v.Verifier)
		switch told, ok := errors.AsType[*report.Error](err); {
		case err == nil:
		case v.Warn:
			found = append(found, report.Finding{Code: report.CodeInternal, Severity: report.SeverityWarning, Message: "the verifier has failed: " + err.Error()})
		case ok:
			return all, told
		default:
			return all, &report.Error{Stage: "verify", Code: report.CodeInternal, File: g.repo.Path, Err: fmt.Errorf("the verifier %s has failed: %w", v.Name, err)}
		}
		for i := range found {
			f := &found[i]
			if f.Severity == "" {
				f.Severity = report.SeverityError
			}
			if f.Verifier = v.Name; v.Warn && f.Refuses() {
				f.Severity = report.SeverityWarning
			}
		}
		g.judged(v, found)
		all = append(all, found...)
	}
	return all, nil
}

// judged notes the verdict of a verifier.
func (g *gensync) judged(v Named, found []report.Finding) {
	const passed, warned = "passed", "warned"
	verdict := passed
	if slices.ContainsFunc(found, func(f report.Finding) bool { return f.Severity == report.SeverityWarning }) {
		verdict = warned
	}
	for i := range g.wish.Verifiers {
		if was := &g.wish.Verifiers[i]; was.Name == v.Name {
			if verdict == warned {
				was.Verdict = warned
			}
			return
		}
	}
	g.wish.Verifiers = append(g.wish.Verifiers, repo.Verification{Name: v.Name, Version: v.Version, Verdict: verdict})
}
