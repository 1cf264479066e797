package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// Verdict implements [tupkg.Intake].
func (in *intake) Verdict(ctx context.Context, tell func(tupkg.Progress)) (tupkg.Verdict, error) {
	v, err := in.verdict(ctx, tell)
	if err != nil {
		in.s.Meter.Judged(resultFailed)
		return tupkg.Verdict{}, in.v.failure("verdict", err)
	}
	in.s.Meter.Judged(v.Report.Result)
	return v, nil
}

func (in *intake) verdict(ctx context.Context, tell func(tupkg.Progress)) (tupkg.Verdict, error) {
	in.s.mu.Lock()
	in.judging, in.judgingOwn = true, true
	in.acc.judging++
	in.s.mu.Unlock()
	defer in.lookLast()
	answers, err := in.answers(ctx, tell)
	// Also of an upload whose rest has failed, something may have been accepted.
	in.complete(ctx, tell)
	if err != nil {
		return tupkg.Verdict{}, err
	}
	v := in.compose(answers)
	return v, in.keepFaulty(&v)
}

// answers are the reports about the manifests of the upload, by the file's number.
func (in *intake) answers(ctx context.Context, tell func(tupkg.Progress)) (map[int]report.Report, error) {
	if in.d.DryRun {
		return in.dry(ctx)
	}
	if err := in.settleRest(ctx); err != nil {
		return nil, err
	}
	if err := in.settleNames(); err != nil {
		return nil, err
	}
	// Who has no rights any more gets manifests rejected, so that none is left to be run.
	lapsed := in.renew()
	answers, err := in.judgeOwn(ctx, tell)
	if err != nil {
		return nil, err
	}
	// If the manifest is not what was declared, it is not judged.
	if err := in.putAside(ctx); err != nil {
		return nil, err
	}
	if lapsed != nil {
		return nil, lapsed
	}
	return answers, in.rest(ctx, tell)
}

// judgeOwn runs the manifests of this upload. In version 2 it is the only one that does,
// and many of one user are published together; in version 1 a manifest waits for what
// other sessions bring, and these look for it, one after the other.
func (in *intake) judgeOwn(ctx context.Context, tell func(tupkg.Progress)) (map[int]report.Report, error) {
	if in.v.version == 1 {
		done, err := in.s.runAlone(ctx, in.acc)
		if err != nil {
			return nil, err
		}
		defer done()
	}
	answers := map[int]report.Report{}
	for i := range in.files {
		f := &in.files[i]
		if !isManifest(f.Name) || f.sha == "" {
			continue
		}
		rep, err := in.judge(ctx, candidate{name: f.Name, sha: f.sha, own: true}, tell)
		if err != nil {
			return nil, err
		}
		answers[i] = rep
		in.s.mu.Lock()
		in.kept(f)
		in.s.mu.Unlock()
	}
	return answers, nil
}

// rest does what has to be done besides the upload's own manifests: packages go to the
// incoming folder, and manifests are run that have waited. Of many uploads of one user
// that are judged at once, the last one looks for these.
func (in *intake) rest(ctx context.Context, tell func(tupkg.Progress)) error {
	packages := slices.ContainsFunc(in.files, func(f file) bool { return in.s.takes(f.Name) })
	if last := in.lookLast(); !packages && !last {
		return nil
	}
	if waiting, err := in.unclaimed(ctx); err == nil && len(waiting) == 0 && !packages {
		return nil
	}
	done, err := in.s.runAlone(ctx, in.acc)
	if err != nil {
		return err
	}
	defer done()
	if err := in.deliver(ctx, tell); err != nil {
		return err
	}
	in.runWaiting(ctx)
	in.tidyDelivered(ctx)
	return nil
}

// lookLast ends the judging of the upload's own, and reports whether no other upload of the
// user is in the midst of that.
func (in *intake) lookLast() bool {
	in.s.mu.Lock()
	defer in.s.mu.Unlock()
	if in.judgingOwn {
		in.judgingOwn = false
		in.acc.judging--
	}
	return in.acc.judging == 0
}

// compose makes the verdict of what is known of each file.
func (in *intake) compose(answers map[int]report.Report) tupkg.Verdict {
	v := tupkg.Verdict{
		Files:  make([]tupkg.FileVerdict, len(in.files)),
		Report: report.Report{Schema: report.Schema, Result: report.Accepted, Architecture: in.s.arch()},
	}
	if in.d.DryRun {
		v.Report.Result = report.Planned
	}
	main := -1
	for i, f := range in.files {
		rep, judged := answers[i]
		switch {
		case f.wrong != nil:
			v.Files[i].Reason = f.wrong.Message
		case judged:
			v.Files[i].Pass = public(rep.Result) || rep.Result == report.Planned || waits(rep)
			v.Files[i].Reason = in.reason(rep)
			if main < 0 || i == in.d.ManifestFile && in.manifest != nil {
				main = i
			}
		default:
			v.Files[i].Pass = true
		}
	}
	switch {
	case main >= 0:
		v.Report = answers[main]
	case in.told != nil:
		v.Report = *in.told
		for i := range v.Files {
			if v.Report.Result == report.Rejected && v.Files[i].Pass {
				v.Files[i].Pass, v.Files[i].Reason = false, in.reason(v.Report)
			}
		}
	}
	for _, f := range in.files {
		if f.wrong != nil {
			v.Report.Result = report.Rejected
			if !slices.Contains(v.Report.Findings, *f.wrong) {
				v.Report.Findings = append(v.Report.Findings, *f.wrong)
			}
		}
	}
	v.Report.Findings = append(v.Report.Findings, in.notes...)
	v.Report.Repository = ""
	// Where the repositories lie on this machine is nobody's business.
	v.Report.Repositories = slices.Clone(v.Report.Repositories)
	for i := range v.Report.Repositories {
		v.Report.Repositories[i].Repository = ""
	}
	return v
}

// public reports whether the repository serves the upload.
func public(r report.Result) bool {
	return r == report.Published || r == report.Unchanged || r == report.Restored
}

// reason is one sentence about a report that says no, with the name of where the upload
// is kept, or the request's id.
func (in *intake) reason(rep report.Report) string {
	var first string
	more := 0
	for _, f := range rep.Findings {
		switch {
		case !f.Refuses():
		case first == "":
			first = f.String()
		default:
			more++
		}
	}
	if first == "" && waits(rep) {
		return fmt.Sprintf("accepted as a part; not public before those for %s are here, too", strings.Join(rep.Waiting.Missing, ", "))
	}
	if first == "" {
		return ""
	}
	if more > 0 {
		first += fmt.Sprintf("; and %d more", more)
	}
	if rep.Kept != "" {
		return fmt.Sprintf("%s (kept on the server as %s)", first, rep.Kept)
	}
	return fmt.Sprintf("%s (request %s)", first, in.v.id)
}
