package sftp

import (
	"context"
	"fmt"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/watch"
)

// final is the last final verdict on this very manifest; nil if there is none.
func (d *drop) final() (*watch.Verdict, error) {
	var v watch.Verdict
	ok, err := d.read(watch.FinalVerdictFile(d.sum), &v)
	if !ok || v.ManifestSHA256 != d.sum || v.Result == watch.Waiting {
		return nil, err
	}
	return &v, nil
}

// news is a final verdict that was not there before.
func (d *drop) news() (*watch.Verdict, error) {
	v, err := d.final()
	if v == nil || v.ID == *d.before {
		return nil, err
	}
	return v, nil
}

// await waits for the verdict; nil if it does not come in time.
func (d *drop) await(ctx context.Context) (*watch.Verdict, error) {
	var told string
	for until := time.Now().Add(d.t.Wait); time.Now().Before(until); {
		v, err := d.news()
		if v != nil || err != nil {
			return v, err
		}
		if told, err = d.tellTrouble(told); err != nil {
			return nil, err
		}
		if err := sleep(ctx, lookEvery); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// tellTrouble tells the user, once each, what the watcher waits for.
func (d *drop) tellTrouble(before string) (string, error) {
	var v watch.Verdict
	ok, err := d.read(watch.VerdictFile(d.name), &v)
	if !ok || v.Result != watch.Waiting || v.ManifestSHA256 != d.sum || v.Error == nil || v.Error.Message == before {
		return before, err
	}
	if d.t.Options.Notice != nil {
		d.t.Options.Notice(fmt.Sprintf("the watcher cannot publish yet: %s [%s]", v.Error.Message, v.Error.Code))
	}
	return v.Error.Message, nil
}

// answer makes the report of a verdict; without one, the upload is accepted.
func (d *drop) answer(rep report.Report, v *watch.Verdict) report.Report {
	if v == nil {
		return d.later(rep, report.Accepted, fmt.Sprintf("all of it is in the drop folder, and no verdict came in %s: does its watcher run?", d.t.Wait))
	}
	notes := rep.Findings
	rep = v.Report
	rep.Schema, rep.Manifest, rep.Repository = report.Schema, d.u.Name, d.t.Name
	rep.Findings = append(notes, rep.Findings...)
	for _, l := range v.Left {
		rep.Findings = append(rep.Findings, report.Finding{
			Code: report.CodeLater, Severity: report.SeverityNote, File: l.File, Message: "it is left in the drop folder: " + l.Why,
		})
	}
	return rep
}
