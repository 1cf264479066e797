package tupkg

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mmpush/mmpush/core/report"
	wire "github.com/mmpush/mmpush/core/tupkg"
)

// answer makes the user's report of the server's.
func (c *conversation) answer(r wire.Result) (report.Report, error) {
	rep := r.Report
	if !known(rep.Result) {
		return rep, &wire.ProtocolError{Phase: wire.PhaseVerdict, Where: "the report", What: fmt.Sprintf("the result %q is not known", string(rep.Result))}
	}
	if !c.o.DryRun && rep.Result == report.Planned {
		return rep, &wire.ProtocolError{Phase: wire.PhaseVerdict, Where: "the report", What: "it is of a dry run, which this was not"}
	}
	sent := c.files.manifestName()
	for i, f := range rep.Findings {
		if f.File == sent {
			rep.Findings[i].File = c.u.Name
		}
	}
	rep.Schema, rep.Manifest, rep.Repository = report.Schema, c.u.Name, c.o.Target
	for i, p := range rep.Packages {
		if p.Kind == report.Binary && p.Architecture == "" {
			// A plan made without the packages does not know.
			rep.Packages[i].Architecture = rep.Architecture
		}
	}
	rep.Findings = c.withNotes(rep.Findings)
	if rep.Result == report.Rejected && !report.Refused(rep.Findings) {
		rep.Findings = append(rep.Findings, c.reasons(r)...)
	}
	return rep, nil
}

// withNotes puts what was found here before what the server found, each once.
func (c *conversation) withNotes(told []report.Finding) []report.Finding {
	list := slices.Clone(c.notes)
	for _, f := range told {
		if !slices.Contains(list, f) {
			list = append(list, f)
		}
	}
	return list
}

// reasons are what the server says about single files, for a rejection that says
// nothing else.
func (c *conversation) reasons(r wire.Result) []report.Finding {
	var list []report.Finding
	for i, f := range r.Files {
		if !f.Pass && f.Reason != "" {
			list = append(list, report.Finding{Code: report.CodeServer, Severity: report.SeverityError, File: c.set.Files[i].Name, Message: f.Reason})
		}
	}
	if len(list) == 0 {
		list = []report.Finding{{
			Code: report.CodeServer, Severity: report.SeverityError, File: c.u.Name, Message: "the server rejects the upload and does not say why",
		}}
	}
	return list
}

// known reports whether a publish can end so.
func known(r report.Result) bool {
	return slices.Contains([]report.Result{
		report.Published, report.Unchanged, report.Restored, report.Planned, report.Rejected, report.Accepted,
	}, r)
}

// explain turns an error of the wire into one for the user.
func (c *conversation) explain(ctx context.Context, err error) error {
	return explain(ctx, err, about{c.o.Target, c.u.Name, c.o.Reach, c.sent > 0})
}

// about is what an error is about; reach is that of [Options], and begun: bytes have
// arrived.
type about struct {
	target, manifest, reach string
	begun                   bool
}

func explain(ctx context.Context, err error, a about) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return &report.Error{Stage: "send", Code: report.CodeStopped, File: a.target, Err: fmt.Errorf("%w: %w", context.Cause(ctx), err)}
	}
	if _, ok := errors.AsType[*report.Error](err); ok {
		return err
	}
	if r, ok := errors.AsType[*wire.Refusal](err); ok {
		return refusal(r, a.target)
	}
	e := &report.Error{Stage: "send", Code: report.CodeConnection, Kind: report.KindTransport, File: a.target, Err: err}
	switch {
	case a.reach != "" && (errors.Is(err, wire.ErrVersion) || errors.Is(err, wire.ErrProtocol)):
		e.Code, e.Hint = report.CodeProtocol, a.reach
	case errors.Is(err, wire.ErrVersion):
		e.Code, e.Hint = report.CodeProtocol, "if that is known, ask for it: add ?v=1 to the target; else ask whoever runs the server"
	case errors.Is(err, wire.ErrProtocol):
		e.Code, e.Hint = report.CodeProtocol, "check host and port of the target; is that a tupkg server?"
	case errors.Is(err, wire.ErrLocal):
		e.Code, e.Kind, e.File = report.CodeDisk, report.KindInternal, a.manifest
		e.Hint = "was the file changed while it was sent? run the same command again"
	case a.begun:
		e.Hint = "what has arrived is kept: the same command goes on where this one stopped"
	case a.reach != "":
		e.Hint = a.reach
	default:
		e.Hint = "check host and port of the target, whether that is a tupkg server, and whether it runs; then run the same command again"
	}
	return e
}

// refusal is a server's no that is no report.
func refusal(r *wire.Refusal, target string) error {
	e := &report.Error{Stage: "send", Code: report.CodeServer, Kind: report.KindRejected, File: target, Err: r, Hint: r.Hint}
	hint := ""
	switch r.Code {
	case wire.CodeDenied:
		e.Code, e.Kind = report.CodeRights, report.KindDenied
		hint = "ask whoever runs the server for the right"
		if errors.Is(r, wire.ErrLogin) {
			e.Code, hint = report.CodeLogin, "check the user name and the password; nothing was sent but these"
		}
	case wire.CodeBusy:
		e.Code, e.Kind, hint = report.CodeBusy, report.KindBusy, "try later: the same command goes on where this one stopped"
	case wire.CodeReplaced:
		e.Code, e.Kind, hint = report.CodeBusy, report.KindBusy, "let the other session finish; then the same command tells what came of it"
	case wire.CodeShutdown:
		e.Code, e.Kind, hint = report.CodeConnection, report.KindTransport, "when the server runs again, the same command goes on where this one stopped"
	case wire.CodeProtocol:
		e.Code, e.Kind, hint = report.CodeProtocol, report.KindTransport, "server and client do not fit together; compare their versions"
	case wire.CodeInternal:
		e.Kind, hint = report.KindInternal, "tell whoever runs the server; what has arrived is kept"
	case wire.CodeLimit:
		hint = "whoever runs the server can raise the limit"
	}
	if e.Hint == "" {
		e.Hint = hint
	}
	return e
}
