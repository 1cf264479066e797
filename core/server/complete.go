package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/mmpush/mmpush/core/report"
	"github.com/mmpush/mmpush/core/tupkg"
)

// Completion is an upload that was accepted: published, or brought to the incoming
// folder. It is the JSON that a program is told.
type Completion struct {
	Schema int `json:"schema"`
	// Result is published, unchanged, restored or accepted.
	Result report.Result `json:"result"`
	User   string        `json:"user"`
	// Transport is the word for the way that the upload came by, Request its name in
	// the server's log.
	Transport string `json:"transport"`
	Request   string `json:"request"`
	// Incoming are the packages that were brought to the user's incoming folder.
	Incoming []Delivered `json:"incoming,omitempty"`
	// Downgrade and TakeOver are what the client asks for about those packages.
	Downgrade bool `json:"downgrade,omitempty"`
	TakeOver  bool `json:"take_over,omitempty"`
	// Report is about a manifest, if there was one.
	Report *report.Report `json:"report,omitempty"`
}

// Delivered is a package in the incoming folder; Path is below the user's folder there.
type Delivered struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Told is what [Options].Complete returns if it has something to tell the user that is no
// failure; Err, if not nil, is a failure besides.
type Told struct {
	Findings []report.Finding
	// Report, if not nil, is the verdict over the packages that were brought to the
	// incoming folder: with it they are no longer only accepted.
	Report *report.Report
	Err    error
}

// Error implements error.
func (t Told) Error() string { return fmt.Sprint(t.Findings, t.Err) }

// accepted notes an upload that was published, for complete.
func (in *intake) accepted(rep report.Report) {
	in.completions = append(in.completions, Completion{Result: rep.Result, Report: &rep})
}

// complete tells Options.Complete of everything that this upload has brought about, when
// nothing of it can be lost any more. What fails then is a warning.
func (in *intake) complete(ctx context.Context, tell func(tupkg.Progress)) {
	if in.s.Complete == nil {
		return
	}
	list := in.completions
	if len(in.delivered) > 0 {
		c := Completion{Result: report.Accepted, Downgrade: in.d.Wishes.Downgrade, TakeOver: in.d.Wishes.TakeOver}
		for _, f := range in.delivered {
			c.Incoming = append(c.Incoming, Delivered{f.Name, f.Size, f.sha})
		}
		list = append(list, c)
	}
	for _, c := range list {
		tell(tupkg.Progress{Stage: "on-complete"})
		c.Schema, c.User, c.Transport, c.Request = report.Schema, in.acc.name, in.s.Transport, in.v.id
		// A client that cancels now is too late: what it has sent is accepted.
		err := in.s.Complete(context.WithoutCancel(ctx), c)
		if told, ok := errors.AsType[Told](err); ok {
			in.notes = append(in.notes, told.Findings...)
			if told.Report != nil {
				in.told = told.Report
			}
			err = told.Err
		}
		if err == nil {
			continue
		}
		in.v.log.Error("failed", "during", "on-complete", "error", err)
		in.notes = append(in.notes, report.Finding{
			Code: report.CodeComplete, Severity: report.SeverityWarning,
			Message: "the upload is safe, but the program that the server runs after it has failed: " + err.Error(),
			Hint:    "tell whoever runs the server (request " + in.v.id + ")",
		})
	}
}
