package plugins

import (
	"errors"
	"strings"
	"time"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/plugins/pluginpb"
)

// clean is a text as protobuf takes it.
func clean(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// convert applies one conversion to each element; none stays none.
func convert[A, B any](list []A, one func(A) B) []B {
	if list == nil {
		return nil
	}
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = one(a)
	}
	return out
}

// severityToPB and severityFromPB know no other severities: what a plugin makes up
// counts as an error.
func severityToPB(s report.Severity) pluginpb.Severity {
	switch s {
	case report.SeverityWarning:
		return pluginpb.Severity_SEVERITY_WARNING
	case report.SeverityNote:
		return pluginpb.Severity_SEVERITY_NOTE
	}
	return pluginpb.Severity_SEVERITY_ERROR
}

func severityFromPB(s pluginpb.Severity) report.Severity {
	switch s {
	case pluginpb.Severity_SEVERITY_WARNING:
		return report.SeverityWarning
	case pluginpb.Severity_SEVERITY_NOTE:
		return report.SeverityNote
	}
	return report.SeverityError
}

func findingToPB(f report.Finding) *pluginpb.Finding {
	return &pluginpb.Finding{
		Code: clean(string(f.Code)), Severity: severityToPB(f.Severity), File: clean(f.File), Line: int32(f.Line), Field: clean(f.Field),
		Expected: clean(f.Expected), Actual: clean(f.Actual), Message: clean(f.Message), Hint: clean(f.Hint), Verifier: clean(f.Verifier),
	}
}

func findingFromPB(f *pluginpb.Finding) report.Finding {
	return report.Finding{
		Code: report.Code(f.GetCode()), Severity: severityFromPB(f.GetSeverity()), File: f.GetFile(), Line: int(f.GetLine()), Field: f.GetField(),
		Expected: f.GetExpected(), Actual: f.GetActual(), Message: f.GetMessage(), Hint: f.GetHint(), Verifier: f.GetVerifier(),
	}
}

func reportPackageToPB(p report.Package) *pluginpb.ReportPackage {
	return &pluginpb.ReportPackage{
		Kind: clean(string(p.Kind)), Name: clean(p.Name), Version: clean(p.Version), Previous: clean(p.Previous),
		Architecture: clean(p.Architecture), Action: clean(string(p.Action)), File: clean(p.File), Size: p.Size, Sha256: clean(p.SHA256),
	}
}

func reportPackageFromPB(p *pluginpb.ReportPackage) report.Package {
	return report.Package{
		Kind: report.PackageKind(p.GetKind()), Name: p.GetName(), Version: p.GetVersion(), Previous: p.GetPrevious(),
		Architecture: p.GetArchitecture(), Action: report.Action(p.GetAction()), File: p.GetFile(), Size: p.GetSize(), SHA256: p.GetSha256(),
	}
}

// timeToPB is the number of nanoseconds since 1970; 0 is a time that nobody knows.
func timeToPB(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeFromPB(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func partToPB(p report.Part) *pluginpb.Part {
	return &pluginpb.Part{
		Architecture: clean(p.Architecture), Manifest: clean(p.Manifest), Who: clean(p.Who), Transport: clean(p.Transport),
		Time: timeToPB(p.Time), Size: p.Size, Published: p.Published,
	}
}

func partFromPB(p *pluginpb.Part) report.Part {
	return report.Part{
		Architecture: p.GetArchitecture(), Manifest: p.GetManifest(), Who: p.GetWho(), Transport: p.GetTransport(),
		Time: timeFromPB(p.GetTime()), Size: p.GetSize(), Published: p.GetPublished(),
	}
}

func waitingToPB(w *report.Waiting) *pluginpb.Waiting {
	if w == nil {
		return nil
	}
	return &pluginpb.Waiting{
		Id: clean(w.ID), Set: clean(w.Set), Source: clean(w.Source), Version: clean(w.Version), Sha256: clean(w.SHA256),
		Parts: convert(w.Parts, partToPB), Missing: convert(w.Missing, clean), Until: timeToPB(w.Until),
	}
}

func waitingFromPB(w *pluginpb.Waiting) *report.Waiting {
	if w == nil {
		return nil
	}
	return &report.Waiting{
		ID: w.GetId(), Set: w.GetSet(), Source: w.GetSource(), Version: w.GetVersion(), SHA256: w.GetSha256(),
		Parts: convert(w.GetParts(), partFromPB), Missing: w.GetMissing(), Until: timeFromPB(w.GetUntil()),
	}
}

// reportToPB and reportFromPB take over the reports of single repositories, and no
// reports within those: how deep they nest is not for a plugin to say.
func reportToPB(r report.Report) *pluginpb.Report {
	out := singleReportToPB(r)
	out.Repositories = convert(r.Repositories, singleReportToPB)
	return out
}

func reportFromPB(r *pluginpb.Report) report.Report {
	out := singleReportFromPB(r)
	out.Repositories = convert(r.GetRepositories(), singleReportFromPB)
	return out
}

func singleReportToPB(r report.Report) *pluginpb.Report {
	return &pluginpb.Report{
		Result: clean(string(r.Result)), Manifest: clean(r.Manifest), Repository: clean(r.Repository), Architecture: clean(r.Architecture),
		Generation: r.Generation, Time: timeToPB(r.Time), Packages: convert(r.Packages, reportPackageToPB), BytesAdded: r.BytesAdded, BytesRetired: r.BytesRetired,
		Findings: convert(r.Findings, findingToPB), Kept: clean(r.Kept), Undoes: clean(r.Undoes), Set: clean(r.Set), Waiting: waitingToPB(r.Waiting),
	}
}

func singleReportFromPB(r *pluginpb.Report) report.Report {
	return report.Report{
		Schema: report.Schema, Result: report.Result(r.GetResult()), Manifest: r.GetManifest(), Repository: r.GetRepository(),
		Architecture: r.GetArchitecture(), Generation: r.GetGeneration(), Time: timeFromPB(r.GetTime()), Packages: convert(r.GetPackages(), reportPackageFromPB),
		BytesAdded: r.GetBytesAdded(), BytesRetired: r.GetBytesRetired(), Findings: convert(r.GetFindings(), findingFromPB), Kept: r.GetKept(), Undoes: r.GetUndoes(),
		Set: r.GetSet(), Waiting: waitingFromPB(r.GetWaiting()),
	}
}

// errorToPB keeps what people need to know of an error: its text, and what the first
// report.Error in it says. The text of that error begins with its file.
func errorToPB(err error) *pluginpb.Error {
	out := &pluginpb.Error{Message: clean(err.Error())}
	e, ok := errors.AsType[*report.Error](err)
	if !ok {
		return out
	}
	if err == error(e) {
		out.Message, out.File = clean(e.Err.Error()), clean(e.File)
	}
	out.Hint, out.Code, out.Stage = clean(e.Hint), clean(string(e.Code)), clean(e.Stage)
	out.Kind = pluginpb.ErrorKind(e.Kind)
	return out
}

// errorFromPB makes the error of a plugin: kinds that do not exist are internal.
func errorFromPB(e *pluginpb.Error) *report.Error {
	kind := report.Kind(e.GetKind())
	if kind < report.KindInternal || kind > report.KindBusy {
		kind = report.KindInternal
	}
	text := e.GetMessage()
	if text == "" {
		text = "it does not say what is wrong"
	}
	return &report.Error{
		Stage: e.GetStage(), Code: report.Code(e.GetCode()), Kind: kind, File: e.GetFile(), Err: errors.New(text), Hint: e.GetHint(),
	}
}
