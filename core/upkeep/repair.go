package upkeep

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mmpush/mmpush/core/commit"
	"github.com/mmpush/mmpush/core/repo"
	"github.com/mmpush/mmpush/core/report"
)

// Repair checks, mends under the lock what can be mended without guessing, and checks
// again: what is left are the differences of the second check.
func Repair(ctx context.Context, r *repo.Repo, f Format, opt Options) (Checkup, error) {
	c := newChecker(ctx, r, f, opt)
	first, err := c.settled()
	if err != nil || first.Clean() {
		return first, err
	}
	findings, rewrite, err := c.mendAll()
	if err == nil && rewrite && opt.Rewrite != nil {
		err = opt.Rewrite(ctx)
	}
	last, checkErr := c.settled()
	last.Findings = findings
	last.Repaired = without(first.Differences, last.Differences)
	return last, errors.Join(err, checkErr)
}

// mendAll looks again, under the lock, and mends what it finds. That something cannot be
// mended is told, and stops nothing else.
func (c *checker) mendAll() (findings []report.Finding, rewrite bool, err error) {
	tx, err := commit.Begin(c.ctx, c.r, c.opt.Commit)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, tx.Close()) }()
	if err := c.pass(); err != nil {
		return tx.Notes, false, err
	}
	findings = tx.Notes
	for _, d := range c.found {
		rewrite = rewrite || d.Rewrite
		if d.Mend == nil {
			continue
		}
		if err := d.Mend(); err != nil {
			findings = append(findings, report.Finding{
				Code: d.Code, Severity: report.SeverityWarning, File: d.File, Message: "could not be repaired: " + err.Error(),
			})
		}
	}
	return findings, rewrite, nil
}

// without is what of a is not in b.
func without(a, b []Difference) []Difference {
	var rest []Difference
	for _, d := range a {
		if !slices.ContainsFunc(b, func(o Difference) bool {
			return o.Code == d.Code && o.File == d.File && o.Field == d.Field && o.Message == d.Message
		}) {
			rest = append(rest, d)
		}
	}
	return rest
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func asReport(err error) (*report.Error, bool) { return errors.AsType[*report.Error](err) }
