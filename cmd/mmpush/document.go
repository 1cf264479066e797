package main

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/mmpush/mmpush/action"
	"github.com/mmpush/mmpush/core/report"
)

// resultError is the result of what could not be done; the others are the report
// room's.
const resultError = action.ResultError

// answer is the document about one manifest: the report, and the error if the work
// could not be done.
type answer struct {
	report.Report
	Error *problem `json:"error,omitempty"`
	// manifests are their paths as they were named, and declared says where they declare
	// which file.
	manifests []string
	declared  map[string]action.Place
}

// answers is the document about several manifests.
type answers struct {
	Schema int `json:"schema"`
	// Result is that of the manifest with the worst exit code.
	Result  report.Result `json:"result"`
	Reports []answer      `json:"reports"`
	// NotTried are the manifests behind one whose failure would have been theirs
	// too.
	NotTried []string `json:"not_tried,omitempty"`
}

// problem is an error as programs see it.
type problem struct {
	Stage   string      `json:"stage,omitempty"`
	Code    report.Code `json:"code"`
	File    string      `json:"file,omitempty"`
	Message string      `json:"message"`
	Hint    string      `json:"hint,omitempty"`
}

func problemOf(err error) *problem {
	p := &problem{Code: report.CodeOf(err), Message: withoutStack(err.Error())}
	if stopped(err) {
		return &problem{Code: report.CodeStopped, Message: "interrupted"}
	}
	if e, ok := errors.AsType[*report.Error](err); ok {
		p.Stage, p.File, p.Hint = e.Stage, e.File, e.Hint
		if error(e) == err {
			p.Message = withoutStack(e.Err.Error())
		}
	}
	return p
}

// fail tells an error that is about the whole run and returns its document and
// exit code.
func (a *app) fail(err error) (doc any, code int) {
	a.err.problem(err)
	return answer{Report: report.Report{Schema: report.Schema, Result: resultError}, Error: problemOf(err)}, exitOfError(err)
}

// document writes the one JSON document of a run.
func (p *printer) document(doc any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		p.failed = err
		return
	}
	_, p.failed = p.w.Write(text.Bytes())
}
